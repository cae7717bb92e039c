//! A server that hangs, for one request or for all: every caller ends within its own time limit.

use std::time::Duration;

use mongo_lock_runtime::LockSpec;
use mongo_lock_testkit::ProxyMode;
use mongodb::bson::doc;
use tokio::{
    spawn,
    time::{Instant, sleep},
};

use crate::support::{
    Fixture, PATIENCE, SOON, acquire, eventually, ms, places, spec, until, within,
};

const LIMIT: Duration = ms(2000);

/// A waiter is cancelled while the server hangs; the next call has its own time, and no more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_waiter_is_not_in_the_way_of_the_next_call() {
    for wait in [Some(ms(500)), None] {
        let (fixture, proxy) = Fixture::behind_a_proxy(LIMIT).await;
        let other = fixture.other().await;
        let held = acquire(&other, &spec("job", 60_000)).await;
        let waiter = {
            let client = fixture.client.clone();
            spawn(async move { client.acquire(&spec("job", 60_000)).await.map(drop) })
        };
        eventually(until(async || places(&fixture.db, "job").await == 1)).await;
        proxy.set(ProxyMode::Hang).await.unwrap();
        waiter.abort();
        let _ = waiter.await;
        let wanted = spec("job", 60_000);
        // Less than the second that an attempt is given beyond the limit.
        let limit = LIMIT + ms(800);
        let started = Instant::now();
        let call = async {
            match wait {
                Some(wait) => {
                    let acquired = fixture.client.acquire_within(&wanted, wait).await;
                    acquired.map(|acquired| acquired.acquired().is_some())
                }
                None => fixture.client.acquire(&wanted).await.map(|_| true),
            }
        };
        let ended = eventually(call).await;
        let took = started.elapsed();
        assert!(!matches!(ended, Ok(true)), "{wait:?}: it is held");
        assert!(took < limit, "{wait:?}: {took:?}, {ended:?}");
        proxy.set(ProxyMode::Forward).await.unwrap();
        held.release().await.unwrap();
    }
}

/// Giving up a place takes the server long. The lock is free, and the next caller gets it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_place_that_is_given_up_slowly_holds_up_no_caller() {
    let fixture = Fixture::with_limit(PATIENCE).await;
    let Fixture { db, client } = &fixture;
    let other = fixture.other().await;
    let held = acquire(&other, &spec("job", 60_000)).await;
    let waiter = {
        let client = client.clone();
        spawn(async move { client.acquire(&spec("job", 60_000)).await.map(drop) })
    };
    eventually(until(async || places(db, "job").await == 1)).await;
    let effect = doc! { "blockConnection": true, "blockTimeMS": 4000 };
    let blocks = fixture
        .fails("findAndModify", doc! { "times": 1 }, effect)
        .await;
    waiter.abort();
    let _ = waiter.await;
    blocks.hit(1).await.unwrap();
    held.release().await.unwrap();
    let started = Instant::now();
    let wanted = spec("job", 60_000);
    let acquired = client.acquire_within(&wanted, ms(300)).await.unwrap();
    assert!(acquired.acquired().is_some(), "the lock was free");
    let took = started.elapsed();
    assert!(took < ms(2000), "{took:?}");
    blocks.off().await.unwrap();
}

/// The request for the first waiter hangs. Those behind it have time of their own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_request_that_hangs_fails_no_caller_that_came_later() {
    let fixture = Fixture::with_limit(LIMIT).await;
    let other = fixture.other().await;
    let held = acquire(&other, &spec("job", 60_000)).await;
    let effect = doc! { "blockConnection": true, "blockTimeMS": 2800 };
    let hangs = fixture.fails("findAndModify", doc! { "times": 1 }, effect);
    let hangs = hangs.await;
    let call = || {
        let client = fixture.client.clone();
        spawn(async move {
            let waits = LockSpec::new("job", ms(60_000)).unwrap();
            let acquired = client.acquire_within(&waits, PATIENCE).await;
            acquired.map(|acquired| acquired.acquired().is_some())
        })
    };
    let first = call();
    hangs.hit(1).await.unwrap();
    sleep(LIMIT * 3 / 4).await;
    let second = call();
    sleep(LIMIT * 3 / 16).await;
    let third = call();
    // The first one fails, or is asked for again: either way in time.
    within(LIMIT + SOON, first).await.unwrap().ok();
    sleep(LIMIT).await;
    assert!(!second.is_finished() && !third.is_finished(), "they wait");
    held.release().await.unwrap();
    for later in [second, third] {
        let acquired = eventually(later).await.unwrap();
        assert!(matches!(acquired, Ok(true)), "{acquired:?}");
    }
    hangs.off().await.unwrap();
}
