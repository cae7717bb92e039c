//! An acquisition that fails is repeated while there is time, and whatever it left is cleaned up.

use std::time::Duration;

use mongo_lock_runtime::{Acquisition, Error, Operation, Outcome, Release, distributed_lock};
use mongo_lock_testkit::ProxyMode;
use mongodb::bson::{Document, doc};
use tokio::time::{Instant, sleep, timeout};

use crate::support::{
    Fixture, OURS, PATIENCE, RESULT, SOON, acquire, acquire_when_free, all_free, all_live, body,
    eventually, free, holder_of, live, locks, ms, only, spec, until, within,
};

const LIMIT: Duration = ms(500);
const ACQUIRE: &str = "findAndModify";

#[distributed_lock(name = "job", ttl = "1m", reuse)]
async fn job<F: Future>(body: F) -> F::Output {
    body.await
}

/// As when two first acquisitions of a lock meet.
fn duplicate_key() -> Document {
    doc! {
        "errorCode": 11000,
        // Without it, the server refuses to make such an error.
        "errorExtraInfo": { "keyPattern": { "_id": 1 }, "keyValue": { "_id": "on purpose" } },
    }
}

#[tokio::test]
async fn an_error_that_passes_is_ridden_out() {
    let fixture = Fixture::new().await;
    let Fixture { db, client } = &fixture;
    let other = fixture.other().await;
    for (number, effect) in [
        doc! { "errorCode": 91 },    // ShutdownInProgress
        doc! { "errorCode": 189 },   // PrimarySteppedDown
        doc! { "errorCode": 10107 }, // NotWritablePrimary
        duplicate_key(),
        doc! { "closeConnection": true },
        // Applied, and the caller is told that it may not last.
        doc! { "writeConcernError": { "code": 91, "errmsg": "on purpose" } },
    ]
    .into_iter()
    .enumerate()
    {
        let spec = spec(&format!("passes-{number}"), 60_000);
        let fails = fixture.fails(ACQUIRE, doc! { "times": 2 }, effect).await;
        let guard = acquire(client, &spec).await;
        let lease = only(&live(db, spec.name().as_str()).await);
        assert_eq!((lease.token, &*lease.owner), (guard.token(), OURS));
        assert_eq!(holder_of(&other, &spec).await.token, guard.token());
        assert_eq!(guard.release().await.unwrap(), Release::Freed);
        fails.hit(2).await.unwrap();
        fails.off().await.unwrap();
    }
    assert_eq!(all_live(db).await, []);
}

/// Calls the job while acquiring fails, for good; gives the error, which comes in time.
async fn failing(fixture: &Fixture, effect: Document) -> Error {
    let fails = fixture.fails(ACQUIRE, "alwaysOn", effect).await;
    let (body, hand) = body();
    let error = within(LIMIT + SOON, fixture.client.scope(job(body)))
        .await
        .unwrap_err();
    assert!(hand.never_ran());
    fails.off().await.unwrap();
    error
}

#[tokio::test]
async fn an_error_that_lasts_ends_the_call_in_time_and_leaves_nothing() {
    let fixture = Fixture::with_limit(LIMIT).await;
    let Fixture { db, client } = &fixture;
    let other = fixture.other().await;
    for effect in [
        doc! { "errorCode": 91 },
        doc! { "errorCode": 8000 },
        duplicate_key(),
        doc! { "closeConnection": true },
        // Applied each time. One to be repeated, and one not.
        doc! { "writeConcernError": { "code": 91, "errmsg": "on purpose" } },
        doc! { "writeConcernError": { "code": 64, "errmsg": "on purpose" } },
    ] {
        let error = failing(&fixture, effect.clone()).await;
        let fits = match error {
            Error::Database { operation, .. } | Error::Timeout { operation, .. } => {
                operation == Operation::Acquire
            }
            _ => false,
        };
        assert!(fits, "{effect}: {error}");
        // An attempt that was under way may still arrive; it is given back at once.
        let next = spec("job", 60_000);
        let guard = within(SOON, acquire_when_free(&other, &next)).await;
        guard.release().await.unwrap();
    }
    client.shutdown().await;
    assert_eq!(all_live(db).await, []);
}

#[tokio::test]
async fn an_answer_that_comes_too_late_is_given_back() {
    let fixture = Fixture::with_limit(LIMIT).await;
    let Fixture { db, client } = &fixture;
    let effect = doc! { "blockConnection": true, "blockTimeMS": 1200 };
    let blocks = fixture.fails(ACQUIRE, doc! { "times": 1 }, effect).await;
    let (body, hand) = body();
    let start = Instant::now();
    let error = client.scope(job(body)).await.unwrap_err();
    assert!(start.elapsed() < LIMIT + SOON, "{:?}", start.elapsed());
    assert!(matches!(error, Error::Timeout { .. }), "{error}");
    assert!(hand.never_ran());
    // It waits for the command that is still blocked, and for its clean-up.
    let report = eventually(client.shutdown().limit(PATIENCE)).await;
    assert!(report.is_clean(), "{report}");
    assert!(start.elapsed() > ms(1100), "it has waited");
    assert_eq!(all_live(db).await, []);
    blocks.off().await.unwrap();
}

/// The reply is lost, and so is the connection; the same request is sent again.
#[tokio::test]
async fn a_lease_whose_reply_was_lost_is_still_ours() {
    let (Fixture { db, client }, proxy) = Fixture::behind_a_proxy(PATIENCE).await;
    proxy.set(ProxyMode::HoldReplies).await.unwrap();
    let spec = spec("lost-reply", 60_000);
    let call = client.try_acquire(&spec);
    let fault = async {
        eventually(until(async || !live(&db, "lost-reply").await.is_empty())).await;
        let first = only(&live(&db, "lost-reply").await);
        proxy.set(ProxyMode::Refuse).await.unwrap();
        proxy.set(ProxyMode::Forward).await.unwrap();
        first
    };
    let (acquired, first) = tokio::join!(call, fault);
    let Acquisition::Acquired(guard) = acquired.unwrap() else {
        panic!("skipped, with its own lease in the way");
    };
    assert_eq!(guard.token(), first.token, "one lease, not two");
    assert_eq!(only(&live(&db, "lost-reply").await), first);
}

/// The reply is lost, and by the next attempt another client has the lock.
#[tokio::test]
async fn skipped_means_that_no_lease_of_ours_is_live() {
    let (fixture, proxy) = Fixture::behind_a_proxy(PATIENCE).await;
    let Fixture { db, client } = &fixture;
    let other = fixture.other().await;
    proxy.set(ProxyMode::HoldReplies).await.unwrap();
    let short = spec("passed-on", 300);
    let call = client.try_acquire(&short);
    let fault = async {
        eventually(until(async || !live(db, "passed-on").await.is_empty())).await;
        proxy.set(ProxyMode::Refuse).await.unwrap();
        eventually(free(db, "passed-on")).await;
        let guard = acquire(&other, &spec("passed-on", 60_000)).await;
        proxy.set(ProxyMode::Forward).await.unwrap();
        guard
    };
    let (answer, successor) = tokio::join!(call, fault);
    let skipped = answer.unwrap().skipped().unwrap();
    let seen = skipped.holder().unwrap();
    assert_eq!(seen.owner, "other");
    assert_eq!(seen.token, successor.token());
    client.shutdown().await;
    let lease = only(&live(db, "passed-on").await);
    assert_eq!(lease.token, successor.token(), "it is not disturbed");
}

/// The time that the answer took is not the holder's: the server counts it too.
#[tokio::test]
async fn a_grant_is_as_old_as_its_request() {
    let (Fixture { db, client }, proxy) = Fixture::behind_a_proxy(PATIENCE).await;
    for (ttl, delay) in [(2000, 1000), (500, 600)] {
        let name = format!("old-{ttl}");
        let spec = spec(&name, ttl);
        proxy.set(ProxyMode::HoldReplies).await.unwrap();
        let call = client.try_acquire(&spec);
        let fault = async {
            // Live or not: on a busy machine, the shorter one may be over before the test looks.
            let granted = doc! { "_id": &name, "holders.lease": { "$exists": true } };
            eventually(until(async || {
                locks(&db).count_documents(granted.clone()).await.unwrap() == 1
            }))
            .await;
            sleep(ms(delay)).await;
            proxy.set(ProxyMode::Forward).await.unwrap();
        };
        let (answer, ()) = tokio::join!(call, fault);
        if delay < ttl {
            let guard = answer.unwrap().acquired().unwrap();
            let left = guard.time_left();
            assert!(left < ms(ttl - delay), "{left:?}");
            assert!(guard.lease().check().is_ok());
        } else {
            let error = answer.unwrap_err();
            assert!(matches!(error, Error::GrantedTooLate { .. }), "{error}");
            assert!(error.is_retryable() && !error.is_lease_lost(), "{error}");
        }
        within(SOON, free(&db, &name)).await;
    }
}

/// Faults of every kind now and then: a caller that is skipped has no live lease, and in the end none
/// is left.
#[tokio::test]
async fn many_calls_amid_faults_leave_nothing() {
    let (Fixture { db, client }, proxy) = Fixture::behind_a_proxy(ms(250)).await;
    let calls = async {
        let mut executed = 0;
        for number in 0..20 {
            let caller = client.with_owner(format!("caller-{number}")).unwrap();
            // Longer than the whole test: a lease that stays behind is found.
            let job = caller.scope(job(async { RESULT }));
            match timeout(PATIENCE, job).await.expect("it ends") {
                Ok(Outcome::Executed(_)) => executed += 1,
                Ok(Outcome::Skipped(skipped)) => {
                    assert_ne!(skipped.holder().unwrap().owner, caller.owner());
                    let owners = doc! { "holders.owner": caller.owner() };
                    let ours = locks(&db).count_documents(owners).await.unwrap();
                    assert_eq!(ours, 0, "skipped, with its own lease live");
                }
                Err(_) => {}
            }
        }
        executed
    };
    let faults = async {
        loop {
            for mode in [
                ProxyMode::Forward,
                ProxyMode::Forward,
                ProxyMode::HoldReplies,
                ProxyMode::Refuse,
            ] {
                proxy.set(mode).await.unwrap();
                sleep(ms(20)).await;
            }
        }
    };
    let executed = tokio::select! {
        executed = calls => executed,
        () = faults => unreachable!(),
    };
    proxy.set(ProxyMode::Forward).await.unwrap();
    assert_ne!(executed, 0, "nothing got through");
    within(ms(5000), all_free(&db)).await;
}
