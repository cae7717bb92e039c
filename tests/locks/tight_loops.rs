//! A loop that asks again at once leaves room for the task that holds the lock.

use std::time::{Duration, Instant};

use mongo_lock_runtime::{Acquisition, LockClient, distributed_lock};
use tokio::{spawn, task::JoinHandle, time::sleep};

use crate::support::{acquire, database, ms, spec};

/// The loop starves every timer of its runtime while it is wrong, so it counts.
const TRIES: u32 = 300_000;
const LIMIT: Duration = Duration::from_secs(20);

/// Holds the lock for a moment.
async fn holder(client: &LockClient) -> JoinHandle<()> {
    let guard = acquire(client, &spec("tight", 60_000)).await;
    spawn(async move {
        sleep(ms(50)).await;
        guard.release().await.unwrap();
    })
}

/// Asks until the answer is the lock.
async fn ask(holder: JoinHandle<()>, mut ask: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    let mut tries = 0;
    while !ask().await {
        tries += 1;
        let took = started.elapsed();
        assert!(
            tries < TRIES || took < ms(2000),
            "{tries} tries in {took:?}"
        );
        assert!(took < LIMIT, "{tries} tries in {took:?}");
    }
    holder.await.unwrap();
}

async fn by_guard(holder_of: &LockClient, asks: &LockClient) {
    for limit in [None, Some(ms(0)), Some(ms(1))] {
        let wanted = spec("tight", 60_000);
        ask(holder(holder_of).await, async || {
            let acquired = match limit {
                None => asks.try_acquire(&wanted).await,
                Some(limit) => asks.acquire_within(&wanted, limit).await,
            };
            match acquired.unwrap() {
                Acquisition::Acquired(guard) => {
                    guard.release().await.unwrap();
                    true
                }
                Acquisition::Skipped(_) => false,
            }
        })
        .await;
    }
}

#[distributed_lock(name = "tight", ttl = "60s")]
async fn job() {}

async fn by_attribute(holder_of: &LockClient, asks: &LockClient) {
    ask(holder(holder_of).await, async || {
        asks.scope(job()).await.unwrap().is_executed()
    })
    .await;
}

// One thread: a loop that never waits is all that runs.
#[tokio::test]
async fn in_memory() {
    let client = LockClient::in_memory();
    let other = client.with_owner("other").unwrap();
    for asks in [&client, &other] {
        by_guard(&client, asks).await;
        by_attribute(&client, asks).await;
    }
}

#[tokio::test]
async fn on_a_server() {
    let (db, client) = database().await;
    let other = LockClient::connect(db.uri()).await.unwrap();
    for asks in [&client, &other] {
        by_guard(&client, asks).await;
        by_attribute(&client, asks).await;
    }
}

/// As many as there are worker threads, and more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_several_tasks() {
    let (_db, mongo) = database().await;
    for client in [LockClient::in_memory(), mongo] {
        let holder = holder(&client).await;
        let loops: Vec<_> = (0..6)
            .map(|_| {
                let client = client.clone();
                spawn(async move {
                    let started = Instant::now();
                    while !client.scope(job()).await.unwrap().is_executed() {
                        assert!(
                            started.elapsed() < LIMIT,
                            "the holder does not get its turn"
                        );
                    }
                })
            })
            .collect();
        for task in loops {
            task.await.unwrap();
        }
        holder.await.unwrap();
    }
}
