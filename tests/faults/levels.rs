//! An alert on WARN means something: one event per fact that needs attention, and none for what is
//! normal. INFO tells what an operator wants to see when all is well.

use std::{ops::ControlFlow, time::Duration};

use mongo_lock_runtime::{LockClient, LockSpec, distributed_lock};
use mongo_lock_testkit::ProxyMode;
use mongodb::bson::doc;
use tokio::{spawn, time::sleep};

use crate::support::{
    Fixture, Log, PATIENCE, acquire, body, delete, eventually, free, live, ms, refused,
    renewed_spec, spec, until,
};

fn none() -> Vec<String> {
    Vec::new()
}

#[distributed_lock(name = "job", ttl = "60s", reuse)]
async fn job<F: Future>(body: F) -> F::Output {
    body.await
}

// One thread in each of these, on which the subscriber sees every event.

#[tokio::test]
async fn a_refusal_is_no_warning() {
    let log = Log::here();
    let fixture = Fixture::new().await;
    let other = fixture.other().await;
    let held = acquire(&other, &spec("job", 60_000)).await;
    log.take();
    let wanted = spec("job", 60_000);
    let _ = refused(&fixture.client, &wanted).await;
    let skipped = fixture.client.acquire_within(&wanted, ms(100)).await;
    assert!(skipped.unwrap().acquired().is_none());
    let skipped = fixture.client.scope(job(async {})).await.unwrap();
    assert!(skipped.is_skipped());
    held.release().await.unwrap();
    assert_eq!(log.warnings(), none());
}

#[tokio::test]
async fn the_clean_up_of_an_acquisition_is_no_warning() {
    let log = Log::here();
    for code in [91, 50, 8000] {
        clean_up_fails(&log, code).await;
        assert_eq!(log.warnings(), none(), "{code}");
    }
}

/// Not even when it fails for good: no caller ever held the lock.
#[tokio::test]
async fn the_clean_up_of_an_acquisition_that_fails_for_good_is_no_warning() {
    let log = Log::here();
    clean_up_fails(&log, 13).await;
    assert_eq!(log.warnings(), none());
}

/// An acquisition that was granted after its caller was gone, and a first attempt at its clean-up that
/// fails.
async fn clean_up_fails(log: &Log, code: i32) {
    let (fixture, proxy) = Fixture::behind_a_proxy(PATIENCE).await;
    log.take();
    let effect = doc! { "errorCode": code };
    let fails = fixture.fails("update", doc! { "times": 1 }, effect).await;
    proxy.set(ProxyMode::HoldReplies).await.unwrap();
    let call = {
        let client = fixture.client.clone();
        spawn(async move { drop(client.try_acquire(&spec("job", 3000)).await) })
    };
    eventually(until(async || !live(&fixture.db, "job").await.is_empty())).await;
    call.abort();
    let _ = call.await;
    proxy.set(ProxyMode::Forward).await.unwrap();
    fails.hit(1).await.unwrap();
    eventually(free(&fixture.db, "job")).await;
    eventually(fixture.client.shutdown()).await;
    fails.off().await.unwrap();
}

#[tokio::test]
async fn an_acquisition_without_a_server_is_an_error_and_no_warning() {
    let log = Log::here();
    let (fixture, proxy) = Fixture::behind_a_proxy(ms(500)).await;
    log.take();
    proxy.set(ProxyMode::Refuse).await.unwrap();
    let wanted = spec("job", 60_000);
    fixture.client.try_acquire(&wanted).await.unwrap_err();
    fixture.client.acquire(&wanted).await.unwrap_err();
    fixture.client.scope(job(async {})).await.unwrap_err();
    proxy.set(ProxyMode::Forward).await.unwrap();
    eventually(fixture.client.shutdown().limit(PATIENCE)).await;
    assert_eq!(log.warnings(), none());
}

#[tokio::test]
async fn an_orderly_shutdown_is_no_warning() {
    let log = Log::here();
    let fixture = Fixture::new().await;
    let other = fixture.other().await;
    let client = &fixture.client;
    let (body, hand) = body();
    let scoped = client.clone();
    let call = spawn(async move { scoped.scope(job(body)).await.map(drop) });
    hand.started().await;
    let _renewed = acquire(client, &renewed_spec("renewed", ms(3000))).await;
    let _elsewhere = acquire(&other, &spec("elsewhere", 60_000)).await;
    let waits = client.clone();
    let waiter = spawn(async move { waits.acquire(&spec("elsewhere", 60_000)).await.map(drop) });
    sleep(ms(100)).await;
    log.take();
    // The guard is still held, which no shutdown can help.
    client.shutdown().limit(ms(500)).await;
    let ended = call.await.unwrap().unwrap_err();
    assert!(ended.is_lease_lost(), "{ended}");
    waiter.await.unwrap().unwrap_err();
    let told = log.starting("INFO lease ended by the shutdown");
    assert_eq!(told.len(), 2, "{told:?}");
    let lost = log.starting("WARN lease lost");
    assert_eq!(lost, none());
    let late = log.warnings();
    assert!(
        late.iter()
            .all(|line| line.starts_with("WARN shutdown did not end in time"))
    );
    assert!(late.len() <= 1, "{late:?}");
}

#[tokio::test]
async fn a_shutdown_with_nothing_held_by_hand_is_no_warning() {
    let log = Log::here();
    let fixture = Fixture::new().await;
    let (body, hand) = body();
    let scoped = fixture.client.clone();
    let call = spawn(async move { scoped.scope(job(body)).await.map(drop) });
    hand.started().await;
    let report = eventually(fixture.client.shutdown()).await;
    assert!(report.is_clean(), "{report}");
    call.await.unwrap().unwrap_err();
    assert_eq!(log.warnings(), none());
}

const TTL: Duration = ms(900);

fn office() -> LockSpec {
    LockSpec::builder("office", TTL)
        .renew(true)
        .build()
        .unwrap()
}

/// Leads for ever, or until the test is over.
async fn lead(client: &LockClient) {
    let office = office();
    let led = client.lead(&office, async |_| {
        std::future::pending::<ControlFlow<()>>().await
    });
    led.await.unwrap();
}

#[tokio::test]
async fn a_leader_is_elected_and_deposed_with_one_warning() {
    let log = Log::here();
    let fixture = Fixture::new().await;
    let other = fixture.other().await;
    log.take();
    let deposed = async {
        let elected = || log.starting("INFO elected leader").len();
        eventually(until(async || elected() == 1)).await;
        assert_eq!(log.warnings(), none());
        // A successor, so that the release of the deposed one finds nothing.
        delete(&fixture.db, "office").await;
        let successor = acquire(&other, &spec("office", 60_000)).await;
        eventually(until(async || !log.warnings().is_empty())).await;
        // The end of the term, its release, and the next candidacy.
        sleep(ms(700)).await;
        let warnings = log.warnings();
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].starts_with("WARN lease lost"), "{warnings:?}");
        successor.release().await.unwrap();
        eventually(until(async || elected() == 2)).await;
        assert_eq!(log.warnings().len(), 1, "{:?}", log.warnings());
    };
    tokio::select! {
        () = lead(&fixture.client) => unreachable!(),
        () = deposed => {}
    }
}

#[tokio::test]
async fn an_outage_is_one_warning_however_many_leases_and_attempts() {
    let log = Log::here();
    outage(&log).await;
    let warnings = log.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].starts_with("WARN renewal failed"),
        "{warnings:?}"
    );
}

#[tokio::test]
async fn the_end_of_an_outage_is_told() {
    let log = Log::here();
    outage(&log).await;
    let told = log.starting("INFO renewal works again");
    assert_eq!(told.len(), 1, "{:?}", log.take());
}

/// Three attempts to renew two leases fail, and the fourth succeeds.
async fn outage(log: &Log) {
    let fixture = Fixture::new().await;
    let client = &fixture.client;
    let leases = [
        acquire(client, &renewed_spec("a", ms(6000))).await,
        acquire(client, &renewed_spec("b", ms(6000))).await,
    ];
    let effect = doc! { "errorCode": 91 };
    let fails = fixture.fails("update", doc! { "times": 3 }, effect).await;
    // On a busy machine, a renewal may have succeeded before that.
    log.take();
    eventually(fails.hit(3)).await.unwrap();
    fails.off().await.unwrap();
    let renewed = || log.starting("DEBUG renewed").len();
    eventually(until(async || renewed() > 0)).await;
    for lease in leases {
        lease.release().await.unwrap();
    }
}
