//! A waiter that dies delays the next by seconds, whatever the ttl.

use std::time::{Duration, Instant};

use mongo_lock_runtime::LockClient;
use mongo_lock_testkit::Server;
use tokio::spawn;

use crate::support::{
    Worker, acquire, client, eventually, patient, places, spec, until, worker_input,
};

/// For so long a place is kept for one that is not heard of: [`mongo_lock_runtime::LockSpecBuilder::wait`]
/// says so.
const KEPT: Duration = Duration::from_secs(5);
/// Of a machine with other things to do.
const SLACK: Duration = Duration::from_secs(3);

#[tokio::test]
async fn killed_at_the_head_of_the_queue_the_next_has_the_lock_in_time() {
    let db = Server::shared().await.database().await;
    let (holder, next) = (client(&db).await, client(&db).await);
    let held = acquire(&holder, &spec("lock", 120_000)).await;
    let mut first = Worker::start("dead::worker", &db.uri());
    eventually(until(async || places(&db, "lock").await == 1)).await;
    let waits = patient("lock").build().unwrap();
    let second = spawn(async move { next.acquire(&waits).await.unwrap() });
    eventually(until(async || places(&db, "lock").await == 2)).await;
    first.kill();
    let killed = Instant::now();
    held.release().await.unwrap();
    let guard = eventually(second).await.unwrap();
    let late = killed.elapsed();
    assert!(late < KEPT + SLACK, "{late:?}");
    guard.release().await.unwrap();
}

#[tokio::test]
#[ignore = "the process that a test above kills"]
async fn worker() {
    let Some(uri) = worker_input() else { return };
    let client = LockClient::connect(uri).await.unwrap();
    let guard = client.acquire(&patient("lock").build().unwrap()).await;
    unreachable!("{guard:?}");
}
