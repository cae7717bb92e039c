//! The waiters that a step wakes, and how often, as the reply to the step says.

use std::sync::Mutex;

use super::{
    Mongo, START,
    conformance::{release, revoke},
    fixture::{Action, Fixture, Slot, queue_id},
    requests::{leave, permits, reads, waits},
};
use crate::store::memory::locks::Locks;

const A: Slot = Slot { name: 0, nth: 0 };
const B: Slot = Slot { name: 0, nth: 1 };
const C: Slot = Slot { name: 0, nth: 2 };
const D: Slot = Slot { name: 0, nth: 3 };

#[tokio::test]
async fn the_next_waiter_is_woken_once() {
    let watched = Watched::start().await;
    watched.after(0, waits(A, 0).request()).await;
    watched.after(1, waits(B, 1).request()).await;
    assert_eq!(watched.after(2, waits(C, 2).request()).await, NONE);
    assert_eq!(watched.after(3, release(A)).await, turn(1));
    // B has not come yet, and other clients ask.
    assert_eq!(watched.after(4, waits(A, 0).request()).await, NONE);
    assert_eq!(watched.after(5, waits(C, 2).request()).await, NONE);
    assert_eq!(watched.after(6, waits(B, 1).request()).await, NONE);
    assert_eq!(watched.after(7, release(B)).await, turn(2));
}

#[tokio::test]
async fn a_request_that_finds_an_expired_lease_wakes_the_next_waiter() {
    let watched = Watched::start().await;
    watched.after(0, waits(A, 0).request()).await;
    watched.after(1, waits(B, 1).request()).await;
    assert_eq!(watched.after(999, waits(C, 2).request()).await, NONE);
    let at_the_end = waits(C, 2).request();
    assert_eq!(watched.after(1000, at_the_end).await, turn(1));
    // The entry of B ends, and C is next.
    let later = waits(A, 0).request();
    assert_eq!(watched.after(5001, later).await, turn(2));
}

#[tokio::test]
async fn a_permit_is_not_woken_beside_a_reader() {
    let watched = Watched::start().await;
    watched.after(0, reads(A).request()).await;
    watched.after(1, reads(B).request()).await;
    watched.after(2, waits(C, 1).permits(5).request()).await;
    assert_eq!(watched.after(3, release(A)).await, NONE);
    assert_eq!(watched.after(4, release(B)).await, turn(1));
}

#[tokio::test]
async fn a_permit_is_not_woken_for_more_than_a_holder_allows() {
    let watched = Watched::start().await;
    watched.after(0, permits(A, 2)).await;
    watched.after(1, permits(B, 2)).await;
    watched.after(2, waits(C, 1).permits(9).request()).await;
    watched.after(3, waits(D, 2).permits(9).request()).await;
    assert_eq!(watched.after(4, release(A)).await, turn(1));
    // There are two then, as many as the other holder allows.
    let next = waits(C, 1).permits(9).request();
    assert_eq!(watched.after(5, next).await, NONE);
    assert_eq!(watched.after(6, release(B)).await, turn(2));
}

#[tokio::test]
async fn readers_are_woken_up_to_the_first_writer() {
    let watched = Watched::start().await;
    watched.after(0, waits(A, 0).request()).await;
    watched.after(1, reads(B).client(1).request()).await;
    watched.after(2, reads(C).client(2).request()).await;
    watched.after(3, waits(D, 3).request()).await;
    assert_eq!(
        watched.after(4, release(A)).await,
        [queue_id(1), queue_id(2)]
    );
    // The first of the two says that it is the turn of the second, which costs one look.
    let first = reads(B).client(1).request();
    assert_eq!(watched.after(5, first).await, turn(2));
    watched.after(6, reads(C).client(2).request()).await;
    assert_eq!(watched.after(7, release(B)).await, NONE);
    assert_eq!(watched.after(8, release(C)).await, turn(3));
}

#[tokio::test]
async fn a_revocation_and_the_end_of_an_entry_wake_the_next_waiter() {
    let watched = Watched::start().await;
    watched.after(0, waits(A, 0).request()).await;
    watched.after(1, reads(B).client(1).request()).await;
    watched.after(2, waits(C, 2).request()).await;
    assert_eq!(watched.after(3, revoke(A)).await, turn(1));
    // The revocation ends the entry of B.
    assert_eq!(watched.after(4, revoke(B)).await, turn(2));
    watched.after(5, reads(D).client(3).request()).await;
    assert_eq!(watched.after(6, leave(2)).await, turn(3));
}

const NONE: [&str; 0] = [];

fn turn(client: u8) -> [String; 1] {
    [queue_id(client)]
}

/// A lock in both stores, whose replies a test watches.
struct Watched {
    mongo: Mongo,
    memory: Mutex<Locks>,
    fixture: Fixture,
}

impl Watched {
    async fn start() -> Self {
        Self {
            mongo: Mongo::start().await,
            memory: Mutex::default(),
            fixture: Fixture::new(),
        }
    }

    /// The waiters that the action wakes.
    async fn after(&self, now: i64, action: Action) -> Vec<String> {
        let request = self.fixture.request_of(&action).unwrap();
        let store = self.mongo.at(START + now);
        let (_, turn) = store.call(&request).await.unwrap();
        let in_memory = {
            let mut locks = self.memory.lock().unwrap();
            locks.apply(START + now, &request);
            locks.take_turn()
        };
        assert_eq!(turn, in_memory, "{action:?}");
        turn.iter().map(ToString::to_string).collect()
    }
}
