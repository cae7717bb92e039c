//! With `on_lost = "continue"` the body learns of the loss, and decides for itself; its result counts.

use std::time::Duration;

use mongo_lock_runtime::{
    Error, LossReason, Outcome, Release, assert_locked, current_lease, distributed_lock,
};
use tokio::time::Instant;

use crate::support::{
    Fixture, SOON, ServerClock, acquire_when_free, delete, eventually, live, ms, only, spec, until,
    within,
};

const TTL: Duration = ms(900);

/// Gives what it learned, and when.
#[distributed_lock(name = "on-lost-plain", ttl = TTL, on_lost = "continue")]
async fn plain() -> (Error, Instant) {
    let lease = current_lease().unwrap();
    let lost = lease.lost().await;
    let learned = Instant::now();
    lease.check().unwrap_err();
    assert!(lease.time_left().is_zero());
    (lost, learned)
}

#[distributed_lock(name = "on-lost-renewed", ttl = TTL, renew, on_lost = "continue")]
async fn renewed() -> Error {
    assert_locked("on-lost-renewed").lost().await
}

/// Its own successor gets in while it goes on.
#[distributed_lock(name = "overtaken", ttl = TTL, on_lost = "continue")]
async fn overtaken(successor: impl Future<Output = ()>) -> u32 {
    let lease = current_lease().unwrap();
    lease.lost().await;
    successor.await;
    let extended = lease.extend(ms(60_000)).await;
    assert!(matches!(extended, Err(Error::LeaseLost { .. })));
    7
}

#[tokio::test]
async fn the_body_learns_of_its_deadline_in_time_and_goes_on() {
    let Fixture { db, client } = Fixture::new().await;
    let clock = ServerClock::read(&db).await;
    let start = Instant::now();
    let done = within(TTL + SOON, client.scope(plain())).await.unwrap();
    let (error, learned) = done.executed().unwrap();
    let fits = matches!(
        error,
        Error::LeaseLost {
            reason: LossReason::Deadline { .. },
            ..
        }
    );
    assert!(fits, "{error}");
    assert!(learned - start < TTL);
    assert!(clock.at_most(learned) < clock.at_most(start) + TTL);
    assert_eq!(live(&db, "on-lost-plain").await, []);
}

#[tokio::test]
async fn the_body_learns_that_its_lease_is_gone() {
    let Fixture { db, client } = Fixture::new().await;
    let call = tokio::spawn(async move { client.scope(renewed()).await });
    let held = async || !live(&db, "on-lost-renewed").await.is_empty();
    eventually(until(held)).await;
    delete(&db, "on-lost-renewed").await;
    let done = within(TTL, call).await.unwrap().unwrap();
    let error = done.executed().unwrap();
    let fits = matches!(
        error,
        Error::LeaseLost {
            reason: LossReason::Gone,
            ..
        }
    );
    assert!(fits, "{error}");
}

#[tokio::test]
async fn its_late_end_leaves_the_successor_alone() {
    let fixture = Fixture::new().await;
    let Fixture { db, client } = &fixture;
    let other = fixture.other().await;
    let mut next = None;
    let successor = async {
        let guard = acquire_when_free(&other, &spec("overtaken", 60_000)).await;
        next = Some(guard);
    };
    let done = client.scope(overtaken(successor)).await.unwrap();
    assert_eq!(done, Outcome::Executed(7));
    let next = next.unwrap();
    client.shutdown().await;
    let lease = only(&live(db, "overtaken").await);
    assert_eq!(lease.token, next.token());
    assert_eq!(lease.expires_at, next.expires_at());
    assert_eq!(next.release().await.unwrap(), Release::Freed);
}
