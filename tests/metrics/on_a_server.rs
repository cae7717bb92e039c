//! What the exporter gives of locks on a real server.

use std::time::{Duration, SystemTime};

use mongo_lock_runtime::{
    Error, LockClient, LockSpec, current_lease, distributed_lock, observe::Metrics,
};
use mongo_lock_testkit::{Server, TestDb};
use mongodb::bson::doc;
use tokio::time::sleep;

use crate::{
    scrape::{self, Scrape},
    support::{acquire, delete, eventually, ms, refused, until},
};

async fn observed() -> (TestDb, LockClient) {
    scrape::start();
    let db = Server::shared().await.database().await;
    let builder = LockClient::builder().uri(db.uri());
    let client = builder.observer(Metrics::new()).build().await.unwrap();
    (db, client)
}

fn spec(label: &'static str, ttl: Duration) -> LockSpec {
    LockSpec::builder(label, ttl).label(label).build().unwrap()
}

#[distributed_lock(name = "pays-{id}", ttl = "30s")]
async fn pays(id: u32) -> Result<(), Error> {
    sleep(ms(30)).await;
    if id == 0 {
        Err(Error::NoClient)
    } else {
        Ok(())
    }
}

#[tokio::test]
async fn runs_and_their_ends() {
    let (_db, client) = observed().await;
    let before = SystemTime::now();
    for id in [1, 2, 3] {
        let _ = client.scope(pays(id)).await.unwrap();
    }
    let lock = ("lock", "pays-{id}");
    let scrape = Scrape::now();
    let last = scrape.value("mongo_lock_last_success_timestamp_seconds", &[lock]);
    let last = SystemTime::UNIX_EPOCH + Duration::from_secs_f64(last);
    assert!(last >= before && last <= SystemTime::now());

    client.scope(pays(0)).await.unwrap_err();
    let guard = acquire(&client, &spec("guard", ms(30_000))).await;
    let scrape = Scrape::now();
    let runs = |outcome| scrape.value("mongo_lock_runs_total", &[lock, ("outcome", outcome)]);
    assert_eq!(
        (runs("succeeded"), runs("failed"), runs("lost")),
        (3.0, 1.0, 0.0)
    );
    // A failure is no success.
    let still = scrape.value("mongo_lock_last_success_timestamp_seconds", &[lock]);
    assert_eq!(
        SystemTime::UNIX_EPOCH + Duration::from_secs_f64(still),
        last
    );
    assert_eq!(scrape.value("mongo_lock_hold_seconds_count", &[lock]), 4.0);
    assert!(scrape.value("mongo_lock_hold_seconds_sum", &[lock]) >= 0.12);
    assert_eq!(scrape.value("mongo_lock_wait_seconds_count", &[lock]), 4.0);
    assert!(scrape.value("mongo_lock_wait_seconds_sum", &[lock]) > 0.0);
    assert_eq!(
        scrape.value("mongo_lock_lease_used_ratio_count", &[lock]),
        4.0
    );
    let near = [lock, ("le", "0.25")];
    assert_eq!(
        scrape.value("mongo_lock_lease_used_ratio_bucket", &near),
        4.0
    );
    assert_eq!(
        scrape.value("mongo_lock_margin_used_ratio_sum", &[lock]),
        0.0
    );
    assert_eq!(scrape.value("mongo_lock_held", &[lock]), 0.0);
    assert_eq!(scrape.value("mongo_lock_held", &[("lock", "guard")]), 1.0);
    guard.release().await.unwrap();
    assert_eq!(
        Scrape::now().value("mongo_lock_held", &[("lock", "guard")]),
        0.0
    );
}

#[tokio::test]
async fn waiters_skips_and_cancellations() {
    let (_db, client) = observed().await;
    let lock = ("lock", "queue-of-a-test");
    let wanted = spec("queue-of-a-test", ms(60_000));
    let guard = acquire(&client.with_owner("other").unwrap(), &wanted).await;
    let _ = refused(&client, &wanted).await;
    let waiters: Vec<_> = (0..3)
        .map(|_| {
            let (client, wanted) = (client.clone(), wanted.clone());
            tokio::spawn(async move { client.acquire(&wanted).await })
        })
        .collect();
    let count = || {
        let scrape = Scrape::now();
        let rows = scrape.rows("mongo_lock_waiters", &[lock]);
        rows.first().map_or(0.0, |row| row.value)
    };
    eventually(until(async || count() == 3.0)).await;
    waiters[2].abort();
    eventually(until(async || count() == 2.0)).await;
    guard.release().await.unwrap();
    for waiter in waiters.into_iter().take(2) {
        drop(eventually(waiter).await.unwrap().unwrap());
    }
    assert_eq!(count(), 0.0);
    let scrape = Scrape::now();
    let ends = |outcome| {
        let labels = [lock, ("outcome", outcome)];
        scrape.value("mongo_lock_acquisitions_total", &labels)
    };
    assert_eq!(
        (ends("acquired"), ends("skipped"), ends("cancelled")),
        (3.0, 1.0, 1.0)
    );
}

#[tokio::test]
async fn failures_by_their_kind() {
    let (db, client) = observed().await;
    let lock = ("lock", "no-lock");
    let document = doc! { "_id": "no-lock", "holders": "of another kind" };
    let locks = db.collection("distributed_locks");
    locks.insert_one(document).await.unwrap();
    let foreign = client.try_acquire(&spec("no-lock", ms(30_000))).await;
    assert!(
        matches!(foreign, Err(Error::NotALockDocument { .. })),
        "{foreign:?}"
    );
    let scrape = Scrape::now();
    let failed = [lock, ("outcome", "failed")];
    assert_eq!(scrape.value("mongo_lock_acquisitions_total", &failed), 1.0);
    let kind = [lock, ("kind", "not_a_lock_document")];
    assert_eq!(
        scrape.value("mongo_lock_acquisition_failures_total", &kind),
        1.0
    );
}

/// Goes on beyond its lease, and into its margin.
#[distributed_lock(name = "blocks-beyond", ttl = "500ms")]
async fn blocks() {
    let lease = current_lease().unwrap();
    std::thread::sleep(lease.time_left() + ms(60));
}

#[tokio::test]
async fn losses_by_their_reason() {
    let (db, client) = observed().await;
    assert!(client.scope(blocks()).await.unwrap().is_executed());
    let lock = ("lock", "blocks-beyond");
    let scrape = Scrape::now();
    let deadline = [lock, ("reason", "deadline")];
    assert_eq!(
        scrape.value("mongo_lock_lease_losses_total", &deadline),
        1.0
    );
    assert_eq!(scrape.value("mongo_lock_late_bodies_total", &[lock]), 1.0);
    // 60 ms of the margin of 100 ms, or more.
    assert!(scrape.value("mongo_lock_margin_used_ratio_sum", &[lock]) >= 0.6);
    assert!(scrape.value("mongo_lock_lease_used_ratio_sum", &[lock]) > 1.0);
    // It has its value, and the run was a success.
    let succeeded = [lock, ("outcome", "succeeded")];
    assert_eq!(scrape.value("mongo_lock_runs_total", &succeeded), 1.0);

    let renewed = LockSpec::builder("renewed-here", ms(300)).renew(true);
    let renewed = renewed.label("renewed-here").build().unwrap();
    let guard = acquire(&client, &renewed).await;
    let renewals = || {
        let scrape = Scrape::now();
        let rows = scrape.rows("mongo_lock_renewal_lag_seconds_count", &[]);
        rows.first().map_or(0.0, |row| row.value)
    };
    let before = renewals();
    eventually(until(async || renewals() > before)).await;
    delete(&db, "renewed-here").await;
    let lost = eventually(guard.lease().lost()).await;
    assert!(lost.is_lease_lost());
    let lock = ("lock", "renewed-here");
    let gone = [lock, ("reason", "gone")];
    assert_eq!(
        Scrape::now().value("mongo_lock_lease_losses_total", &gone),
        1.0
    );
    assert_eq!(Scrape::now().value("mongo_lock_held", &[lock]), 0.0);
    drop(guard);
    let lost = [lock, ("outcome", "lost")];
    assert_eq!(Scrape::now().value("mongo_lock_runs_total", &lost), 1.0);
}
