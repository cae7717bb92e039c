//! The server's clock is set back, so that leases seem to last much longer than their ttls. On a real
//! server, the documents are edited instead, which looks the same.

use std::time::{Duration, SystemTime};

use mongo_lock_runtime::distributed_lock;
use mongo_lock_testkit::TestDb;
use mongodb::bson::{DateTime, doc};
use tokio::time::{Instant, sleep};

use crate::support::{
    Fixture, acquire, acquire_when_free, body, live, locks, ms, only, renewed_spec, spec, until,
    within,
};

const TTL: Duration = ms(1500);
const STEP: Duration = Duration::from_secs(600);

/// The end of every lease of the lock moves to ten minutes from now.
async fn set_back(db: &TestDb, name: &str) {
    let end = DateTime::from_system_time(SystemTime::now() + STEP);
    let edit = doc! { "$set": { "holders.$[].expires_at": end } };
    let edited = locks(db).update_one(doc! { "_id": name }, edit).await;
    assert_eq!(edited.unwrap().modified_count, 1);
}

#[tokio::test]
async fn a_renewed_lease_is_never_relied_on_for_longer_than_its_ttl() {
    let fixture = Fixture::new().await;
    let Fixture { db, client } = &fixture;
    let guard = acquire(client, &renewed_spec("job", TTL)).await;
    for _ in 0..3 {
        set_back(db, "job").await;
        let started = Instant::now();
        // Beyond two renewals.
        while started.elapsed() < TTL {
            let left = guard.time_left();
            assert!(left <= TTL, "{left:?} of a ttl of {TTL:?}");
            guard.lease().check().unwrap();
            sleep(ms(10)).await;
        }
        // A renewal has cut the lease to what was asked for.
        let ends = only(&live(db, "job").await).expires_at;
        assert!(ends < SystemTime::now() + STEP / 2);
    }
    guard.release().await.unwrap();
}

#[tokio::test]
async fn an_extension_is_never_relied_on_for_longer_than_was_asked_for() {
    let fixture = Fixture::new().await;
    let Fixture { db, client } = &fixture;
    let guard = acquire(client, &spec("job", 1500)).await;
    set_back(db, "job").await;
    guard.lease().extend(2 * TTL).await.unwrap();
    let left = guard.time_left();
    assert!(left <= 2 * TTL, "{left:?}");
}

#[distributed_lock(name = "job", ttl = TTL, renew, reuse)]
async fn job<F: Future>(body: F) -> F::Output {
    body.await
}

/// A holder that is cut off stops within its ttl, whatever the server said last; and the lock passes on
/// within one ttl from the step, to a client that asks.
#[tokio::test]
async fn a_holder_that_is_cut_off_stops_before_its_successor_starts() {
    let fixture = Fixture::new().await;
    let Fixture { db, client } = &fixture;
    let other = fixture.other().await;
    let (body, hand) = body();
    let scoped = client.clone();
    let call = tokio::spawn(async move { scoped.scope(job(body)).await });
    hand.started().await;
    set_back(db, "job").await;
    let before = only(&live(db, "job").await).expires_at;
    let renewed = async || only(&live(db, "job").await).expires_at != before;
    within(TTL, until(renewed)).await;
    let cut_off = doc! { "errorCode": 91 };
    let fails = fixture.fails("update", "alwaysOn", cut_off).await;
    let wanted = spec("job", 60_000);
    let successor = acquire_when_free(&other, &wanted);
    let successor = within(TTL + ms(2500), successor).await;
    assert!(!hand.is_running(), "two bodies run");
    successor.lease().check().unwrap();
    let lost = call.await.unwrap().unwrap_err();
    assert!(lost.is_lease_lost(), "{lost}");
    fails.off().await.unwrap();
}

#[tokio::test]
async fn a_dead_holder_costs_at_most_a_ttl_from_the_step() {
    let fixture = Fixture::new().await;
    let Fixture { db, client } = &fixture;
    let other = fixture.other().await;
    for shared in [false, true] {
        let name = format!("dead-{shared}");
        std::mem::forget(acquire(client, &spec(&name, 1500)).await);
        set_back(db, &name).await;
        let wanted = mongo_lock_runtime::LockSpec::builder(&name, ms(60_000));
        let wanted = wanted.shared(shared).build().unwrap();
        let taken = acquire_when_free(&other, &wanted);
        // And a busy machine's share.
        let guard = within(TTL + ms(2500), taken).await;
        guard.release().await.unwrap();
    }
}
