//! The span round each run: what the body logs carries it.

use std::{
    collections::HashMap,
    fmt::{Debug, Write as _},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use mongo_lock_runtime::{Error, distributed_lock};
use tokio::time::sleep;
use tracing::{
    Dispatch, Event, Metadata, Subscriber,
    field::{Field, Visit},
    info, span, subscriber,
};

use crate::server::{Server, ms, s};

/// Keeps each event of a body with the spans in which it was logged.
#[derive(Clone, Default)]
struct Spans(Arc<State>);

#[derive(Default)]
struct State {
    next: AtomicU64,
    fields: Mutex<HashMap<u64, String>>,
    entered: Mutex<Vec<u64>>,
    lines: Mutex<Vec<String>>,
    closed: Mutex<Vec<String>>,
    /// The most detailed level that is of interest.
    level: Option<tracing::Level>,
}

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, " {}={value:?}", field.name());
    }
}

impl Subscriber for Spans {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let most = self.0.level.unwrap_or(tracing::Level::INFO);
        ["mongo_lock", "body"].contains(&metadata.target()) && *metadata.level() <= most
    }
    fn new_span(&self, attributes: &span::Attributes<'_>) -> span::Id {
        let id = self.0.next.fetch_add(1, Ordering::Relaxed) + 1;
        let mut text = Text(attributes.metadata().name().to_owned());
        attributes.record(&mut text);
        self.0.fields.lock().unwrap().insert(id, text.0);
        span::Id::from_u64(id)
    }
    fn record(&self, id: &span::Id, record: &span::Record<'_>) {
        let mut fields = self.0.fields.lock().unwrap();
        let mut text = Text(fields.remove(&id.into_u64()).unwrap());
        record.record(&mut text);
        fields.insert(id.into_u64(), text.0);
    }
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, event: &Event<'_>) {
        if event.metadata().target() == "body" {
            let mut text = Text(String::new());
            event.record(&mut text);
            let entered = self.0.entered.lock().unwrap();
            let fields = self.0.fields.lock().unwrap();
            let spans: Vec<_> = entered.iter().map(|id| fields[id].clone()).collect();
            let line = format!("{} in {}", text.0.trim(), spans.join(", "));
            self.0.lines.lock().unwrap().push(line);
        }
    }
    fn enter(&self, id: &span::Id) {
        self.0.entered.lock().unwrap().push(id.into_u64());
    }
    fn exit(&self, id: &span::Id) {
        assert_eq!(self.0.entered.lock().unwrap().pop(), Some(id.into_u64()));
    }
    fn try_close(&self, id: span::Id) -> bool {
        let fields = self.0.fields.lock().unwrap()[&id.into_u64()].clone();
        self.0.closed.lock().unwrap().push(fields);
        true
    }
}

impl Spans {
    fn here(level: tracing::Level) -> (Self, impl Drop) {
        let spans = Self(Arc::new(State {
            level: Some(level),
            ..State::default()
        }));
        // As in `support/log.rs`: another test's thread must not switch the span off for good.
        std::mem::forget(Dispatch::new(Self::default()));
        let guard = subscriber::set_default(spans.clone());
        (spans, guard)
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lines.lock().unwrap())
    }

    fn closed(&self) -> Vec<String> {
        std::mem::take(&mut self.0.closed.lock().unwrap())
    }
}

/// Logs when it is dropped.
struct Drops(u32);

impl Drop for Drops {
    fn drop(&mut self) {
        info!(target: "body", id = self.0, "dropped");
    }
}

#[distributed_lock(name = "order-{id}", ttl = "10s")]
async fn order(id: u32) -> Result<(), Error> {
    let _drops = Drops(id);
    info!(target: "body", id, "begins");
    sleep(ms(10)).await;
    info!(target: "body", id, "goes on");
    sleep(s(if id == 3 { 50 } else { 0 })).await;
    if id == 2 {
        Err(Error::NoClient)
    } else {
        Ok(())
    }
}

#[distributed_lock(name = "outer", ttl = "10s")]
async fn outer() -> Result<(), Error> {
    order(7).await.map(drop)
}

#[tokio::test(start_paused = true)]
async fn what_a_body_logs_carries_its_lock() {
    let (spans, _here) = Spans::here(tracing::Level::INFO);
    let server = Server::start();
    let client = server.client("a");
    // Two at once, on one thread: each has its own.
    let both = tokio::join!(client.scope(order(1)), client.scope(order(2)));
    assert!(both.0.unwrap().is_executed());
    both.1.unwrap_err();
    let lines = spans.take();
    assert_eq!(lines.len(), 6, "{lines:#?}");
    for line in lines {
        let id = line.split("id=").nth(1).unwrap().chars().next().unwrap();
        let (_, span) = line.split_once(" in ").unwrap();
        let starts = format!("lock lock.name=order-{id} lock.token=");
        assert!(span.starts_with(&starts), "{line}");
        assert!(span.ends_with(" otel.name=\"order-{id}\""), "{line}");
        assert!(!span.contains(", lock"), "one span only: {line}");
    }
    let mut closed = spans.closed();
    closed.sort();
    assert!(
        closed[0].contains("name=order-1") && closed[0].ends_with("lock.outcome=\"succeeded\"")
    );
    assert!(closed[1].contains("name=order-2") && closed[1].ends_with("lock.outcome=\"failed\""));
    assert_eq!(closed.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_stopped_is_dropped_in_its_span() {
    let (spans, _here) = Spans::here(tracing::Level::INFO);
    let server = Server::start();
    let client = server.client("a");
    client.scope(order(3)).await.unwrap_err();
    let lines = spans.take();
    assert!(
        lines[2].contains("dropped") && lines[2].contains("lock.name=order-3"),
        "{lines:?}"
    );
    let closed = spans.closed();
    assert!(closed[0].ends_with("lock.outcome=\"lost\""), "{closed:?}");
    let stopped = tokio::time::timeout(ms(500), client.scope(order(3))).await;
    assert!(stopped.is_err());
    let lines = spans.take();
    assert!(
        lines[2].contains("dropped") && lines[2].contains("lock.name=order-3"),
        "{lines:?}"
    );
    let closed = spans.closed();
    assert!(
        closed[0].ends_with("lock.outcome=\"cancelled\""),
        "{closed:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn spans_of_a_body_in_a_body_are_nested() {
    let (spans, _here) = Spans::here(tracing::Level::INFO);
    let server = Server::start();
    let _ = server.client("a").scope(outer()).await.unwrap();
    let line = &spans.take()[0];
    assert!(
        line.contains("in lock lock.name=outer") && line.contains(", lock lock.name=order-7"),
        "{line}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_subscriber_without_interest_has_no_span() {
    let (spans, _here) = Spans::here(tracing::Level::WARN);
    let server = Server::start();
    let _ = server.client("a").scope(order(1)).await.unwrap();
    assert_eq!(spans.0.next.load(Ordering::Relaxed), 0);
}
