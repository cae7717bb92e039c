use std::pin::Pin;

use mongo_lock_runtime::distributed_lock;

type Boxed<T> = Pin<Box<dyn Future<Output = T>>>;

#[distributed_lock(name = "job", ttl = "5m")]
fn behind_an_alias() -> Boxed<u32> {
    Box::pin(async move { 1 })
}

#[distributed_lock(name = "job", ttl = "5m")]
fn with_more_before() -> Pin<Box<dyn Future<Output = u32>>> {
    let n = 1;
    Box::pin(async move { n })
}

#[distributed_lock(name = "job", ttl = "5m")]
fn hidden() -> impl Future<Output = u32> {
    async { 1 }
}

fn main() {}
