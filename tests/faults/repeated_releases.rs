//! A release, or a clean-up, is repeated on every error that is not final, until the lease has ended.

use std::time::Duration;

use mongo_lock_runtime::{Error, Release};
use mongo_lock_testkit::ProxyMode;
use mongodb::bson::doc;
use tokio::time::{Instant, sleep};

use crate::support::{
    Fixture, PATIENCE, SOON, acquire, eventually, free, live, ms, only, spec, until, within,
};

const RELEASE: &str = "update";

/// `MaxTimeMSExpired`, which the library's own time limit provokes; `Interrupted` by an operator;
/// `ShutdownInProgress`; and codes that no list has.
const CODES: [i32; 6] = [50, 11601, 91, 8000, 1, 96];

#[tokio::test]
async fn an_error_that_is_not_final_does_not_leave_the_lock_taken() {
    let fixture = Fixture::new().await;
    let Fixture { db, client } = &fixture;
    for code in CODES {
        for dropped in [false, true] {
            let name = format!("job-{code}-{dropped}");
            let guard = acquire(client, &spec(&name, 600_000)).await;
            let effect = doc! { "errorCode": code };
            let fails = fixture.fails(RELEASE, doc! { "times": 2 }, effect).await;
            if dropped {
                drop(guard);
            } else {
                let release = within(ms(4000), guard.release()).await;
                assert_eq!(release.unwrap(), Release::Freed, "{code}");
            }
            within(ms(4000), free(db, &name)).await;
            fails.hit(2).await.unwrap();
            fails.off().await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_clean_up_is_repeated_as_well() {
    let (fixture, proxy) = Fixture::behind_a_proxy(PATIENCE).await;
    let Fixture { db, client } = &fixture;
    for code in CODES {
        let name = format!("job-{code}");
        let effect = doc! { "errorCode": code };
        let fails = fixture.fails(RELEASE, doc! { "times": 2 }, effect).await;
        proxy.set(ProxyMode::HoldReplies).await.unwrap();
        let call = {
            let (client, spec) = (client.clone(), spec(&name, 600_000));
            tokio::spawn(async move { drop(client.try_acquire(&spec).await) })
        };
        eventually(until(async || !live(db, &name).await.is_empty())).await;
        call.abort();
        let _ = call.await;
        proxy.set(ProxyMode::Forward).await.unwrap();
        within(ms(5000), free(db, &name)).await;
        fails.hit(2).await.unwrap();
        fails.off().await.unwrap();
    }
}

#[tokio::test]
async fn it_is_repeated_until_the_lease_has_ended_by_itself() {
    const TTL: Duration = ms(4000);
    let fixture = Fixture::with_limit(ms(500)).await;
    let Fixture { db, client } = &fixture;
    let guard = acquire(client, &spec("job", 4000)).await;
    let acquired = Instant::now();
    let fails = fixture.fails(RELEASE, "alwaysOn", doc! { "errorCode": 8000 });
    let fails = fails.await;
    let error = within(ms(500) + SOON, guard.release()).await.unwrap_err();
    assert!(matches!(error, Error::Database { .. }), "{error}");
    // Beyond the caller's own limit, of which the background knows nothing.
    sleep(ms(500)).await;
    fails.off().await.unwrap();
    within(ms(2000), free(db, "job")).await;
    assert!(acquired.elapsed() < TTL, "it has expired by itself");
}

#[tokio::test]
async fn a_refused_log_in_is_final() {
    let fixture = Fixture::new().await;
    let Fixture { db, client } = &fixture;
    let guard = acquire(client, &spec("job", 600_000)).await;
    // Once: a second attempt would succeed.
    let effect = doc! { "errorCode": 13 };
    let fails = fixture.fails(RELEASE, doc! { "times": 1 }, effect).await;
    let error = within(SOON, guard.release()).await.unwrap_err();
    assert!(matches!(error, Error::Database { .. }), "{error}");
    sleep(SOON).await;
    let lease = only(&live(db, "job").await);
    assert_eq!(lease.owner, client.owner());
    let report = client.shutdown().await;
    assert_eq!(report.to_string(), "left until their ttl ends: job");
    fails.off().await.unwrap();
}
