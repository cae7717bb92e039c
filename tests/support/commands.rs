//! A client whose commands are counted.

use std::sync::{Arc, Mutex};

use mongo_lock_runtime::LockClient;
use mongo_lock_testkit::TestDb;
use mongodb::{
    Client,
    event::{EventHandler, command::CommandEvent},
    options::ClientOptions,
};

/// The commands of one client.
#[derive(Clone, Default)]
pub(crate) struct Commands(Arc<Mutex<Vec<String>>>);

impl Commands {
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    pub(crate) fn push(&self, name: String) {
        self.0.lock().unwrap().push(name);
    }

    /// Another instance of the service, as the server sees it: not through a router, which takes more
    /// commands.
    pub(crate) async fn client(&self, db: &TestDb) -> LockClient {
        self.client_of(db, &db.direct_uri()).await
    }

    /// An instance that connects with this connection string.
    pub(crate) async fn client_of(&self, db: &TestDb, uri: &str) -> LockClient {
        let mut options = ClientOptions::parse(uri).await.unwrap();
        let log = self.clone();
        options.command_event_handler = Some(EventHandler::callback(move |event| {
            if let CommandEvent::Started(started) = event {
                log.push(started.command_name);
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
