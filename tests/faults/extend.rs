//! An extension prolongs a lease, never shortens it, and does not bring back a lost one.

use mongo_lock_runtime::{Error, Outcome, current_lease, distributed_lock};
use mongodb::bson::doc;
use tokio::time::{Instant, sleep};

use crate::support::{
    Fixture, SOON, acquire, acquire_when_free, delete, free, holder_of, live, ms, only, spec,
    within,
};

#[distributed_lock(name = "job", ttl = "800ms", reuse)]
async fn job() -> u32 {
    let lease = current_lease().unwrap();
    lease.extend(ms(3000)).await.unwrap();
    sleep(ms(1200)).await;
    7
}

#[tokio::test]
async fn lets_a_body_go_on_beyond_its_ttl() {
    let Fixture { db, client } = Fixture::new().await;
    let done = client.scope(job()).await.unwrap();
    assert_eq!(done, Outcome::Executed(7));
    assert_eq!(live(&db, "job").await, []);
}

#[tokio::test]
async fn prolongs_and_never_shortens() {
    let fixture = Fixture::new().await;
    let Fixture { db, client } = &fixture;
    let guard = acquire(client, &spec("guard", 1000)).await;
    let granted = only(&live(db, "guard").await);
    guard.lease().extend(ms(60_000)).await.unwrap();
    let extended = only(&live(db, "guard").await);
    assert!(extended.expires_at >= granted.acquired_at + ms(60_000));
    assert_eq!(extended.token, granted.token);
    let left = guard.time_left();
    assert!(left > ms(50_000), "{left:?}");
    assert!(left < ms(60_000), "{left:?}");

    guard.lease().extend(ms(1000)).await.unwrap();
    assert_eq!(only(&live(db, "guard").await), extended);
    assert!(guard.time_left() > ms(50_000));
    let other = fixture.other().await;
    let seen = holder_of(&other, &spec("guard", 1000)).await;
    assert_eq!(seen.until, extended.expires_at);
}

#[tokio::test]
async fn the_margin_is_that_of_the_longer_ttl() {
    let Fixture { db, client } = Fixture::new().await;
    // A margin of 20 ms; for a minute, it is a second.
    let guard = acquire(&client, &spec("guard", 100)).await;
    let before = Instant::now();
    guard.lease().extend(ms(60_000)).await.unwrap();
    assert_eq!(live(&db, "guard").await.len(), 1);
    let left = guard.time_left();
    assert!(before + left <= Instant::now() + ms(59_000), "{left:?}");
}

#[tokio::test]
async fn is_refused_when_the_lease_is_lost() {
    let fixture = Fixture::new().await;
    let Fixture { db, client } = &fixture;
    let other = fixture.other().await;
    let lost = |result| matches!(result, Err(Error::LeaseLost { .. }));

    // Its time is over, and the lock has passed on.
    let over = acquire(client, &spec("over", 100)).await;
    let next = acquire_when_free(&other, &spec("over", 60_000)).await;
    let before = only(&live(db, "over").await);
    assert!(lost(over.lease().extend(ms(60_000)).await));
    assert_eq!(only(&live(db, "over").await), before);
    drop(next);

    // It is gone from the server, which the holder does not know yet.
    let gone = acquire(client, &spec("gone", 60_000)).await;
    delete(db, "gone").await;
    gone.lease().check().unwrap();
    assert!(lost(gone.lease().extend(ms(60_000)).await));
    gone.lease().check().unwrap_err();
    assert_eq!(live(db, "gone").await, []);

    // It was released.
    let released = acquire(client, &spec("released", 60_000)).await;
    let lease = released.lease().clone();
    released.release().await.unwrap();
    assert!(lost(lease.extend(ms(60_000)).await));
    assert_eq!(live(db, "released").await, []);
}

/// The answer comes after the deadline: the lease stays lost, and its release still frees it.
#[tokio::test]
async fn that_is_answered_too_late_does_not_bring_it_back() {
    let fixture = Fixture::new().await;
    let Fixture { db, client } = &fixture;
    let guard = acquire(client, &spec("late", 800)).await;
    let effect = doc! { "blockConnection": true, "blockTimeMS": 900 };
    let blocks = fixture.fails("update", doc! { "times": 1 }, effect).await;
    let extended = guard.lease().extend(ms(60_000)).await;
    assert!(
        matches!(extended, Err(Error::LeaseLost { .. })),
        "{extended:?}"
    );
    drop(guard);
    within(SOON, free(db, "late")).await;
    blocks.off().await.unwrap();
}
