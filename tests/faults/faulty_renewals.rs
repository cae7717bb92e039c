//! A renewal that fails is repeated until the deadline: whatever the error, however often.

use std::time::Duration;

use mongo_lock_runtime::{Error, LossReason, Outcome, distributed_lock};
use mongo_lock_testkit::{ProxyMode, TestDb};
use mongodb::bson::doc;
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep, sleep_until, timeout},
};

use crate::support::{
    BodyHandle, COLLECTION, Fixture, Lease, PATIENCE, RESULT, SOON, ServerClock, acquire, body,
    delete, eventually, free, holder_of, live, ms, named, only, renewed_spec, spec, until, within,
};

const TTL: Duration = ms(2000);

#[distributed_lock(name = "job", ttl = TTL, renew, reuse)]
async fn job<F: Future>(body: F) -> F::Output {
    body.await
}

/// For what ends in its loss.
const SHORT: Duration = ms(1000);

#[distributed_lock(name = "job", ttl = SHORT, renew, reuse)]
async fn short_job<F: Future>(body: F) -> F::Output {
    body.await
}

type Job = JoinHandle<Result<Outcome<u32>, Error>>;

/// Starts a job and waits until its body runs.
async fn start(fixture: &Fixture, ttl: Duration) -> (Job, BodyHandle) {
    let (body, hand) = body();
    let client = fixture.client.clone();
    let call = tokio::spawn(async move {
        match ttl {
            SHORT => client.scope(short_job(body)).await,
            _ => client.scope(job(body)).await,
        }
    });
    hand.started().await;
    (call, hand)
}

async fn lease(fixture: &Fixture) -> Lease {
    only(&live(&fixture.db, "job").await)
}

/// Waits until the job's lease has been prolonged once more.
async fn prolonged(fixture: &Fixture) {
    let before = lease(fixture).await.expires_at;
    let more = async || lease(fixture).await.expires_at > before;
    within(TTL, until(more)).await;
}

/// The body goes on far beyond its ttl, and no other client gets in.
#[tokio::test]
async fn errors_that_pass_are_survived() {
    let fixture = Fixture::new().await;
    let other = fixture.other().await;
    let (call, hand) = start(&fixture, TTL).await;
    let token = lease(&fixture).await.token;
    for (times, effect) in [
        (3, doc! { "errorCode": 8000 }),
        // Applied, yet the client must not rely on it.
        (
            3,
            doc! { "writeConcernError": { "code": 64, "errmsg": "on purpose" } },
        ),
        // After these, the driver asks the server what it is: twice a second at most.
        (1, doc! { "closeConnection": true }),
        (1, doc! { "errorCode": 91 }),
    ] {
        let failing = fixture.fails("update", doc! { "times": times }, effect.clone());
        let failing = failing.await;
        failing.hit(u32::try_from(times).unwrap()).await.unwrap();
        failing.off().await.unwrap();
        prolonged(&fixture).await;
        assert!(hand.is_running(), "{effect}");
    }
    let seen = holder_of(&other, &spec("job", 1000)).await;
    assert_eq!(seen.token, token);
    hand.finish();
    assert_eq!(call.await.unwrap().unwrap(), Outcome::Executed(RESULT));
    assert_eq!(live(&fixture.db, "job").await, []);
}

/// An attempt that hangs does not hold up the next one.
#[tokio::test]
async fn an_attempt_that_hangs_is_overtaken() {
    let fixture = Fixture::new().await;
    let effect = doc! { "blockConnection": true, "blockTimeMS": 2000 };
    let blocks = fixture.fails("update", doc! { "times": 1 }, effect).await;
    let (call, hand) = start(&fixture, TTL).await;
    blocks.hit(1).await.unwrap();
    prolonged(&fixture).await;
    prolonged(&fixture).await;
    assert!(hand.is_running());
    hand.finish();
    assert_eq!(call.await.unwrap().unwrap(), Outcome::Executed(RESULT));
    assert_eq!(live(&fixture.db, "job").await, []);
    blocks.off().await.unwrap();
}

/// Errors for good: the body is dropped before the server would give the lock to another.
#[tokio::test]
async fn errors_that_last_end_the_body_in_time() {
    let fixture = Fixture::new().await;
    for (effect, answered) in [
        (doc! { "errorCode": 8000 }, true),
        (doc! { "closeConnection": true }, true),
        (doc! { "blockConnection": true, "blockTimeMS": 900 }, false),
    ] {
        let failing = fixture.fails("update", "alwaysOn", effect.clone()).await;
        let clock = ServerClock::read(&fixture.db).await;
        let (call, hand) = start(&fixture, SHORT).await;
        let lease = lease(&fixture).await;
        let ended = hand.ended().await;
        let error = within(SOON, call).await.unwrap().unwrap_err();
        assert!(clock.at_most(ended) < lease.expires_at, "{effect}");
        let Error::LeaseLost {
            reason: LossReason::NotRenewed { problem, .. },
            ..
        } = error
        else {
            panic!("{error}");
        };
        assert_eq!(problem.is_some(), answered, "{problem:?}");
        failing.off().await.unwrap();
        within(ms(5000), free(&fixture.db, "job")).await;
    }
}

/// Applied, yet perhaps not for long: no holder may rely on it.
#[tokio::test]
async fn a_renewal_without_a_majority_does_not_count() {
    let fixture = Fixture::new().await;
    let effect = doc! { "writeConcernError": { "code": 64, "errmsg": "on purpose" } };
    let failing = fixture.fails("update", "alwaysOn", effect).await;
    let clock = ServerClock::read(&fixture.db).await;
    let (call, hand) = start(&fixture, SHORT).await;
    let granted = lease(&fixture).await;
    let ended = hand.ended().await;
    let error = within(SOON, call).await.unwrap().unwrap_err();
    assert!(error.to_string().contains("majority"), "{error}");
    assert!(clock.at_most(ended) < granted.acquired_at + SHORT);
    failing.off().await.unwrap();
    within(SOON, free(&fixture.db, "job")).await;
}

/// Which of them are gone, only the `aggregate` after the renewal tells. Until it does, none is taken
/// for lost.
#[tokio::test]
async fn the_question_which_are_gone_is_repeated_too() {
    let fixture = Fixture::new().await;
    let spec = |name| renewed_spec(name, TTL);
    let kept = acquire(&fixture.client, &spec("kept")).await;
    let gone = acquire(&fixture.client, &spec("gone")).await;
    let effect = doc! { "errorCode": 8000 };
    let failing = fixture
        .fails("aggregate", doc! { "times": 2 }, effect)
        .await;
    delete(&fixture.db, "gone").await;
    failing.hit(2).await.unwrap();
    failing.off().await.unwrap();
    let error = within(TTL, gone.lease().lost()).await;
    let fits = matches!(
        error,
        Error::LeaseLost {
            reason: LossReason::Gone,
            ..
        }
    );
    assert!(fits, "{error}");
    sleep(TTL).await;
    kept.lease().check().unwrap();
}

/// One lock's document cannot be written, for whatever reason: here, an operator has set up a rule for
/// the collection that it breaks. That is no reason to lose the others.
#[tokio::test]
async fn one_that_cannot_be_renewed_does_not_take_the_others_with_it() {
    let Fixture { db, client, .. } = Fixture::new().await;
    let bad = acquire(&client, &renewed_spec("a-bad", TTL)).await;
    // Renewed together with it, by the same statement and by another.
    let same = acquire(&client, &renewed_spec("b-same-ttl", TTL)).await;
    let other = acquire(&client, &renewed_spec("c-other-ttl", TTL + ms(1))).await;
    forbid(&db, "a-bad").await;
    let error = within(TTL, bad.lease().lost()).await;
    assert!(error.to_string().contains("validation"), "{error}");
    sleep(TTL).await;
    other.lease().check().unwrap();
    same.lease().check().unwrap();
    eventually(free(&db, "a-bad")).await;
}

/// The renewal fails, and the answer to "how long does it last, then?" takes its time. Meanwhile the
/// lease runs on as it was.
#[tokio::test]
async fn a_late_answer_does_not_prolong_what_was_left_behind() {
    const TTL: Duration = ms(4000);
    let (fixture, proxy) = Fixture::behind_a_proxy(PATIENCE).await;
    let db = &fixture.db;
    let builder = named(&proxy.uri_for(db), db).margin(TTL / 10);
    let client = builder.build().await.unwrap();
    let start = Instant::now();
    let guard = acquire(&client, &renewed_spec("bad", TTL)).await;
    let clock = ServerClock::read(db).await;
    let granted = only(&live(db, "bad").await);
    forbid(db, "bad").await;
    let effect = doc! { "blockConnection": true, "blockTimeMS": 200 };
    let blocks = fixture
        .fails("aggregate", doc! { "times": 1 }, effect)
        .await;
    blocks.hit(1).await.unwrap();
    // The question has arrived, and the answer will not get through before more time has passed since
    // the renewal was sent than had passed before it.
    proxy.set(ProxyMode::HoldReplies).await.unwrap();
    sleep_until(start + TTL * 8 / 10).await;
    proxy.set(ProxyMode::Forward).await.unwrap();
    let prolonged = until(async || guard.time_left() > TTL / 4);
    let _ = timeout(ms(100), prolonged).await;
    proxy.set(ProxyMode::Hang).await.unwrap();
    eventually(guard.lease().lost()).await;
    assert!(clock.at_most(Instant::now()) < granted.expires_at);
    blocks.off().await.unwrap();
}

/// Sets up a rule for the collection that this lock's document breaks from now on.
async fn forbid(db: &TestDb, name: &str) {
    let rule = doc! { "collMod": COLLECTION, "validator": { "_id": { "$ne": name } } };
    db.run_command(rule).await.unwrap();
}
