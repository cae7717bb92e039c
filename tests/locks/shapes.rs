//! The attribute on functions of every common shape: they behave as the plain ones, but for the
//! lock.

use std::{
    fmt::Display,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use mongo_lock_runtime::{Error, LockClient, Outcome, distributed_lock};

use crate::support::{acquire, acquire_when_free, database, holder_of, spec};

#[derive(Debug, thiserror::Error)]
enum JobError {
    #[error(transparent)]
    Lock(#[from] Error),
    #[error("not a number")]
    Parse(#[from] std::num::ParseIntError),
}

#[distributed_lock(name = "unit", ttl = "1m")]
async fn unit() {}

#[distributed_lock(name = "value", ttl = "1m")]
async fn value(n: u32) -> u32 {
    if n == 0 {
        return 100;
    }
    n + 1
}

#[distributed_lock(name = "result", ttl = "1m")]
async fn result(text: &str) -> Result<u32, JobError> {
    let n: u32 = text.parse()?;
    Ok(n)
}

#[distributed_lock(name = "anyhow", ttl = "1m")]
async fn with_anyhow(text: &str) -> anyhow::Result<u32> {
    if text.is_empty() {
        anyhow::bail!("empty");
    }
    Ok(text.parse()?)
}

#[distributed_lock(name = "generic", ttl = "1m")]
async fn generic<'a, T: Display + ?Sized>(
    prefix: &'a str,
    value: &T,
    (a, mut b): (u32, u32),
    _: String,
    mut tail: impl Iterator<Item = u32>,
) -> (&'a str, String) {
    b += a + tail.next().unwrap_or_default();
    (prefix, format!("{value}{b}"))
}

#[distributed_lock(name = "hidden", ttl = "1m")]
async fn hidden(n: u32) -> Result<impl Display, JobError> {
    Ok(n + 1)
}

#[distributed_lock(name = "coerced", ttl = "1m")]
async fn coerced(text: bool) -> Box<dyn Display + Send> {
    if text {
        return Box::new("text");
    }
    Box::new(5)
}

#[tokio::test]
async fn return_values() {
    let (_db, client) = database().await;
    client
        .scope(async {
            assert_eq!(unit().await.unwrap(), Outcome::Executed(()));
            assert_eq!(value(1).await.unwrap(), Outcome::Executed(2));
            assert_eq!(value(0).await.unwrap(), Outcome::Executed(100));
            assert_eq!(result("7").await.unwrap(), Outcome::Executed(7));
            assert!(matches!(result("x").await, Err(JobError::Parse(_))));
            assert_eq!(with_anyhow("7").await.unwrap(), Outcome::Executed(7));
            assert_eq!(with_anyhow("").await.unwrap_err().to_string(), "empty");
            let outcome = generic("p", "v", (1, 2), String::new(), 3..).await;
            assert_eq!(outcome.unwrap(), Outcome::Executed(("p", "v6".to_owned())));
            let outcome = hidden(1).await.unwrap();
            assert_eq!(outcome.executed().unwrap().to_string(), "2");
            for (text, shows) in [(true, "text"), (false, "5")] {
                let outcome = coerced(text).await.unwrap();
                assert_eq!(outcome.executed().unwrap().to_string(), shows);
            }
        })
        .await;
}

#[tokio::test]
async fn the_lock_is_held_in_the_body_and_free_after_it() {
    #[distributed_lock(name = "watched", ttl = "1m", client = client)]
    async fn watched(client: &LockClient, fail: bool) -> anyhow::Result<String> {
        let seen = holder_of(client, &spec("watched", 60_000)).await;
        anyhow::ensure!(!fail, "failed");
        Ok(seen.owner)
    }

    let (_db, client) = database().await;
    let outcome = watched(&client, false).await.unwrap();
    assert_eq!(outcome, Outcome::Executed(client.owner().to_owned()));
    let guard = acquire(&client, &spec("watched", 60_000)).await;
    assert!(watched(&client, false).await.unwrap().is_skipped());
    guard.release().await.unwrap();
    assert_eq!(
        watched(&client, true).await.unwrap_err().to_string(),
        "failed"
    );
    drop(acquire(&client, &spec("watched", 60_000)).await);
}

struct Service {
    locks: LockClient,
    runs: u32,
}

impl Service {
    #[distributed_lock(name = "by-ref", ttl = "1m", client = &self.locks)]
    async fn by_ref(&self) -> u32 {
        self.runs
    }

    #[distributed_lock(name = "by-mut", ttl = "1m", client = &self.locks)]
    async fn by_mut(&mut self) -> Result<u32, Error> {
        self.runs += 1;
        Ok(self.runs)
    }

    #[distributed_lock(name = "by-arc", ttl = "1m", client = self.locks.clone())]
    async fn by_arc(self: Arc<Self>) -> u32 {
        self.runs
    }

    #[distributed_lock(name = "by-value", ttl = "1m", client = &self.locks)]
    async fn by_value(mut self) -> u32 {
        self.runs += 1;
        self.runs
    }
}

trait Job {
    async fn run(&self) -> Result<Outcome<u32>, JobError>;
}

impl Job for Service {
    #[distributed_lock(name = "trait", ttl = "1m", client = &self.locks)]
    async fn run(&self) -> Result<Outcome<u32>, JobError> {
        if self.runs == 0 {
            return Ok(Outcome::Executed("0".parse()?));
        }
        Ok(Outcome::Executed(self.runs))
    }
}

#[tokio::test]
async fn methods() {
    let (_db, locks) = database().await;
    let held = acquire(&locks, &spec("trait", 60_000)).await;
    let mut service = Service { locks, runs: 1 };
    assert_eq!(service.by_ref().await.unwrap(), Outcome::Executed(1));
    assert_eq!(service.by_mut().await.unwrap(), Outcome::Executed(2));
    assert!(service.run().await.unwrap().is_skipped());
    held.release().await.unwrap();
    assert_eq!(service.run().await.unwrap(), Outcome::Executed(2));
    let service = Arc::new(service);
    let outcome = Arc::clone(&service).by_arc().await.unwrap();
    assert_eq!(outcome, Outcome::Executed(2));
    let service = Arc::into_inner(service).expect("the call has dropped its own");
    assert_eq!(service.by_value().await.unwrap(), Outcome::Executed(3));
}

/// Says its name when it is dropped.
struct Loud(&'static str, Arc<Mutex<Vec<&'static str>>>);

impl Drop for Loud {
    fn drop(&mut self) {
        self.1.lock().unwrap().push(self.0);
    }
}

#[expect(dead_code)] // dropped, not read
struct Pair(Loud, Loud);

#[expect(clippy::unused_async)] // its twin has the same body
async fn plain(_a: Loud, Pair(b, _): Pair, _: Loud, c: Loud) {
    drop(c);
    let _local = Loud("local", Arc::clone(&b.1));
}

#[distributed_lock(name = "drop-order", ttl = "1m")]
async fn locked(_a: Loud, Pair(b, _): Pair, _: Loud, c: Loud) {
    drop(c);
    let _local = Loud("local", Arc::clone(&b.1));
}

#[tokio::test]
async fn arguments_drop_in_the_plain_function_s_order() {
    let (_db, client) = database().await;
    let log = Arc::new(Mutex::new(Vec::new()));
    let loud = |name| Loud(name, Arc::clone(&log));
    let pair = || Pair(loud("b"), loud("b2"));
    plain(loud("a"), pair(), loud("wild"), loud("c")).await;
    let expected = std::mem::take(&mut *log.lock().unwrap());
    let call = locked(loud("a"), pair(), loud("wild"), loud("c"));
    assert!(client.scope(call).await.unwrap().is_executed());
    assert_eq!(*log.lock().unwrap(), expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn arguments_drop_before_the_lock_is_released() {
    /// Asks for the lock when it is dropped.
    struct Asks(LockClient, Arc<AtomicU32>);

    impl Drop for Asks {
        fn drop(&mut self) {
            let held = tokio::task::block_in_place(|| {
                let handle = tokio::runtime::Handle::current();
                handle.block_on(self.0.try_acquire(&spec("held", 60_000)))
            });
            if held.unwrap().skipped().is_some() {
                self.1.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    #[distributed_lock(name = "held", ttl = "1m", reuse)]
    async fn body(_unused: Asks, used: Asks) {
        let _used = &used;
    }

    #[distributed_lock(name = "held", ttl = "1m", reuse)]
    async fn fails(_unused: Asks) -> Result<(), Error> {
        Err(Error::NoClient)
    }

    #[distributed_lock(name = "held", ttl = "500ms", reuse)]
    async fn times_out(_unused: Asks) {
        std::future::pending::<()>().await;
    }

    let (_db, client) = database().await;
    let held = Arc::new(AtomicU32::new(0));
    let asks = || Asks(client.clone(), Arc::clone(&held));
    let outcome = client.scope(body(asks(), asks())).await;
    assert!(outcome.unwrap().is_executed());
    assert_eq!(held.load(Ordering::Relaxed), 2);
    let failed = client.scope(fails(asks())).await;
    assert!(matches!(failed, Err(Error::NoClient)));
    assert_eq!(held.load(Ordering::Relaxed), 3);
    let stopped = client.scope(times_out(asks())).await.unwrap_err();
    assert!(matches!(stopped, Error::LeaseLost { .. }), "{stopped}");
    assert_eq!(held.load(Ordering::Relaxed), 4);
}

#[tokio::test]
async fn a_panic_reaches_the_caller_and_the_lock_is_free() {
    #[distributed_lock(name = "panics", ttl = "1m", client = client)]
    async fn panics(client: LockClient) {
        panic!("of {}", client.owner().len());
    }

    let (_db, client) = database().await;
    let task = tokio::spawn(panics(client.clone()));
    let panic = task.await.unwrap_err().into_panic();
    let message = panic.downcast_ref::<String>().unwrap();
    assert_eq!(*message, format!("of {}", client.owner().len()));
    acquire_when_free(&client, &spec("panics", 60_000))
        .await
        .release()
        .await
        .unwrap();
}

mod composed {
    use super::*;

    async fn fresh_client() -> LockClient {
        database().await.1
    }

    #[distributed_lock(name = "above-test", ttl = "1m", client = fresh_client().await)]
    #[tokio::test]
    async fn with_tokio_test() {
        // Nothing but the attribute could have configured a client here.
        assert!(matches!(LockClient::current(), Err(Error::NoClient)));
    }

    #[test]
    fn with_tokio_main() {
        static RAN: AtomicU32 = AtomicU32::new(0);

        #[distributed_lock(name = "main", ttl = "1m", client = fresh_client().await)]
        #[tokio::main]
        async fn main() -> anyhow::Result<u32> {
            Ok(RAN.fetch_add(1, Ordering::Relaxed))
        }

        assert_eq!(main().unwrap(), Outcome::Executed(0));
    }

    #[distributed_lock(name = "instrument-below", ttl = "1m")]
    #[tracing::instrument(ret)]
    async fn instrument_below(day: u32) -> Result<u32, JobError> {
        Ok(day + "1".parse::<u32>()?)
    }

    #[tracing::instrument(ret)]
    #[distributed_lock(name = "instrument-above", ttl = "1m")]
    async fn instrument_above(day: u32) -> Result<u32, JobError> {
        Ok(day + "1".parse::<u32>()?)
    }

    #[tokio::test]
    async fn with_tracing_instrument() {
        let (_db, client) = database().await;
        let below = client.scope(instrument_below(1)).await.unwrap();
        assert_eq!(below, Outcome::Executed(2));
        let above = client.scope(instrument_above(1)).await.unwrap();
        assert_eq!(above, Outcome::Executed(2));
    }
}

mod renamed {
    mod facade {
        pub(super) mod locks {
            pub(crate) use mongo_lock_runtime::*;
        }
    }

    #[facade::locks::distributed_lock(name = "renamed", ttl = "1m", crate = facade::locks)]
    async fn job() -> Result<u32, facade::locks::Error> {
        Ok(1)
    }

    #[tokio::test]
    async fn the_crate_argument_names_the_runtime() {
        let (_db, client) = crate::support::database().await;
        let outcome = client.scope(job()).await.unwrap();
        assert_eq!(outcome.executed(), Some(1));
    }
}
