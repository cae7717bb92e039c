use std::{
    ops::Deref,
    sync::atomic::{AtomicUsize, Ordering},
};

use mongodb::{Database, bson::doc};

use crate::{Error, Router, background, setup, uri::Uri};

/// A database with a name that no other test has; it dereferences to the driver's
/// [`Database`], and so has its `name()` and `client()`.
///
/// On a server that runs on (`MONGODB_URI`), it is dropped together with this value; on others, it
/// goes with the server.
#[derive(Debug)]
pub struct TestDb {
    database: Database,
    uri: Uri,
    /// Two routers before the server, by which other clients are to come, in turn.
    routers: Option<&'static [Router; 2]>,
    leave: bool,
}

impl TestDb {
    pub(crate) fn new(
        database: Database,
        uri: Uri,
        routers: Option<&'static [Router; 2]>,
        leave: bool,
    ) -> Self {
        Self {
            database,
            uri,
            routers,
            leave,
        }
    }

    /// A connection string that names this database as the default one, for other clients and
    /// other processes.
    ///
    /// With [`ROUTERS`](crate::ROUTERS) in the environment, it leads to one of two routers, in turn.
    #[must_use]
    pub fn uri(&self) -> String {
        static TURN: AtomicUsize = AtomicUsize::new(0);
        match self.routers {
            Some(routers) => routers[TURN.fetch_add(1, Ordering::Relaxed) % 2].uri_for(self),
            None => self.direct_uri(),
        }
    }

    /// As [`TestDb::uri`], and never to a router.
    #[must_use]
    pub fn direct_uri(&self) -> String {
        self.uri.to_string()
    }

    /// Creates a user who may do only `actions` in this database, such as `find`, `insert`,
    /// `update`, `remove` and `createIndex`, and returns [`TestDb::uri`] with that user's
    /// credentials. The server has to require a log-in for this to limit anything:
    /// [`ServerBuilder::auth`](crate::ServerBuilder::auth).
    ///
    /// # Errors
    ///
    /// [`Error::Mongo`] when the server refuses, as it does for a user that exists.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, the user may exist or not.
    pub async fn create_user(
        &self,
        user: &str,
        password: &str,
        actions: &[&str],
    ) -> Result<String, Error> {
        let name = self.database.name();
        let role = doc! {
            "createRole": user,
            "privileges": [{
                // An empty name stands for all collections.
                "resource": { "db": name, "collection": "" },
                "actions": actions,
            }],
            "roles": [],
        };
        self.database.run_command(role).await?;
        let create = doc! { "createUser": user, "pwd": password, "roles": [user] };
        self.database.run_command(create).await?;
        let uri = self.uri.clone().credentials(user, password, name);
        Ok(uri.to_string())
    }
}

impl Deref for TestDb {
    type Target = Database;

    fn deref(&self) -> &Database {
        &self.database
    }
}

impl Drop for TestDb {
    fn drop(&mut self) {
        if !self.leave {
            let uri = self.uri.clone();
            let name = self.database.name().to_owned();
            background::finish(async move {
                let client = setup::try_connect(&uri).await?;
                client.database(&name).drop().await?;
                Ok(())
            });
        }
    }
}
