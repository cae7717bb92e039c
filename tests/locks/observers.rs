//! An observer on a real server may use the library: no event is reported under a mutex, on whichever thread.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering::Relaxed},
        mpsc,
    },
    thread,
    time::Duration,
};

use mongo_lock_runtime::{
    LockClient, current_lease, distributed_lock,
    observe::{Event, Observer},
};
use mongo_lock_testkit::Server;
use tokio::{runtime, time::sleep};

use crate::support::{PATIENCE, acquire, ms, renewed_spec, spec};

const TTL: Duration = ms(400);

/// Asks the client and the current lease at every event.
#[derive(Default)]
struct Asks {
    client: OnceLock<LockClient>,
    events: AtomicUsize,
    on_own_thread: AtomicUsize,
    warnings: AtomicUsize,
}

impl Observer for Asks {
    fn event(&self, event: &Event) {
        self.events.fetch_add(1, Relaxed);
        if thread::current().name() == Some("mongo-lock") {
            self.on_own_thread.fetch_add(1, Relaxed);
        }
        if event.is_warning() {
            self.warnings.fetch_add(1, Relaxed);
        }
        if let Some(client) = self.client.get() {
            let _ = (client.held().len(), client.is_leader("inner"));
            let _ = (client.owner(), format!("{client:?} {event:?}"));
        }
        if let Some(lease) = current_lease() {
            let _ = (lease.check().is_ok(), lease.time_left());
        }
    }
}

#[distributed_lock(name = "blocks-observed", ttl = TTL)]
async fn blocks() {
    thread::sleep(TTL);
    assert!(current_lease().unwrap().check().is_err());
}

async fn all_events(client: &LockClient) {
    let _ = client.scope(blocks()).await;
    let renewed = acquire(client, &renewed_spec("renewed", TTL)).await;
    let inner = acquire(client, &spec("inner", 60_000)).await;
    let patient = spec("inner", 60_000);
    let (next, released) = tokio::join!(client.acquire(&patient), inner.release());
    released.unwrap();
    drop(next.unwrap());
    sleep(TTL).await;
    renewed.release().await.unwrap();
    assert!(client.health().await.is_reachable());
    client.shutdown().await;
}

#[test]
fn may_use_the_client() {
    let (done, ended) = mpsc::channel();
    let asks = Arc::new(Asks::default());
    let observer = Arc::clone(&asks);
    // On a thread of its own: one that hangs ends no test.
    thread::spawn(move || {
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        runtime.unwrap().block_on(async {
            let db = Server::shared().await.database().await;
            let builder = LockClient::builder().uri(db.uri());
            let builder = builder.observer(Arc::clone(&observer));
            let client = builder.build().await.unwrap();
            observer.client.set(client.clone()).unwrap();
            all_events(&client).await;
        });
        done.send(()).unwrap();
    });
    ended
        .recv_timeout(PATIENCE)
        .expect("an event hangs its thread");
    let count = |counter: &AtomicUsize| counter.load(Relaxed);
    // The lease that was lost, and the body that came too late.
    assert_eq!(count(&asks.warnings), 2);
    assert!(count(&asks.events) > 12 && count(&asks.on_own_thread) > 2);
}
