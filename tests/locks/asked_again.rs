//! A caller that asks again right after it let the lock go is never refused by itself, however it let
//! go: a dropped guard, a call that was cut by a time-out, a panic.

use std::{future::pending, panic::resume_unwind};

use mongo_lock_runtime::{Acquisition, LockClient, LockSpec, distributed_lock};
use tokio::{spawn, time::timeout};

use crate::support::{acquire, database, ms, spec};

const TIMES: u32 = 40;

#[distributed_lock(name = "again", ttl = "60s", reuse)]
async fn job(long: bool) {
    if long {
        pending::<()>().await;
    }
}

#[distributed_lock(name = "again", ttl = "60s", reuse)]
async fn panicky(really: bool) {
    if really {
        resume_unwind(Box::new("on purpose"));
    }
}

async fn dropped(client: &LockClient, spec: &LockSpec, number: u32) {
    drop(acquire(client, spec).await);
    match client.try_acquire(spec).await.unwrap() {
        Acquisition::Acquired(guard) => drop(guard.release().await.unwrap()),
        Acquisition::Skipped(skipped) => panic!("time {number}: {skipped}"),
    }
}

async fn all(client: &LockClient) {
    let plain = spec("again", 60_000);
    let with = || LockSpec::builder("again", ms(60_000));
    let reader = with().shared(true).build().unwrap();
    let permit = with().permits(1).renew(true).build().unwrap();
    for number in 0..TIMES {
        dropped(client, &plain, number).await;
        dropped(client, &permit, number).await;
        // A writer after a reader of its own.
        drop(acquire(client, &reader).await);
        dropped(client, &plain, number).await;

        timeout(ms(20), client.scope(job(true))).await.unwrap_err();
        let outcome = client.scope(job(false)).await.unwrap();
        assert!(outcome.is_executed(), "time {number}, cut: {outcome:?}");

        let panics = client.clone();
        let panics = spawn(async move { panics.scope(panicky(true)).await.map(drop) });
        assert!(panics.await.unwrap_err().is_panic());
        let outcome = client.scope(panicky(false)).await.unwrap();
        assert!(outcome.is_executed(), "time {number}, panic: {outcome:?}");
    }
}

#[tokio::test]
async fn in_memory_on_one_thread() {
    all(&LockClient::in_memory()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn in_memory_on_several_threads() {
    all(&LockClient::in_memory()).await;
}

#[tokio::test]
async fn on_a_server_on_one_thread() {
    let (_db, client) = database().await;
    all(&client).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_a_server_on_several_threads() {
    let (_db, client) = database().await;
    all(&client).await;
}
