//! A lock with `min_hold` stays taken that long, however quick its body; and no longer.

use std::{future::pending, time::Duration};

use mongo_lock_runtime::{Error, LockSpec, Release, distributed_lock};
use mongodb::bson::doc;
use tokio::time::{sleep, timeout};

use crate::support::{
    Fixture, OURS, acquire, acquire_when_free, eventually, free, live, ms, only, spec, until,
};

fn minimum(name: &str, ttl: Duration, min_hold: Duration, renew: bool) -> LockSpec {
    let spec = LockSpec::builder(name, ttl).min_hold(min_hold).renew(renew);
    spec.build().unwrap()
}

/// The release leaves the lease there, with an earlier end. A renewal that was sent before and
/// arrives after must not find it.
#[tokio::test]
async fn a_renewal_that_arrives_after_the_release_does_not_prolong_it() {
    let fixture = Fixture::new().await;
    let Fixture { db, client } = &fixture;
    // Renewed after a second.
    let spec = minimum("late-renewal", ms(3000), ms(1500), true);
    let effect = doc! { "blockConnection": true, "blockTimeMS": 400 };
    let blocks = fixture.fails("update", doc! { "times": 1 }, effect).await;
    let guard = acquire(client, &spec).await;
    let acquired_at = guard.acquired_at();
    blocks.hit(1).await.unwrap();
    // The renewal is on its way; this overtakes it.
    guard.release().await.unwrap();
    let released = only(&live(db, "late-renewal").await);
    assert_eq!(released.expires_at, acquired_at + ms(1500));
    client.shutdown().await;
    // The renewal has been answered by now.
    let still = live(db, "late-renewal").await;
    if !still.is_empty() {
        assert_eq!(only(&still).expires_at, released.expires_at);
    }
    eventually(free(db, "late-renewal")).await;
    blocks.off().await.unwrap();
}

#[derive(Debug)]
struct Failed;

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        panic!("{error}");
    }
}

/// What the body does within its fifty milliseconds.
#[derive(Clone, Copy, PartialEq)]
enum Ends {
    Well,
    Failing,
    Panicking,
    Dropped,
}

#[distributed_lock(name = "tick", ttl = "10s", min_hold = "800ms")]
async fn tick(ends: Ends) -> Result<(), Failed> {
    sleep(ms(50)).await;
    match ends {
        Ends::Well => Ok(()),
        Ends::Failing => Err(Failed),
        Ends::Panicking => panic!("on purpose"),
        Ends::Dropped => pending().await,
    }
}

/// Two hosts whose timers fire a moment apart: the second is skipped, although the first is done.
#[tokio::test]
async fn the_second_host_is_skipped_however_the_first_ends() {
    tokio::join!(
        the_second_is_skipped(Ends::Well),
        the_second_is_skipped(Ends::Failing),
        the_second_is_skipped(Ends::Panicking),
        the_second_is_skipped(Ends::Dropped),
    );
}

async fn the_second_is_skipped(ends: Ends) {
    let fixture = Fixture::new().await;
    let Fixture { db, client } = &fixture;
    let other = fixture.other().await;
    let scoped = client.clone();
    let first = tokio::spawn(async move { timeout(ms(200), scoped.scope(tick(ends))).await });
    let first = first.await;
    match ends {
        Ends::Well => assert!(first.unwrap().unwrap().unwrap().is_executed()),
        Ends::Failing => assert!(first.unwrap().unwrap().is_err()),
        Ends::Panicking => assert!(first.unwrap_err().is_panic()),
        Ends::Dropped => assert!(first.unwrap().is_err()),
    }
    // After a panic and a drop, the release is in the background.
    eventually(until(async || {
        let lease = only(&live(db, "tick").await);
        lease.expires_at == lease.acquired_at + ms(800)
    }))
    .await;
    let skipped = other.scope(tick(Ends::Well)).await.unwrap().skipped();
    let skipped = skipped.expect("it is not skipped");
    let seen = skipped.holder().unwrap();
    assert_eq!(seen.owner, OURS);
    assert_eq!(seen.until, seen.since + ms(800));

    // No caller waits longer than that.
    let next = acquire_when_free(&other, &spec("tick", 60_000)).await;
    let late = next.acquired_at().duration_since(seen.until);
    assert!(late.expect("not before its end") < ms(2000));
    assert!(next.token() > seen.token);
}

/// When the minimum is over, a release frees at once; and no release touches a successor.
#[tokio::test]
async fn a_body_that_is_slower_frees_at_once() {
    let Fixture { db, client } = Fixture::new().await;
    let guard = acquire(&client, &minimum("slow", ms(60_000), ms(50), false)).await;
    sleep(ms(60)).await;
    assert_eq!(guard.release().await.unwrap(), Release::Freed);
    assert_eq!(live(&db, "slow").await, []);

    let late = acquire(&client, &minimum("late", ms(1_000), ms(1_000), false)).await;
    let next = acquire_when_free(&client, &spec("late", 60_000)).await;
    assert_eq!(late.release().await.unwrap(), Release::AlreadyGone);
    let lease = only(&live(&db, "late").await);
    assert_eq!(lease.token, next.token());
    assert_eq!(lease.expires_at, next.expires_at());
}

/// A job that has run nowhere keeps no host from running it.
#[tokio::test]
async fn an_acquisition_whose_caller_is_gone_does_not_count() {
    let fixture = Fixture::new().await;
    let Fixture { db, client } = &fixture;
    let effect = doc! { "blockConnection": true, "blockTimeMS": 300 };
    let blocks = fixture
        .fails("findAndModify", doc! { "times": 1 }, effect)
        .await;
    let spec = minimum("never-ran", ms(60_000), ms(30_000), false);
    let call = timeout(ms(100), client.try_acquire(&spec)).await;
    assert!(call.is_err(), "it was to be dropped");
    client.shutdown().await;
    assert_eq!(live(db, "never-ran").await, []);
    blocks.off().await.unwrap();
}
