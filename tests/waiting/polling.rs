//! Where no change stream tells whose turn it is, those who wait ask for themselves.

use std::{
    fmt::Debug,
    sync::{Arc, Mutex},
};

use mongo_lock_runtime::LockClient;
use mongo_lock_testkit::{Server, TestDb, Topology};
use mongodb::bson::doc;
use tokio::spawn;
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

use crate::support::{acquire, client, eventually, instances, patient, places, spec, until};

#[tokio::test]
async fn on_a_standalone_server_everything_works() {
    let server = Server::builder()
        .topology(Topology::Standalone)
        .start()
        .await
        .unwrap();
    let db = server.database().await;
    let (log, _guards) = log();
    let (one, other) = (client(&db).await, client(&db).await);
    takes_turns(&db, &one, &other).await;
    assert_eq!(log.warnings(), 1, "it says so, once");
}

#[tokio::test]
async fn without_the_privilege_everything_works() {
    let server = Server::builder()
        .auth("root", "secret")
        .start()
        .await
        .unwrap();
    let db = server.database().await;
    let actions = &["find", "insert", "update", "createIndex"];
    let uri = db.create_user("short", "secret", actions).await.unwrap();
    let (log, _guards) = log();
    let one = LockClient::connect(&uri).await.unwrap();
    let other = LockClient::connect(&uri).await.unwrap();
    takes_turns(&db, &one, &other).await;
    assert_eq!(log.warnings(), 1, "it says so, once");
}

/// `other` waits, twice, readers and all.
async fn takes_turns(db: &TestDb, one: &LockClient, other: &LockClient) {
    for round in 0..2 {
        let held = acquire(one, &spec("lock", 60_000)).await;
        let waiters: Vec<_> = (0..3)
            .map(|number| {
                let (client, builder) = (other.clone(), patient("lock"));
                let waits = builder.shared(number == round).build().unwrap();
                spawn(async move {
                    let guard = client.acquire(&waits).await.unwrap();
                    guard.release().await.unwrap();
                })
            })
            .collect();
        eventually(until(async || places(db, "lock").await == 1)).await;
        held.release().await.unwrap();
        for waiter in waiters {
            eventually(waiter).await.unwrap();
        }
        assert_eq!(places(db, "lock").await, 0);
    }
}

#[tokio::test]
async fn a_stream_that_the_server_closes_costs_time_alone() {
    let (db, [one, other]) = instances().await;
    let held = acquire(&one, &spec("lock", 60_000)).await;
    let waits = patient("lock").build().unwrap();
    let waiter = {
        let (client, waits) = (other.clone(), waits.clone());
        spawn(async move { client.acquire(&waits).await.unwrap() })
    };
    eventually(until(async || places(&db, "lock").await == 1)).await;
    // The lock goes with its collection, and so does every stream on it.
    db.run_command(doc! { "drop": "distributed_locks" })
        .await
        .unwrap();
    let guard = eventually(waiter).await.unwrap();
    assert!(guard.token() > held.token());
    // And back again.
    let again = spawn({
        let client = one.clone();
        async move {
            drop(held);
            client.acquire(&waits).await.unwrap()
        }
    });
    eventually(until(async || places(&db, "lock").await == 1)).await;
    guard.release().await.unwrap();
    eventually(again).await.unwrap().release().await.unwrap();
}

/// As when the oplog has rolled over: the stream cannot be resumed.
#[tokio::test]
async fn a_stream_whose_history_is_lost_is_opened_anew() {
    const HISTORY_LOST: i32 = 286;
    let server = Server::shared().await;
    let (db, [one]) = instances().await;
    let app = "history-lost";
    let uri = format!("{}&appName={app}", db.uri());
    let other = LockClient::connect(uri).await.unwrap();
    let waits = patient("lock").build().unwrap();
    let lost = doc! { "errorCode": HISTORY_LOST };
    let point = server
        .fail_commands(app, &["getMore"], doc! { "times": 2 }, lost)
        .await
        .unwrap();
    for _ in 0..3 {
        let held = acquire(&one, &spec("lock", 60_000)).await;
        let waiter = {
            let (client, waits) = (other.clone(), waits.clone());
            spawn(async move { client.acquire(&waits).await.unwrap() })
        };
        eventually(until(async || places(&db, "lock").await == 1)).await;
        held.release().await.unwrap();
        eventually(waiter).await.unwrap().release().await.unwrap();
    }
    eventually(point.hit(1)).await.unwrap();
    point.off().await.unwrap();
}

/// Counts the warnings that there is no stream.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<String>>>);

/// For this thread, on which the test's tasks run.
pub(crate) fn log() -> (Log, (tracing::Dispatch, tracing::subscriber::DefaultGuard)) {
    let log = Log::default();
    // See `tests/locks/events.rs`.
    let another = tracing::Dispatch::new(Log::default());
    let guard = tracing::subscriber::set_default(log.clone());
    (log, (another, guard))
}

impl Log {
    fn warnings(&self) -> usize {
        self.count("there is no change stream")
    }

    /// How many events say this.
    pub(crate) fn count(&self, text: &str) -> usize {
        let lines = self.0.lock().unwrap();
        lines.iter().filter(|line| line.contains(text)).count()
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "mongo_lock"
    }
    fn event(&self, event: &Event<'_>) {
        struct Message(String);
        impl Visit for Message {
            fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
                if field.name() == "message" {
                    self.0 = format!("{value:?}");
                }
            }
        }
        let mut message = Message(String::new());
        event.record(&mut message);
        self.0.lock().unwrap().push(message.0);
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}
