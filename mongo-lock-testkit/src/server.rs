use std::sync::Arc;

use mongodb::{Client, bson::doc};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::{Error, Node, ServerBuilder, TestDb, janitor::Home, setup, shared, unique, uri::Uri};

/// A MongoDB server, of one node or more.
///
/// Dropping it kills its nodes and removes their data.
#[derive(Debug)]
pub struct Server {
    uri: Uri,
    text: String,
    // Before `home`, so that nothing writes any more to what that removes.
    nodes: Vec<Node>,
    home: Option<Home>,
    shared: bool,
    fail_point: Arc<Mutex<()>>,
}

#[derive(Clone, Debug)]
pub(crate) struct Credentials {
    pub(crate) user: String,
    pub(crate) password: String,
}

impl Server {
    /// The server that all tests of this process share: that of `MONGODB_URI`, or a replica set
    /// of one node that the first call starts.
    ///
    /// It has no [nodes](Server::nodes) to kill, and does not step down: the others would notice.
    /// [`Server::proxy`] and [`Server::fail_commands`] harm only the clients that ask for it, and work
    /// here too.
    ///
    /// # Panics
    ///
    /// When there is no server. The message says how to supply one.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe; the start goes on for the others.
    pub async fn shared() -> &'static Self {
        shared::get().await
    }

    /// A builder of a server for this test alone.
    pub fn builder() -> ServerBuilder {
        ServerBuilder::default()
    }

    pub(crate) fn own(uri: Uri, nodes: Vec<Node>, home: Home) -> Self {
        Self {
            text: uri.to_string(),
            uri,
            nodes,
            home: Some(home),
            shared: false,
            fail_point: Arc::default(),
        }
    }

    pub(crate) fn external(uri: &str) -> Self {
        Self {
            text: uri.to_owned(),
            uri: Uri::parse(uri),
            nodes: Vec::new(),
            home: None,
            shared: true,
            fail_point: Arc::default(),
        }
    }

    pub(crate) fn into_shared(mut self) -> Self {
        self.shared = true;
        self
    }

    /// The connection string, credentials included.
    #[must_use]
    pub fn uri(&self) -> &str {
        &self.text
    }

    /// A fresh client, whose background tasks live on the caller's runtime.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn client(&self) -> Client {
        setup::connect(&self.uri).await
    }

    /// A database of the caller alone, with a client of its own.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn database(&self) -> TestDb {
        let name = unique::name("test");
        let uri = self.uri.clone().database(&name);
        // The data of a server that we started goes with it.
        let leave = self.home.is_some();
        let routers = self.shared.then(|| shared::routers(self)).flatten();
        TestDb::new(self.client().await.database(&name), uri, routers, leave)
    }

    /// The nodes to kill, restart and pause; empty for the shared server.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        if self.shared { &[] } else { &self.nodes }
    }

    /// The primary, or the standalone node; asks all nodes until one says that it is.
    ///
    /// # Errors
    ///
    /// [`Error::Shared`] for the shared server, [`Error::Timeout`] when there is none for a
    /// minute.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn primary(&self) -> Result<&Node, Error> {
        self.refuse_if_shared("give its primary away")?;
        setup::primary(&self.nodes).await
    }

    /// Waits until there is a primary and every other node is its secondary and follows it, for
    /// instance after [`Node::restart`]. The shared server always is ready.
    ///
    /// # Errors
    ///
    /// [`Error::Timeout`] when that is not so for a minute.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn ready(&self) -> Result<(), Error> {
        if self.shared {
            return Ok(());
        }
        setup::all_in_role(&self.nodes).await
    }

    /// Has the primary step down, and returns when it has; [`Server::primary`] waits for its
    /// successor. With three nodes that is another one, at once, and this one cannot be elected for
    /// ten seconds. A single one takes over again after a second.
    ///
    /// # Errors
    ///
    /// [`Error::Shared`] for the shared server, [`Error::Mongo`] when the server refuses, as a
    /// standalone one does.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, the primary may step down or not.
    pub async fn step_down(&self) -> Result<(), Error> {
        self.refuse_if_shared("step down")?;
        let alone = self.nodes.len() == 1;
        let (stay_away, catch_up) = if alone { (1, 0) } else { (10, 8) };
        let primary = self.primary().await?.client().await;
        let command = doc! {
            "replSetStepDown": stay_away,
            "secondaryCatchUpPeriodSecs": catch_up,
            // A single node has no other to hand over to. For three, it would have the others wait
            // for the election timeout first.
            "force": alone,
        };
        primary.database("admin").run_command(command).await?;
        Ok(())
    }

    pub(crate) fn parsed_uri(&self) -> &Uri {
        &self.uri
    }

    /// For the primary alone.
    pub(crate) async fn primary_uri(&self) -> Result<Uri, Error> {
        if self.home.is_some() {
            let primary = setup::primary(&self.nodes).await?;
            return Ok(self.uri.clone().direct(primary.address()));
        }
        let client = setup::try_connect(&self.uri).await?;
        let hello = client
            .database("admin")
            .run_command(doc! { "hello": 1 })
            .await?;
        // A standalone and a router do not say where they are.
        let address = match hello.get_str("me") {
            Ok(me) => me.to_owned(),
            Err(_) => self.uri.first_address(),
        };
        Ok(self.uri.clone().direct(&address))
    }

    /// Waits until no other fail point is on.
    pub(crate) async fn fail_point_turn(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.fail_point).lock_owned().await
    }

    fn refuse_if_shared(&self, action: &'static str) -> Result<(), Error> {
        if self.shared {
            Err(Error::Shared { action })
        } else {
            Ok(())
        }
    }
}
