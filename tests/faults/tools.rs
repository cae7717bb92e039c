//! What the faults have in common: a body that tells what happens to it, and what the server knows.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use mongo_lock_runtime::LockSpec;
use mongo_lock_testkit::TestDb;
use mongodb::{
    Collection,
    bson::{Bson, Document, doc},
};
use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep, timeout},
};

pub(crate) const COLLECTION: &str = "distributed_locks";

/// What anything may take that the promises put no limit on; it only passes in full when a test
/// fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// What the promises call "at once", on a machine with other things to do.
pub(crate) const SOON: Duration = Duration::from_secs(1);

pub(crate) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Waits for what must happen at some time.
#[track_caller]
pub(crate) fn eventually<F: IntoFuture>(event: F) -> impl Future<Output = F::Output> {
    within(PATIENCE, event)
}

/// Waits for what must happen in time.
#[track_caller]
pub(crate) fn within<F: IntoFuture>(limit: Duration, event: F) -> impl Future<Output = F::Output> {
    let caller = std::panic::Location::caller();
    let event = event.into_future();
    async move {
        let Ok(output) = timeout(limit, event).await else {
            panic!("not within {limit:?}: {caller}");
        };
        output
    }
}

/// A body, and a hand on it.
pub(crate) fn body() -> (impl Future<Output = u32> + Send + 'static, Hand) {
    let hand = Hand {
        state: Arc::new(watch::Sender::new(State::default())),
        finish: Arc::default(),
    };
    let inside = hand.clone();
    let body = async move {
        let _end = End(inside.clone());
        inside.state.send_modify(|state| state.started = true);
        inside.finish.notified().await;
        RESULT
    };
    (body, hand)
}

/// What a body gives that was let finish.
pub(crate) const RESULT: u32 = 42;

#[derive(Clone)]
pub(crate) struct Hand {
    state: Arc<watch::Sender<State>>,
    finish: Arc<Notify>,
}

#[derive(Debug, Default, Clone, Copy)]
struct State {
    started: bool,
    ended: Option<Instant>,
}

impl Hand {
    /// Waits until the body runs.
    pub(crate) async fn started(&self) {
        let mut state = self.state.subscribe();
        eventually(state.wait_for(|state| state.started))
            .await
            .unwrap();
    }

    /// Waits until it has finished or was dropped; says when.
    pub(crate) async fn ended(&self) -> Instant {
        let mut state = self.state.subscribe();
        let state = eventually(state.wait_for(|state| state.ended.is_some())).await;
        state.unwrap().ended.unwrap()
    }

    pub(crate) fn is_running(&self) -> bool {
        let state = *self.state.borrow();
        state.started && state.ended.is_none()
    }

    pub(crate) fn never_ran(&self) -> bool {
        !self.state.borrow().started
    }

    pub(crate) fn finish(&self) {
        self.finish.notify_one();
    }
}

struct End(Hand);

impl Drop for End {
    fn drop(&mut self) {
        self.0
            .state
            .send_modify(|state| state.ended = Some(Instant::now()));
    }
}

/// The server's clock, told by this machine's monotonic one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ServerClock {
    before: Instant,
    now: SystemTime,
}

impl ServerClock {
    pub(crate) async fn read(db: &TestDb) -> Self {
        let before = Instant::now();
        let hello = db.run_command(doc! { "hello": 1 }).await.unwrap();
        let now = hello.get_datetime("localTime").unwrap().to_system_time();
        Self { before, now }
    }

    /// What the server's clock showed then, at most.
    pub(crate) fn at_most(&self, then: Instant) -> SystemTime {
        self.now + then.saturating_duration_since(self.before)
    }
}

pub(crate) fn locks(db: &TestDb) -> Collection<Document> {
    db.collection(COLLECTION)
}

/// Deletes a lock's document, as somebody with a shell might.
pub(crate) async fn delete(db: &TestDb, name: &str) {
    let deleted = locks(db).delete_one(doc! { "_id": name }).await.unwrap();
    assert_eq!(deleted.deleted_count, 1);
}

/// The leases of a lock that are live, by the server's clock.
pub(crate) async fn live(db: &TestDb, name: &str) -> Vec<Document> {
    leases(db, doc! { "_id": name }).await
}

/// The same for every lock.
pub(crate) async fn all_live(db: &TestDb) -> Vec<Document> {
    leases(db, doc! {}).await
}

async fn leases(db: &TestDb, filter: Document) -> Vec<Document> {
    let pipeline = [
        doc! { "$match": filter },
        doc! { "$unwind": "$holders" },
        doc! { "$match": { "$expr": { "$gt": ["$holders.expires_at", "$$NOW"] } } },
        doc! { "$replaceWith": { "$mergeObjects": ["$holders", { "name": "$_id" }] } },
    ];
    let mut cursor = locks(db).aggregate(pipeline).await.unwrap();
    let mut found = Vec::new();
    while cursor.advance().await.unwrap() {
        found.push(cursor.deserialize_current().unwrap());
    }
    found
}

/// The only live lease of a lock.
#[track_caller]
pub(crate) fn only(leases: &[Document]) -> Lease {
    let [lease] = leases else {
        panic!("not one lease: {leases:?}");
    };
    let date = |key| lease.get_datetime(key).map(|date| date.to_system_time());
    Lease {
        owner: lease.get_str("owner").unwrap().to_owned(),
        token: lease.get("token").and_then(Bson::as_i64).unwrap(),
        acquired_at: date("acquired_at").unwrap(),
        expires_at: date("expires_at").unwrap(),
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lease {
    pub(crate) owner: String,
    pub(crate) token: i64,
    pub(crate) acquired_at: SystemTime,
    pub(crate) expires_at: SystemTime,
}

/// Waits until a lock is free, by the server's clock.
pub(crate) async fn free(db: &TestDb, name: &str) {
    until(async || live(db, name).await.is_empty()).await;
}

/// Waits until all are.
pub(crate) async fn all_free(db: &TestDb) {
    until(async || all_live(db).await.is_empty()).await;
}

/// Waits for what nobody announces.
pub(crate) async fn until(is_so: impl AsyncFn() -> bool) {
    while !is_so().await {
        sleep(ms(5)).await;
    }
}

/// A lock that is renewed while it is held.
pub(crate) fn renewed_spec(name: &str, ttl: Duration) -> LockSpec {
    LockSpec::builder(name, ttl).renew(true).build().unwrap()
}
