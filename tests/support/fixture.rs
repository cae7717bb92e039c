//! A database, a client whose commands can be made to fail, and another client that is spared.

use std::time::Duration;

use mongo_lock_runtime::{Error, LockClient, LockClientBuilder};
use mongo_lock_testkit::{FailPoint, Proxy, Server, TestDb};
use mongodb::bson::{Bson, Document};

use super::eventually;

/// The owner label of [`Fixture::client`].
pub(crate) const OURS: &str = "ours";

/// A database, and a client whose commands can be made to fail.
pub(crate) struct Fixture {
    pub(crate) db: TestDb,
    pub(crate) client: LockClient,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        Self::with(|builder| builder).await
    }

    pub(crate) async fn with_limit(limit: Duration) -> Self {
        Self::with(|builder| builder.operation_timeout(limit)).await
    }

    pub(crate) async fn with(more: impl FnOnce(LockClientBuilder) -> LockClientBuilder) -> Self {
        let db = Server::shared().await.database().await;
        let client = built(more(named(&db.uri(), &db))).await;
        Self { db, client }
    }

    /// A fixture whose client goes through a proxy.
    pub(crate) async fn behind_a_proxy(limit: Duration) -> (Self, Proxy) {
        let server = Server::shared().await;
        let db = server.database().await;
        let proxy = server.proxy().await.unwrap();
        let builder = named(&proxy.uri_for(&db), &db).operation_timeout(limit);
        let client = built(builder).await;
        (Self { db, client }, proxy)
    }

    /// Makes the server fail a command of [`Fixture::client`] alone.
    pub(crate) async fn fails(
        &self,
        command: &str,
        mode: impl Into<Bson>,
        effect: Document,
    ) -> FailPoint {
        let server = Server::shared().await;
        server
            .fail_commands(self.db.name(), &[command], mode, effect)
            .await
            .unwrap()
    }

    /// A client that is spared every fault.
    pub(crate) async fn other(&self) -> LockClient {
        let builder = LockClient::builder().uri(self.db.uri()).owner("other");
        builder.build().await.unwrap()
    }
}

/// The client, also where the operation limit that a test wants is short for a busy machine's
/// start-up.
async fn built(builder: LockClientBuilder) -> LockClient {
    let build = async || loop {
        match builder.clone().build().await {
            Err(Error::StartUp { .. }) => {}
            other => return other.unwrap(),
        }
    };
    eventually(build()).await
}

/// Settings for a client by whose name, that of the database, a fail point tells it from others.
///
/// Told that a node is no primary any more, the driver asks it what it is, and waits for the answer
/// as long as nothing changes there. After a real change that is no time; after one that a fail point
/// only claims, it is the heartbeat interval, so that is short.
pub(crate) fn named(uri: &str, db: &TestDb) -> LockClientBuilder {
    let name = db.name();
    let separator = if uri.contains('?') { '&' } else { '?' };
    let uri = format!("{uri}{separator}appName={name}&heartbeatFrequencyMS=500");
    LockClient::builder().uri(uri).owner(OURS)
}
