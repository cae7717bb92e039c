//! `max_hold` ends a body that renewal would keep alive for ever.

use std::time::Duration;

use mongo_lock_runtime::{Error, LockSpec, LossReason, Outcome, distributed_lock};
use tokio::time::Instant;

use crate::support::{Fixture, RESULT, SOON, acquire, body, eventually, free, live, ms, within};

const TTL: Duration = ms(600);
const MAX: Duration = ms(1500);

#[distributed_lock(name = "job", ttl = TTL, renew, max_hold = MAX, reuse)]
async fn job<F: Future>(body: F) -> F::Output {
    body.await
}

fn is_at_max_hold(error: &Error) -> bool {
    matches!(
        error,
        Error::LeaseLost {
            reason: LossReason::MaxHold { max_hold: MAX },
            ..
        }
    )
}

#[tokio::test]
async fn ends_a_body_that_goes_on_and_on() {
    let Fixture { db, client } = Fixture::new().await;
    let (body, hand) = body();
    let start = Instant::now();
    let call = tokio::spawn(async move { client.scope(job(body)).await });
    let ended = hand.ended().await;
    assert!(ended - start > TTL + ms(200), "it was renewed");
    assert!(ended - start + ms(100) >= MAX, "and not stopped early");
    assert!(ended - start < MAX + SOON, "{:?}", ended - start);
    let error = within(SOON, call).await.unwrap().unwrap_err();
    assert!(is_at_max_hold(&error), "{error}");
    within(SOON, free(&db, "job")).await;
}

#[tokio::test]
async fn leaves_a_quicker_one_alone() {
    let Fixture { db, client } = Fixture::new().await;
    let done = client.scope(job(async { RESULT })).await.unwrap();
    assert_eq!(done, Outcome::Executed(RESULT));
    assert_eq!(live(&db, "job").await, []);
}

/// Neither a guard's renewal nor an extension gets past it.
#[tokio::test]
async fn no_extension_gets_past_it() {
    let Fixture { client, .. } = Fixture::new().await;
    let spec = LockSpec::builder("guard", TTL).renew(true).max_hold(MAX);
    let start = Instant::now();
    let guard = acquire(&client, &spec.build().unwrap()).await;
    guard.lease().extend(ms(60_000)).await.unwrap();
    assert!(guard.time_left() <= MAX);
    let error = eventually(guard.lease().lost()).await;
    assert!(is_at_max_hold(&error), "{error}");
    assert!(start.elapsed() < MAX + SOON);
    guard.lease().extend(TTL).await.unwrap_err();
    // It was prolonged on the server; the release frees it all the same.
    guard.release().await.unwrap();
}
