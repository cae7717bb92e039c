//! A subscriber of `tracing` may ask the current lease: no event is emitted under a mutex.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
        mpsc,
    },
    thread,
    time::Duration,
};

use mongo_lock_runtime::{LockClient, LockSpec, current_lease, distributed_lock};
use mongo_lock_testkit::Server;
use tokio::{runtime, time::sleep};
use tracing::{Dispatch, Event, Metadata, Subscriber, span, subscriber};

use crate::support::{PATIENCE, acquire, ms, spec};

/// Asks the current lease at every event, as a subscriber does that adds the time left to every line of
/// a log.
#[derive(Default)]
struct Asking {
    events: Arc<AtomicUsize>,
    under_lease: Arc<AtomicUsize>,
}

impl Subscriber for Asking {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "mongo_lock"
    }
    fn event(&self, _: &Event<'_>) {
        self.events.fetch_add(1, Relaxed);
        if let Some(lease) = current_lease() {
            let _ = (lease.time_left(), lease.check().is_ok(), lease.token());
            let _ = format!("{lease:?}");
            self.under_lease.fetch_add(1, Relaxed);
        }
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

const TTL: Duration = ms(400);

/// Blocks beyond its lease, and asks it then: the event of the loss comes under the lease.
#[distributed_lock(name = "blocks", ttl = TTL)]
async fn blocks() {
    let lease = current_lease().unwrap();
    thread::sleep(TTL);
    assert!(lease.check().is_err());
}

/// Goes on until the client's keeper finds that its lease is over.
#[distributed_lock(name = "goes-on", ttl = TTL, on_lost = "continue")]
async fn goes_on() {
    let lease = current_lease().unwrap();
    while lease.check().is_ok() {
        sleep(ms(1)).await;
    }
}

#[distributed_lock(name = "renewed", ttl = TTL, renew)]
async fn renewed(client: LockClient) {
    // Every event of other locks comes under this one.
    let inner = acquire(&client, &spec("inner", 60_000)).await;
    inner.lease().extend(ms(90_000)).await.unwrap();
    let patient = LockSpec::new("inner", ms(60_000)).unwrap();
    let (next, released) = tokio::join!(client.acquire(&patient), inner.release());
    released.unwrap();
    drop(next.unwrap());
    sleep(TTL).await;
}

async fn all_events(client: &LockClient) {
    let _ = client.scope(blocks()).await;
    let _ = client.scope(goes_on()).await;
    client
        .scope(renewed(client.clone()))
        .await
        .unwrap()
        .executed()
        .unwrap();
    client.shutdown().await;
}

/// On a thread of its own: one that hangs ends no test.
fn on_a_thread(run: impl FnOnce() + Send + 'static) {
    let (done, ended) = mpsc::channel();
    let subscriber = Asking::default();
    let counts = (
        Arc::clone(&subscriber.events),
        Arc::clone(&subscriber.under_lease),
    );
    thread::spawn(move || {
        let _another = Dispatch::new(Asking::default());
        subscriber::with_default(subscriber, run);
        done.send(()).unwrap();
    });
    ended
        .recv_timeout(PATIENCE)
        .expect("an event hangs its thread");
    let (events, under_lease) = (counts.0.load(Relaxed), counts.1.load(Relaxed));
    // Most events on a server come from the library's thread, on which no body runs.
    assert!(events > 8 && under_lease > 1, "{events}, {under_lease}");
}

fn in_runtime(mongo: bool) {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(async {
        if mongo {
            let db = Server::shared().await.database().await;
            let client = LockClient::connect(db.uri()).await.unwrap();
            all_events(&client).await;
        } else {
            all_events(&LockClient::in_memory()).await;
        }
    });
}

#[test]
fn may_ask_the_current_lease_in_memory() {
    for _ in 0..4 {
        on_a_thread(|| in_runtime(false));
    }
}

#[test]
fn may_ask_the_current_lease_on_a_server() {
    on_a_thread(|| in_runtime(true));
}
