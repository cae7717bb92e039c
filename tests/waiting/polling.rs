//! Where no wake-up tells whose turn it is, those who wait ask for themselves.

use std::{
    fmt::Debug,
    sync::{Arc, Mutex},
};

use mongo_lock_runtime::LockClient;
use mongo_lock_testkit::{Server, TestDb};
use mongodb::bson::doc;
use tokio::spawn;
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

use crate::support::{acquire, eventually, instances, patient, places, spec, until};

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
    assert_eq!(log.warnings(), 2, "each client says so, once");
}

/// `other` waits, twice, readers and all.
pub(crate) async fn takes_turns(db: &TestDb, one: &LockClient, other: &LockClient) {
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

/// As when more wake-ups came than the collection keeps.
#[tokio::test]
async fn a_cursor_whose_position_is_lost_is_opened_anew() {
    const CAPPED_POSITION_LOST: i32 = 136;
    let server = Server::shared().await;
    let (db, [one]) = instances().await;
    let app = "position-lost";
    let uri = format!("{}&appName={app}", db.uri());
    let other = LockClient::connect(uri).await.unwrap();
    let waits = patient("lock").build().unwrap();
    let lost = doc! { "errorCode": CAPPED_POSITION_LOST };
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

/// The events, each with its error.
#[derive(Clone, Debug, Default)]
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
        self.count("cannot be woken")
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
                if field.name() == "message" || field.name() == "error" {
                    self.0.extend([format!("{value:?}"), " ".into()]);
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
