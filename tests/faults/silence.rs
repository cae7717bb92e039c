//! A connection that accepts and never answers, one that takes requests and keeps the replies, and a
//! server that is gone. The body ends before the lease can pass on, and every call in time.

use std::time::Duration;

use mongo_lock_runtime::{Error, LossReason, Outcome, distributed_lock};
use mongo_lock_testkit::ProxyMode::{self, Forward, Hang, HoldReplies, Refuse};
use tokio::time::Instant;

use crate::support::{
    Fixture, RESULT, SOON, ServerClock, body, free, live, ms, only, until, within,
};

const LIMIT: Duration = ms(500);
const TTL: Duration = ms(1200);

#[distributed_lock(name = "silence-plain", ttl = TTL)]
async fn plain<F: Future>(body: F) -> F::Output {
    body.await
}

#[distributed_lock(name = "silence-renewed", ttl = TTL, renew)]
async fn renewed<F: Future>(body: F) -> F::Output {
    body.await
}

#[distributed_lock(name = "silence-long", ttl = "1m")]
async fn long<F: Future>(body: F) -> F::Output {
    body.await
}

#[tokio::test]
async fn at_acquire() {
    tokio::join!(
        is_given_up(Hang),
        is_given_up(HoldReplies),
        is_given_up(Refuse),
    );
}

async fn is_given_up(mode: ProxyMode) {
    let (Fixture { db, client }, proxy) = Fixture::behind_a_proxy(LIMIT).await;
    proxy.set(mode).await.unwrap();
    let (body, hand) = body();
    let error = within(LIMIT + SOON, client.scope(long(body))).await;
    let error = error.unwrap_err();
    let fits = matches!(error, Error::Timeout { .. } | Error::Database { .. });
    assert!(fits, "{mode:?}: {error}");
    assert!(hand.never_ran());
    // Whether it arrived before, or arrives now: it is given back, long before its ttl.
    proxy.set(Forward).await.unwrap();
    client.shutdown().await;
    within(ms(10_000), free(&db, "silence-long")).await;
}

#[tokio::test]
async fn in_mid_body() {
    tokio::join!(
        ends_in_time(Hang, "silence-plain"),
        ends_in_time(Refuse, "silence-plain")
    );
}

#[tokio::test]
async fn in_mid_body_with_renewal() {
    tokio::join!(
        ends_in_time(Hang, "silence-renewed"),
        ends_in_time(HoldReplies, "silence-renewed"),
        ends_in_time(Refuse, "silence-renewed"),
    );
}

async fn ends_in_time(mode: ProxyMode, name: &'static str) {
    let (Fixture { db, client }, proxy) = Fixture::behind_a_proxy(LIMIT).await;
    let clock = ServerClock::read(&db).await;
    let (body, hand) = body();
    let call = tokio::spawn(async move {
        let result = match name {
            "silence-plain" => client.scope(plain(body)).await,
            _ => client.scope(renewed(body)).await,
        };
        (result, Instant::now())
    });
    hand.started().await;
    let granted = only(&live(&db, name).await);
    if name == "silence-renewed" {
        let later = async || only(&live(&db, name).await).expires_at > granted.expires_at;
        within(TTL, until(later)).await;
    }
    proxy.set(mode).await.unwrap();
    // A renewal whose reply is held back moves this further; the holder does not know of it.
    let lease = only(&live(&db, name).await);
    let ended = hand.ended().await;
    let (result, returned) = call.await.unwrap();
    assert!(clock.at_most(ended) < lease.expires_at, "{mode:?}, {name}");
    assert!(returned - ended < SOON, "{mode:?}, {name}");
    let Err(Error::LeaseLost { reason, .. }) = result else {
        panic!("{mode:?}, {name}: {result:?}");
    };
    let fits = match reason {
        LossReason::Deadline { .. } => name == "silence-plain",
        LossReason::NotRenewed { .. } => name == "silence-renewed",
        _ => false,
    };
    assert!(fits, "{mode:?}, {name}: {reason}");
    proxy.set(Forward).await.unwrap();
    within(TTL + SOON, free(&db, name)).await;
}

#[tokio::test]
async fn at_release() {
    tokio::join!(
        takes_no_result_away(Hang),
        takes_no_result_away(HoldReplies),
        takes_no_result_away(Refuse),
    );
}

async fn takes_no_result_away(mode: ProxyMode) {
    let (Fixture { db, client }, proxy) = Fixture::behind_a_proxy(LIMIT).await;
    let (body, hand) = body();
    let call = tokio::spawn(async move { client.scope(long(body)).await });
    hand.started().await;
    proxy.set(mode).await.unwrap();
    hand.finish();
    let done = within(LIMIT + SOON, call).await.unwrap();
    assert_eq!(done.unwrap(), Outcome::Executed(RESULT), "{mode:?}");
    proxy.set(Forward).await.unwrap();
    within(ms(10_000), free(&db, "silence-long")).await;
}
