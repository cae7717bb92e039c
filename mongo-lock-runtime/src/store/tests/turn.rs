//! The waiters that a step wakes, and how often: what a change stream sees of a lock.

use mongodb::bson::doc;

use super::{
    Mongo, START,
    conformance::{release, revoke},
    fixture::{Action, Fixture, Slot, queue_id},
    requests::{leave, permits, reads, waits},
};

const A: Slot = Slot { name: 0, nth: 0 };
const B: Slot = Slot { name: 0, nth: 1 };
const C: Slot = Slot { name: 0, nth: 2 };
const D: Slot = Slot { name: 0, nth: 3 };

#[tokio::test]
async fn the_next_waiter_is_woken_once() {
    let watched = Watched::start().await;
    watched.after(0, waits(A, 0).request()).await;
    watched.after(1, waits(B, 1).request()).await;
    assert_eq!(watched.after(2, waits(C, 2).request()).await, "");
    assert_eq!(watched.after(3, release(A)).await, turn(1, 3));
    // B has not come yet, and other clients ask.
    assert_eq!(watched.after(4, waits(A, 0).request()).await, turn(1, 3));
    assert_eq!(watched.after(5, waits(C, 2).request()).await, turn(1, 3));
    assert_eq!(watched.after(6, waits(B, 1).request()).await, turn(1, 3));
    assert_eq!(watched.after(7, release(B)).await, turn(2, 7));
}

#[tokio::test]
async fn a_request_that_finds_an_expired_lease_wakes_the_next_waiter() {
    let watched = Watched::start().await;
    watched.after(0, waits(A, 0).request()).await;
    watched.after(1, waits(B, 1).request()).await;
    assert_eq!(watched.after(999, waits(C, 2).request()).await, "");
    let at_the_end = waits(C, 2).request();
    assert_eq!(watched.after(1000, at_the_end).await, turn(1, 1000));
    // The entry of B ends, and C is next.
    let later = waits(A, 0).request();
    assert_eq!(watched.after(5001, later).await, turn(2, 5001));
}

#[tokio::test]
async fn a_permit_is_not_woken_beside_a_reader() {
    let watched = Watched::start().await;
    watched.after(0, reads(A).request()).await;
    watched.after(1, reads(B).request()).await;
    watched.after(2, waits(C, 1).permits(5).request()).await;
    assert_eq!(watched.after(3, release(A)).await, "");
    assert_eq!(watched.after(4, release(B)).await, turn(1, 4));
}

#[tokio::test]
async fn a_permit_is_not_woken_for_more_than_a_holder_allows() {
    let watched = Watched::start().await;
    watched.after(0, permits(A, 2)).await;
    watched.after(1, permits(B, 2)).await;
    watched.after(2, waits(C, 1).permits(9).request()).await;
    watched.after(3, waits(D, 2).permits(9).request()).await;
    assert_eq!(watched.after(4, release(A)).await, turn(1, 4));
    // There are two then, as many as the other holder allows.
    let next = waits(C, 1).permits(9).request();
    assert_eq!(watched.after(5, next).await, turn(1, 4));
    assert_eq!(watched.after(6, release(B)).await, turn(2, 6));
}

#[tokio::test]
async fn readers_are_woken_up_to_the_first_writer() {
    let watched = Watched::start().await;
    watched.after(0, waits(A, 0).request()).await;
    watched.after(1, reads(B).client(1).request()).await;
    watched.after(2, reads(C).client(2).request()).await;
    watched.after(3, waits(D, 3).request()).await;
    assert_eq!(watched.after(4, release(A)).await, turns(&[1, 2], 4));
    // The first of the two says that it is the turn of the second, which costs one look.
    let first = reads(B).client(1).request();
    assert_eq!(watched.after(5, first).await, turn(2, 5));
    watched.after(6, reads(C).client(2).request()).await;
    assert_eq!(watched.after(7, release(B)).await, turn(2, 5));
    assert_eq!(watched.after(8, release(C)).await, turn(3, 8));
}

#[tokio::test]
async fn a_revocation_and_the_end_of_an_entry_wake_the_next_waiter() {
    let watched = Watched::start().await;
    watched.after(0, waits(A, 0).request()).await;
    watched.after(1, reads(B).client(1).request()).await;
    watched.after(2, waits(C, 2).request()).await;
    assert_eq!(watched.after(3, revoke(A)).await, turn(1, 3));
    // The revocation ends the entry of B.
    assert_eq!(watched.after(4, revoke(B)).await, turn(2, 4));
    watched.after(5, reads(D).client(3).request()).await;
    assert_eq!(watched.after(6, leave(2)).await, turn(3, 6));
}

fn turn(client: u8, at: i64) -> String {
    turns(&[client], at)
}

fn turns(clients: &[u8], at: i64) -> String {
    let woken: String = clients
        .iter()
        .map(|client| queue_id(*client) + "@")
        .collect();
    let at = mongodb::bson::DateTime::from_millis(START + at);
    let at = at.try_to_rfc3339_string().unwrap();
    // As the server writes it: always with milliseconds.
    let (seconds, fraction) = at
        .trim_end_matches('Z')
        .split_once('.')
        .unwrap_or((&at, ""));
    let seconds = seconds.trim_end_matches('Z');
    format!("{woken}{seconds}.{fraction:0<3}Z")
}

/// A lock whose `turn` a test watches.
struct Watched(Mongo, Fixture);

impl Watched {
    async fn start() -> Self {
        Self(Mongo::start().await, Fixture::new())
    }

    /// The value of `turn` after the action; empty, if there was never a turn.
    async fn after(&self, now: i64, action: Action) -> String {
        let Self(mongo, fixture) = self;
        mongo.answer(fixture, START + now, &action).await;
        let lock = doc! { "_id": fixture.name(0).as_str() };
        let lock = mongo.documents.find_one(lock).await.unwrap().unwrap();
        lock.get_str("turn").unwrap_or_default().to_owned()
    }
}
