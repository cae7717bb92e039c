//! A panic of the body reaches the caller as it is, and frees the lock.

use std::{any::Any, future::pending, panic::panic_any, sync::Arc};

use mongo_lock_runtime::distributed_lock;
use mongo_lock_testkit::TestDb;

use crate::support::{Fixture, SOON, free, live, ms, within};

#[derive(Debug, PartialEq)]
struct Payload(u32);

#[distributed_lock(name = "at-once", ttl = "1m")]
async fn at_once() {
    panic_any(Payload(1));
}

#[distributed_lock(name = "later", ttl = "1m", renew)]
async fn later(db: &TestDb) {
    assert_eq!(live(db, "later").await.len(), 1);
    panic_any(Payload(2));
}

#[distributed_lock(name = "in-drop", ttl = "500ms")]
async fn in_drop() {
    let _bomb = Bomb;
    pending::<()>().await;
}

/// Its panic comes out of a body that is stopped, not of one that is polled.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic_any(Payload(3));
    }
}

/// Lets the call panic in a task of its own.
async fn panics<T: Send + 'static>(call: impl Future<Output = T> + Send + 'static) -> Payload {
    let Err(error) = tokio::spawn(call).await else {
        panic!("it did not panic");
    };
    let payload: Box<dyn Any + Send> = error.into_panic();
    *payload.downcast().expect("the payload is another")
}

#[tokio::test]
async fn reach_the_caller_and_free_the_lock() {
    let Fixture { db, client } = Fixture::new().await;
    let scoped = client.clone();
    let payload = panics(async move { scoped.scope(at_once()).await }).await;
    assert_eq!(payload, Payload(1));
    within(SOON, free(&db, "at-once")).await;

    let db = Arc::new(db);
    let (scoped, same) = (client.clone(), db.clone());
    let payload = panics(async move { scoped.scope(later(&same)).await }).await;
    assert_eq!(payload, Payload(2));
    within(SOON, free(&db, "later")).await;
}

#[tokio::test]
async fn of_a_body_that_is_being_stopped_free_it_too() {
    let Fixture { db, client } = Fixture::with(|builder| builder.margin(ms(450))).await;
    let payload = panics(async move { client.scope(in_drop()).await }).await;
    assert_eq!(payload, Payload(3));
    within(ms(400), free(&db, "in-drop")).await;
}
