//! The current lease: in the body, in tasks that are given it, and nowhere else.

use mongo_lock_runtime::{Lease, LockClient, assert_locked, current_lease, distributed_lock};
use tokio::task::JoinError;

use crate::support::{Fixture, acquire, spec};

#[distributed_lock(name = "inner", ttl = "1m")]
async fn inner() -> i64 {
    assert_eq!(current_lease().unwrap().name().as_str(), "inner");
    // That of the lock around it, too.
    let outer = assert_locked("outer");
    assert!(outer.check().is_ok());
    assert_locked("inner").token()
}

#[distributed_lock(name = "outer", ttl = "1m")]
async fn outer(client: &LockClient) -> (Lease, i64) {
    let lease = assert_locked("outer");
    let inside = client.scope(inner()).await.unwrap().executed().unwrap();
    // Back from the inner one.
    assert_eq!(current_lease().unwrap().token(), lease.token());

    let spawned = tokio::spawn(async { current_lease().is_none() });
    assert!(spawned.await.unwrap(), "a task does not inherit it");
    let given = lease
        .clone()
        .scope(async { assert_locked("outer").token() });
    assert_eq!(tokio::spawn(given).await.unwrap(), lease.token());
    (lease, inside)
}

#[tokio::test]
async fn is_that_of_the_body_and_of_tasks_that_are_given_it() {
    let Fixture { client, .. } = Fixture::new().await;
    assert!(current_lease().is_none());
    let done = client.scope(outer(&client)).await.unwrap();
    let (lease, inside) = done.executed().unwrap();
    assert_eq!(lease.name().as_str(), "outer");
    assert_ne!(lease.token(), inside);
    assert!(current_lease().is_none());

    // The task outlives the body: it has the lease, and learns that it is over.
    let late = lease.scope(async { current_lease().unwrap().check() });
    tokio::spawn(late).await.unwrap().unwrap_err();
}

async fn message(task: impl Future<Output = Lease> + Send + 'static) -> String {
    let error: JoinError = tokio::spawn(task).await.unwrap_err();
    *error.into_panic().downcast().unwrap()
}

#[tokio::test]
async fn the_assertion_says_what_is_wrong() {
    let Fixture { client, .. } = Fixture::new().await;
    let without = message(async { assert_locked("a") }).await;
    assert!(without.contains("`a`, and runs under no lock"), "{without}");

    let guard = acquire(&client, &spec("b", 60_000)).await;
    let lease = guard.lease().clone();
    let other = message(lease.clone().scope(async { assert_locked("a") })).await;
    assert!(other.contains("`a`, and runs under `b`"), "{other}");

    guard.release().await.unwrap();
    let over = message(lease.scope(async { assert_locked("b") })).await;
    assert!(over.contains("it was released"), "{over}");

    let short = acquire(&client, &spec("c", 500)).await;
    short.lease().lost().await;
    let lease = short.lease().clone();
    let over = message(lease.scope(async { assert_locked("c") })).await;
    assert!(over.contains("ttl of 500ms"), "{over}");
}
