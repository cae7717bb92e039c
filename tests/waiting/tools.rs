//! What the tests of waiting have in common.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use mongo_lock_runtime::{LockClient, LockSpec, LockSpecBuilder};
use mongo_lock_testkit::{Server, TestDb};
use mongodb::{
    Client,
    bson::{Document, doc},
    event::{EventHandler, command::CommandEvent},
    options::ClientOptions,
};
use tokio::time::{sleep, timeout};

/// What anything may take that no promise limits; it only passes in full when a test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Waits for what must happen at some time.
#[track_caller]
pub(crate) fn eventually<F: IntoFuture>(event: F) -> impl Future<Output = F::Output> {
    let caller = std::panic::Location::caller();
    let event = event.into_future();
    async move {
        let Ok(output) = timeout(PATIENCE, event).await else {
            panic!("not within {PATIENCE:?}: {caller}");
        };
        output
    }
}

pub(crate) async fn until(is_so: impl AsyncFn() -> bool) {
    while !is_so().await {
        sleep(ms(5)).await;
    }
}

/// A lock for a minute, and whoever asks for it waits as long.
pub(crate) fn patient(name: &str) -> LockSpecBuilder {
    LockSpec::builder(name, Duration::from_secs(60)).wait(Duration::from_secs(60))
}

/// The lock's document.
pub(crate) async fn document(db: &TestDb, name: &str) -> Document {
    let locks = db.collection::<Document>("distributed_locks");
    let found = locks.find_one(doc! { "_id": name }).await.unwrap();
    found.unwrap_or_default()
}

/// How many places there are in a lock's queue.
pub(crate) async fn places(db: &TestDb, name: &str) -> usize {
    let document = document(db, name).await;
    document.get_array("queue").map_or(0, Vec::len)
}

/// The commands of one client.
#[derive(Clone, Default)]
pub(crate) struct Commands(Arc<Mutex<Vec<String>>>);

impl Commands {
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    /// Another instance of the service, as the server sees it.
    pub(crate) async fn client(&self, db: &TestDb) -> LockClient {
        let mut options = ClientOptions::parse(db.uri()).await.unwrap();
        let log = self.clone();
        options.command_event_handler = Some(EventHandler::callback(move |event| {
            if let CommandEvent::Started(started) = event {
                log.0.lock().unwrap().push(started.command_name);
            }
        }));
        let client = LockClient::builder()
            .client(Client::with_options(options).unwrap())
            .database(db.name())
            .build()
            .await
            .unwrap();
        self.take();
        client
    }
}

/// A fresh database, and so many instances of a service.
pub(crate) async fn instances<const N: usize>() -> (TestDb, [LockClient; N]) {
    let db = Server::shared().await.database().await;
    let mut clients = Vec::new();
    for _ in 0..N {
        clients.push(LockClient::connect(db.uri()).await.unwrap());
    }
    (db, clients.try_into().unwrap())
}
