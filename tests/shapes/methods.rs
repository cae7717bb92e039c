//! Every form of `self`.

use std::{pin::Pin, rc::Rc, sync::Arc};

use mongo_lock_runtime::distributed_lock;

use crate::call;

#[derive(Clone)]
struct Counter<T = u32> {
    n: T,
}

type Alias = Counter;

impl Counter {
    const START: u32 = 10;

    #[distributed_lock(name = "self-none", ttl = "1m")]
    async fn new() -> Self {
        Self { n: Self::START }
    }

    #[distributed_lock(name = "self-value", ttl = "1m")]
    async fn by_value(self) -> u32 {
        self.n
    }

    #[distributed_lock(name = "self-mut-value", ttl = "1m")]
    async fn by_mut_value(mut self) -> Self {
        self.n += 1;
        self
    }

    #[distributed_lock(name = "self-ref", ttl = "1m")]
    async fn by_ref(&self) -> &u32 {
        &self.n
    }

    #[distributed_lock(name = "self-named", ttl = "1m")]
    async fn by_named_ref<'a>(&'a self, _other: &str) -> &'a u32 {
        &self.n
    }

    #[distributed_lock(name = "self-mut", ttl = "1m")]
    async fn by_mut(&mut self) -> &mut u32 {
        self.n += 1;
        &mut self.n
    }

    #[distributed_lock(name = "self-typed", ttl = "1m")]
    async fn by_typed(self: &Self) -> u32 {
        self.n
    }

    #[distributed_lock(name = "self-alias", ttl = "1m")]
    async fn by_alias(self: Alias) -> u32 {
        self.n
    }

    #[distributed_lock(name = "self-box", ttl = "1m")]
    async fn by_box(self: Box<Self>) -> u32 {
        self.n
    }

    #[distributed_lock(name = "self-mut-box", ttl = "1m")]
    async fn by_mut_box(mut self: Box<Self>) -> u32 {
        self.n += 1;
        self.n
    }

    #[distributed_lock(name = "self-rc", ttl = "1m")]
    async fn by_rc(self: Rc<Self>) -> u32 {
        self.n
    }

    #[distributed_lock(name = "self-arc", ttl = "1m")]
    async fn by_arc_ref(self: &Arc<Self>) -> u32 {
        self.n
    }

    #[distributed_lock(name = "self-pin", ttl = "1m")]
    async fn by_pin(mut self: Pin<&mut Self>) -> u32 {
        self.n += 1;
        self.n
    }
}

impl<T> Counter<T> {
    #[distributed_lock(name = "self-generic", ttl = "1m")]
    async fn generic<'a, U>(&'a self, other: U) -> (&'a T, U, usize)
    where
        Self: Sized,
    {
        (&self.n, other, size_of::<Self>())
    }
}

#[tokio::test]
async fn every_self() {
    let mut counter = call(Counter::new()).await;
    assert_eq!(call(counter.clone().by_value()).await, 10);
    assert_eq!(call(counter.clone().by_mut_value()).await.n, 11);
    assert_eq!(*call(counter.by_ref()).await, 10);
    assert_eq!(*call(counter.by_named_ref("")).await, 10);
    *call(counter.by_mut()).await += 1;
    assert_eq!(call(counter.by_typed()).await, 12);
    assert_eq!(call(counter.clone().by_alias()).await, 12);
    assert_eq!(call(Box::new(counter.clone()).by_box()).await, 12);
    assert_eq!(call(Box::new(counter.clone()).by_mut_box()).await, 13);
    assert_eq!(call(Rc::new(counter.clone()).by_rc()).await, 12);
    assert_eq!(call(Arc::new(counter.clone()).by_arc_ref()).await, 12);
    assert_eq!(call(Pin::new(&mut counter).by_pin()).await, 13);
    let (n, other, size) = call(counter.generic('x')).await;
    assert_eq!((*n, other, size), (13, 'x', 4));
}
