//! What the library says of itself through `tracing`.

use std::{
    fmt::{Debug, Write as _},
    sync::{Arc, Mutex},
};

use mongo_lock_runtime::{LockClient, distributed_lock};
use mongodb::bson::doc;
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

use crate::support::{acquire, database, refused, spec};

/// Keeps every event of ours, as `LEVEL message field=value …`.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

#[derive(Default)]
struct Line {
    message: String,
    fields: String,
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        } else {
            let _ = write!(self.fields, " {}={value:?}", field.name());
        }
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "mongo_lock"
    }
    fn event(&self, event: &Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        let level: &Level = event.metadata().level();
        let text = format!("{level} {}{}", line.message, line.fields);
        self.0.lock().unwrap().push(text);
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

impl Log {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// Checks the start of a line, and that it has these fields.
fn check(line: &str, starts: &str, fields: &[&str]) {
    assert!(line.starts_with(starts), "{line}");
    for field in fields {
        assert!(line.contains(&format!(" {field}=")), "{field}: {line}");
    }
    assert!(!line.contains("mongodb://"), "{line}");
}

#[distributed_lock(name = "told", ttl = "1m")]
async fn job() {}

// One thread: the subscriber is this thread's, and the client's tasks run on it.
#[tokio::test]
async fn tell_the_life_of_a_lease() {
    let log = Log::default();
    // While there is only one in the process, `tracing` asks the subscriber of whichever thread comes
    // to an event first, and another test's thread has none: the event would be off for good.
    let _another = tracing::Dispatch::new(Log::default());
    let _guard = tracing::subscriber::set_default(log.clone());
    let (db, client) = database().await;
    let client = LockClient::builder()
        .uri(db.uri())
        .owner(client.owner())
        .build()
        .await
        .unwrap();
    let told = spec("told", 60_000);
    log.take();

    let guard = acquire(&client, &told).await;
    let lines = log.take();
    let [acquired] = &lines[..] else {
        panic!("not one event: {lines:?}");
    };
    let token = format!("token={}", guard.token());
    check(
        acquired,
        "DEBUG acquired",
        &["name", "owner", "token", "ttl_ms", "took_ms"],
    );
    assert!(acquired.contains("name=told") && acquired.contains(&token));

    let _ = refused(&client, &told).await;
    let lines = log.take();
    let [skipped] = &lines[..] else {
        panic!("not one event: {lines:?}");
    };
    check(
        skipped,
        "DEBUG skipped ",
        &["name", "owner", "holder", "token", "took_ms", "reason"],
    );

    guard.release().await.unwrap();
    let lines = log.take();
    let [released] = &lines[..] else {
        panic!("not one event: {lines:?}");
    };
    check(
        released,
        "DEBUG released",
        &["name", "owner", "token", "held_ms", "took_ms"],
    );
    assert!(released.contains(&token));

    assert!(client.scope(job()).await.unwrap().is_executed());
    assert_eq!(log.take().len(), 2, "acquired and released");

    let guard = acquire(&client, &told).await;
    db.run_command(doc! { "drop": "distributed_locks" })
        .await
        .unwrap();
    guard.release().await.unwrap();
    let lines = log.take();
    check(
        &lines[1],
        "WARN lease was gone before its release",
        &["name", "owner", "token", "held_ms", "took_ms"],
    );
}
