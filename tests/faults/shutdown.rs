//! Shutting down gives everything back that it may, in bounded time, and says what it may not.

use std::{
    pin::Pin,
    task::{Context, Waker},
    time::Duration,
};

use mongo_lock_runtime::{Acquisition, Error, LockClient, LossReason, Outcome, distributed_lock};
use mongo_lock_testkit::ProxyMode;
use tokio::{
    task::{JoinHandle, JoinSet},
    time::{Instant, sleep},
};

use crate::support::{
    BodyHandle, Fixture, PATIENCE, RESULT, SOON, acquire, all_live, body, eventually, free, live,
    ms, renewed_spec, spec, until, within,
};

type Body = Pin<Box<dyn Future<Output = u32> + Send>>;
type Call = Pin<Box<dyn Future<Output = Result<Outcome<u32>, Error>> + Send>>;

/// A hundred annotated functions, since each has one name.
macro_rules! jobs {
    ($($name:literal)*) => {
        fn jobs() -> Vec<fn(Body) -> Call> {
            vec![$({
                #[distributed_lock(name = $name, ttl = "1m", renew)]
                async fn job(body: Body) -> u32 {
                    body.await
                }
                |body| Box::pin(job(body))
            }),*]
        }
    };
}

jobs! {
    "00" "01" "02" "03" "04" "05" "06" "07" "08" "09"
    "10" "11" "12" "13" "14" "15" "16" "17" "18" "19"
    "20" "21" "22" "23" "24" "25" "26" "27" "28" "29"
    "30" "31" "32" "33" "34" "35" "36" "37" "38" "39"
    "40" "41" "42" "43" "44" "45" "46" "47" "48" "49"
    "50" "51" "52" "53" "54" "55" "56" "57" "58" "59"
    "60" "61" "62" "63" "64" "65" "66" "67" "68" "69"
    "70" "71" "72" "73" "74" "75" "76" "77" "78" "79"
    "80" "81" "82" "83" "84" "85" "86" "87" "88" "89"
    "90" "91" "92" "93" "94" "95" "96" "97" "98" "99"
}

fn is_shut_down(error: &Error) -> bool {
    matches!(
        error,
        Error::LeaseLost {
            reason: LossReason::ShutDown,
            ..
        }
    )
}

#[distributed_lock(name = "job", ttl = "1m", reuse)]
async fn job<F: Future>(body: F) -> F::Output {
    body.await
}

#[distributed_lock(name = "stubborn", ttl = "1m", on_lost = "continue")]
async fn stubborn<F: Future>(body: F) -> F::Output {
    body.await
}

async fn start(client: &LockClient) -> (JoinHandle<Result<Outcome<u32>, Error>>, BodyHandle) {
    let (body, hand) = body();
    let client = client.clone();
    let call = tokio::spawn(async move { client.scope(job(body)).await });
    hand.started().await;
    (call, hand)
}

#[tokio::test]
async fn a_hundred_bodies_are_stopped_and_their_locks_free() {
    let Fixture { db, client } = Fixture::new().await;
    let mut calls = JoinSet::new();
    let mut hands = Vec::new();
    for job in jobs() {
        let (body, hand) = body();
        let client = client.clone();
        calls.spawn(async move { client.scope(job(Box::pin(body))).await });
        hands.push(hand);
    }
    for hand in &hands {
        hand.started().await;
    }
    assert_eq!(all_live(&db).await.len(), 100);

    let report = client.shutdown().await;
    assert_eq!(all_live(&db).await, [], "{report}");
    assert!(report.is_clean(), "{report}");
    assert!(!hands.iter().any(BodyHandle::is_running));
    for result in eventually(calls.join_all()).await {
        let error = result.unwrap_err();
        assert!(is_shut_down(&error), "{error}");
    }
    let clone = client.clone();
    let error = clone.try_acquire(&spec("new", 1000)).await.unwrap_err();
    assert!(matches!(error, Error::ShutDown { .. }), "{error}");
    let error = client.scope(job(async { RESULT })).await.unwrap_err();
    assert!(matches!(error, Error::ShutDown { .. }), "{error}");
    // Once more does no harm.
    assert!(client.shutdown().await.is_clean());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acquisitions_under_way_are_given_back() {
    let Fixture { db, client } = Fixture::new().await;
    for round in 0..50 {
        let client = client.with_owner(format!("round-{round}")).unwrap();
        let mut calls = JoinSet::new();
        for number in 0..5 {
            let client = client.clone();
            let spec = spec(&format!("{round}-{number}"), 60_000);
            calls.spawn(async move {
                match client.try_acquire(&spec).await {
                    Ok(Acquisition::Acquired(guard)) => drop(guard),
                    Ok(Acquisition::Skipped(skipped)) => panic!("{skipped}"),
                    Err(Error::ShutDown { .. }) => {}
                    Err(error) => assert!(is_shut_down(&error), "{error}"),
                }
            });
        }
        // From "not sent yet" to "done", round by round.
        sleep(Duration::from_micros(100 * round)).await;
        let report = client.shutdown().await;
        assert!(report.is_clean(), "round {round}: {report}");
        assert_eq!(all_live(&db).await, [], "round {round}");
        calls.join_all().await;
    }
}

#[tokio::test]
async fn bodies_may_finish_when_they_are_quick() {
    let Fixture { db, client } = Fixture::new().await;
    let (quick, hand) = start(&client).await;
    let start = Instant::now();
    let shutdown = tokio::spawn(client.shutdown().wait_for_bodies(PATIENCE).into_future());
    let refused = async || {
        let asked = client.try_acquire(&spec("new", 1000)).await;
        matches!(asked, Err(Error::ShutDown { .. }))
    };
    eventually(until(refused)).await;
    assert!(hand.is_running(), "it is left alone");
    assert!(!shutdown.is_finished(), "it is waited for");
    hand.finish();
    let report = eventually(shutdown).await.unwrap();
    assert!(report.is_clean(), "{report}");
    assert!(start.elapsed() < PATIENCE, "and no longer");
    assert_eq!(live(&db, "job").await, []);
    let done = quick.await.unwrap();
    assert_eq!(done.unwrap(), Outcome::Executed(RESULT));
}

#[tokio::test]
async fn bodies_that_are_not_are_stopped() {
    let Fixture { db, client } = Fixture::new().await;
    let (slow, hand) = start(&client).await;
    let before = Instant::now();
    let shutdown = client.shutdown().wait_for_bodies(ms(300));
    let report = within(ms(300) + SOON, shutdown).await;
    assert!(report.is_clean(), "{report}");
    assert!(
        hand.ended().await >= before + ms(300),
        "not before its time"
    );
    assert_eq!(live(&db, "job").await, []);
    let error = slow.await.unwrap().unwrap_err();
    assert!(is_shut_down(&error), "{error}");
}

#[tokio::test]
async fn what_it_cannot_stop_it_does_not_release() {
    const LIMIT: Duration = ms(500);
    let Fixture { db, client } = Fixture::with_limit(LIMIT).await;
    let guard = acquire(&client, &renewed_spec("guard", ms(1000))).await;
    let (body, hand) = body();
    let scoped = client.clone();
    let continues = tokio::spawn(async move { scoped.scope(stubborn(body)).await });
    hand.started().await;

    let report = within(LIMIT + SOON, client.shutdown()).await;
    let mut left: Vec<_> = report.unreleased.iter().map(ToString::to_string).collect();
    left.sort();
    assert_eq!(left, ["guard", "stubborn"]);
    assert!(report.to_string().contains("stubborn"), "{report}");
    assert!(hand.is_running());
    assert_eq!(live(&db, "stubborn").await.len(), 1);
    let error = guard.lease().check().unwrap_err();
    assert!(is_shut_down(&error), "{error}");
    // Not renewed any more, although it is still held.
    within(ms(1000) + SOON, free(&db, "guard")).await;
    drop(guard);

    hand.finish();
    let done = eventually(continues).await.unwrap();
    assert_eq!(done.unwrap(), Outcome::Executed(RESULT));
    within(SOON, free(&db, "stubborn")).await;
    let report = client.shutdown().await;
    assert!(report.is_clean(), "{report}");
}

#[tokio::test]
async fn a_server_that_hangs_does_not_hold_it_up() {
    tokio::join!(
        is_not_held_up(ProxyMode::Hang),
        is_not_held_up(ProxyMode::HoldReplies),
        is_not_held_up(ProxyMode::Refuse),
    );
}

async fn is_not_held_up(mode: ProxyMode) {
    const LIMIT: Duration = ms(500);
    let (Fixture { db, client }, proxy) = Fixture::behind_a_proxy(LIMIT).await;
    let (call, hand) = start(&client).await;
    proxy.set(mode).await.unwrap();
    let waits = acquire_in_background(&client);
    if mode == ProxyMode::HoldReplies {
        eventually(until(async || !live(&db, "waits").await.is_empty())).await;
    }
    let report = within(LIMIT + SOON, client.shutdown()).await;
    let left: Vec<_> = report.unreleased.iter().map(ToString::to_string).collect();
    let left = |name| left.iter().any(|left| left == name);
    assert!(left("job"), "{mode:?}: {report}");
    if mode == ProxyMode::HoldReplies {
        assert!(left("waits"), "{mode:?}: {report}");
    }
    assert!(!hand.is_running());
    let error = call.await.unwrap().unwrap_err();
    assert!(is_shut_down(&error), "{error}");
    within(LIMIT + SOON, waits).await.unwrap();
    // What it has set in motion goes on.
    proxy.set(ProxyMode::Forward).await.unwrap();
    within(ms(2000), free(&db, "job")).await;
    within(ms(2000), free(&db, "waits")).await;
}

/// An acquisition that gets no answer.
fn acquire_in_background(client: &LockClient) -> JoinHandle<()> {
    let client = client.clone();
    tokio::spawn(async move {
        let asked = client.try_acquire(&spec("waits", 60_000)).await;
        assert!(asked.is_err(), "{asked:?}");
    })
}

/// The lock was granted, and the client is shut down before the caller hears of that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grant_that_its_caller_has_not_heard_of_is_given_back() {
    let Fixture { db, client } = Fixture::new().await;
    let wanted = spec("job", 60_000);
    let mut call = Box::pin(client.acquire(&wanted));
    let mut context = Context::from_waker(Waker::noop());
    assert!(call.as_mut().poll(&mut context).is_pending());
    eventually(until(async || !live(&db, "job").await.is_empty())).await;
    // The answer is on its way, or has arrived.
    sleep(ms(100)).await;
    let report = client.shutdown().limit(ms(500));
    let (report, ended) = tokio::join!(report, async {
        sleep(ms(200)).await;
        call.await
    });
    let error = ended.unwrap_err();
    assert!(matches!(error, Error::ShutDown { .. }), "{error}");
    assert!(report.is_clean(), "{report}");
    assert_eq!(live(&db, "job").await, []);
}
