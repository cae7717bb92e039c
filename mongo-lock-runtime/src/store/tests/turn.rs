//! Who is woken, and how often: what a change stream sees of a lock.

use mongodb::bson::doc;

use super::{
    Mongo, START,
    fixture::{Action, Fixture, Released, Slot, Terms, queue_id},
};

const A: Slot = Slot { name: 0, nth: 0 };
const B: Slot = Slot { name: 0, nth: 1 };
const C: Slot = Slot { name: 0, nth: 2 };

#[tokio::test]
async fn whoever_is_next_is_woken_once() {
    let watched = Watched::start().await;
    watched.after(0, waits(A, 0)).await;
    watched.after(1, waits(B, 1)).await;
    assert_eq!(watched.after(2, waits(C, 2)).await, "");
    assert_eq!(watched.after(3, release(A)).await, turn(1, 3));
    // It has not come yet, and others terms.
    assert_eq!(watched.after(4, waits(A, 0)).await, turn(1, 3));
    assert_eq!(watched.after(5, waits(C, 2)).await, turn(1, 3));
    assert_eq!(watched.after(6, waits(B, 1)).await, turn(1, 3));
    assert_eq!(watched.after(7, release(B)).await, turn(2, 7));
}

#[tokio::test]
async fn whoever_finds_that_a_lease_has_ended_wakes_the_next() {
    let watched = Watched::start().await;
    watched.after(0, waits(A, 0)).await;
    watched.after(1, waits(B, 1)).await;
    assert_eq!(watched.after(999, waits(C, 2)).await, "");
    assert_eq!(watched.after(1000, waits(C, 2)).await, turn(1, 1000));
    // That one's place ends. Whoever is next now knows it, being the one who requests.
    assert_eq!(watched.after(5001, waits(A, 0)).await, turn(2, 5001));
}

fn turn(client: u8, at: i64) -> String {
    let at = mongodb::bson::DateTime::from_millis(START + at);
    let at = at.try_to_rfc3339_string().unwrap();
    let woken = format!("{}@", queue_id(client));
    // As the server writes it: always with milliseconds.
    let (seconds, fraction) = at
        .trim_end_matches('Z')
        .split_once('.')
        .unwrap_or((&at, ""));
    let seconds = seconds.trim_end_matches('Z');
    format!("{woken}{seconds}.{fraction:0<3}Z")
}

struct Watched(Mongo, Fixture);

impl Watched {
    async fn start() -> Self {
        Self(Mongo::start().await, Fixture::new())
    }

    /// Whose turn it is then, if anybody's ever was.
    async fn after(&self, now: i64, action: Action) -> String {
        let Self(mongo, fixture) = self;
        mongo.answer(fixture, START + now, &action).await;
        let lock = doc! { "_id": fixture.name(0).as_str() };
        let lock = mongo.documents.find_one(lock).await.unwrap().unwrap();
        lock.get_str("turn").unwrap_or_default().to_owned()
    }
}

/// RequestBuilder for a lease of a second.
fn waits(lease: Slot, client: u8) -> Action {
    Action::General(Terms {
        lease,
        attempt: 0,
        ttl: 1000,
        shared: false,
        permits: 1,
        client: Some((client, 0)),
        released: None,
    })
}

fn release(lease: Slot) -> Action {
    Action::Release(Released {
        lease,
        min_hold: None,
        revoke: false,
    })
}
