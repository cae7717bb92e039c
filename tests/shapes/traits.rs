//! Methods of traits: native ones and those of `#[async_trait]`, in implementations and as defaults.

use std::{fmt::Display, pin::Pin, sync::Arc};

use async_trait::async_trait;
use mongo_lock_runtime::{Error, LockClient, Outcome, current_lease, distributed_lock};

use crate::call;

struct Service {
    locks: LockClient,
    n: u32,
}

fn service() -> Service {
    Service {
        locks: LockClient::in_memory(),
        n: 7,
    }
}

trait Native {
    async fn implemented(&self, day: u32) -> Result<Outcome<u32>, Error>;

    #[distributed_lock(name = "trait-default", ttl = "1m")]
    async fn default_body(&self, day: u32) -> Result<Outcome<u32>, Error> {
        let below = self.implemented(day).await?;
        Ok(below.map(|n| n + 1))
    }

    #[distributed_lock(name = "trait-default-value", ttl = "1m")]
    async fn default_value(&self) -> u32 {
        1
    }
}

impl Native for Service {
    #[distributed_lock(name = "trait-native", ttl = "1m", client = &self.locks)]
    async fn implemented(&self, day: u32) -> Result<Outcome<u32>, Error> {
        if day == 0 {
            return Ok(Outcome::Executed(0));
        }
        Ok(Outcome::Executed(self.n + day))
    }
}

#[tokio::test]
async fn native() {
    let service = service();
    let outcome = service.implemented(1).await.unwrap();
    assert_eq!(outcome, Outcome::Executed(8));
    assert_eq!(call(Native::default_body(&service, 0)).await, 1);
    assert_eq!(call(service.default_value()).await, 1);
}

#[async_trait]
trait Boxed: Send + Sync {
    async fn by_ref(&self, day: u32) -> Result<Outcome<u32>, Error>;
    async fn by_mut(&mut self, text: &str) -> Result<Outcome<String>, Error>;
    async fn by_arc(self: Arc<Self>) -> Result<Outcome<u32>, Error>;
    async fn patterns(&self, (a, b): (u32, u32), _: String) -> Result<Outcome<u32>, Error>;
    async fn generic<T: Display + Send>(&self, id: T) -> Result<Outcome<String>, Error>
    where
        Self: Sized;

    #[distributed_lock(name = "boxed-default", ttl = "1m")]
    async fn default_body(&self, day: u32) -> Result<Outcome<u32>, Error> {
        let below = self.by_ref(day).await?;
        Ok(below.map(|n| n + 1))
    }
}

#[async_trait]
impl Boxed for Service {
    #[distributed_lock(name = "boxed-ref", ttl = "1m", client = &self.locks)]
    async fn by_ref(&self, day: u32) -> Result<Outcome<u32>, Error> {
        if day == 0 {
            return Ok(Outcome::Executed(0));
        }
        tokio::task::yield_now().await;
        Ok(Outcome::Executed(self.n + day))
    }

    #[distributed_lock(name = "boxed-mut/{text}", ttl = "1m", client = self.locks.clone())]
    async fn by_mut(&mut self, text: &str) -> Result<Outcome<String>, Error> {
        self.n += 1;
        let lease = current_lease().unwrap();
        Ok(Outcome::Executed(format!("{text} {}", lease.name())))
    }

    #[distributed_lock(name = "boxed-arc", ttl = "1m", client = &self.locks)]
    async fn by_arc(self: Arc<Self>) -> Result<Outcome<u32>, Error> {
        Ok(Outcome::Executed(self.n))
    }

    #[distributed_lock(name = "boxed-patterns", ttl = "1m", client = &self.locks)]
    async fn patterns(&self, (a, b): (u32, u32), _: String) -> Result<Outcome<u32>, Error> {
        Ok(Outcome::Executed(a + b))
    }

    #[distributed_lock(name = "boxed-generic/{id}", ttl = "1m", client = &self.locks)]
    async fn generic<T: Display + Send>(&self, id: T) -> Result<Outcome<String>, Error> {
        Ok(Outcome::Executed(id.to_string()))
    }
}

#[async_trait(?Send)]
trait Local {
    async fn run(&self) -> Result<Outcome<u32>, Error>;
}

#[async_trait(?Send)]
impl Local for Service {
    #[distributed_lock(name = "boxed-local", ttl = "1m", client = &self.locks)]
    async fn run(&self) -> Result<Outcome<u32>, Error> {
        let n = std::rc::Rc::new(self.n);
        tokio::task::yield_now().await;
        Ok(Outcome::Executed(*n))
    }
}

#[tokio::test]
async fn async_trait_methods() {
    let mut service = service();
    let locks = service.locks.clone();
    let boxed: &dyn Native2 = &service;
    assert_eq!(boxed.run().await.unwrap().executed(), Some(7));
    assert_eq!(service.by_ref(1).await.unwrap().executed(), Some(8));
    assert_eq!(service.by_ref(0).await.unwrap().executed(), Some(0));
    let outcome = Boxed::by_mut(&mut service, "x").await.unwrap();
    assert_eq!(outcome.executed().unwrap(), "x boxed-mut/x");
    let sum = service.patterns((1, 2), String::new()).await.unwrap();
    assert_eq!(sum.executed(), Some(3));
    let generic = service.generic('y').await.unwrap();
    assert_eq!(generic.executed().unwrap(), "y");
    let outcome = locks.scope(Boxed::default_body(&service, 1)).await;
    assert_eq!(outcome.unwrap().executed(), Some(10));
    assert_eq!(Local::run(&service).await.unwrap().executed(), Some(8));
    let by_arc = Arc::new(service).by_arc().await.unwrap();
    assert_eq!(by_arc.executed(), Some(8));
}

#[tokio::test]
async fn an_async_trait_method_is_skipped_while_the_lock_is_held() {
    let service = service();
    let spec = mongo_lock_runtime::LockSpec::new("boxed-ref", std::time::Duration::from_secs(60));
    let held = service.locks.try_acquire(&spec.unwrap()).await.unwrap();
    assert!(service.by_ref(1).await.unwrap().is_skipped());
    drop(held);
}

/// The output of `#[async_trait]`, written by hand.
trait Native2 {
    fn run(&self) -> Pin<Box<dyn Future<Output = Result<Outcome<u32>, Error>> + Send + '_>>;
}

impl Native2 for Service {
    #[distributed_lock(name = "boxed-by-hand", ttl = "1m", client = &self.locks)]
    fn run(&self) -> Pin<Box<dyn Future<Output = Result<Outcome<u32>, Error>> + Send + '_>> {
        Box::pin(async move { Ok(Outcome::Executed(self.n)) })
    }
}
