//! The cursor of a listener.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use mongodb::{
    ClientSession, Database, ServerInfo, ServerType,
    bson::Document,
    options::{SelectionCriteria, ServerAddress},
};
use tokio::time::timeout;

use super::{
    super::{error, store::MongoStore},
    command,
    prepare::{batch, cursor_id, is_not_capped},
};
use crate::{
    name::LockName,
    store::{failure::AttemptError, protocol::Wakeup},
};

/// The time for which the end of a cursor is waited for.
pub(super) const KILL: Duration = Duration::from_secs(1);

/// The wake-ups of one listener.
pub(crate) struct MongoWakeups {
    cursor: MongoCursor,
    /// A cursor belongs to the session in which it was opened.
    session: ClientSession,
    look: Duration,
    /// The time within which the server says that there is no wake-up.
    limit: Duration,
    /// Wake-ups that came with the opening.
    first: Vec<Wakeup>,
}

/// A cursor on its server.
#[derive(Clone)]
pub(crate) struct MongoCursor {
    pub(super) database: Database,
    pub(super) collection: String,
    listener: String,
    pub(super) server: Arc<Server>,
    pub(super) id: i64,
    /// Whether the server is a router.
    pub(super) is_routed: bool,
}

/// The server on which a cursor is.
#[derive(Default)]
pub(super) struct Server {
    address: OnceLock<ServerAddress>,
    /// Whether another server is known to be the primary.
    replaced: AtomicBool,
}

impl Server {
    /// Chooses the server to which commands go; the first one that is offered stays.
    fn of_commands(self: &Arc<Self>) -> SelectionCriteria {
        let server = Arc::clone(self);
        SelectionCriteria::Predicate(Arc::new(move |info: &ServerInfo<'_>| {
            let takes_commands = !matches!(
                info.server_type(),
                ServerType::RsSecondary | ServerType::RsArbiter | ServerType::RsOther
            );
            takes_commands
                && server.address.get_or_init(|| info.address().clone()) == info.address()
        }))
    }

    /// Chooses the server of the cursor, whatever it is now.
    pub(super) fn of_cursor(self: &Arc<Self>) -> SelectionCriteria {
        let server = Arc::clone(self);
        SelectionCriteria::Predicate(Arc::new(move |info: &ServerInfo<'_>| {
            let is_it = server.address.get() == Some(info.address());
            if !is_it && info.server_type() == ServerType::RsPrimary {
                server.replaced.store(true, Ordering::Relaxed);
            }
            is_it
        }))
    }
}

impl MongoStore {
    pub(super) async fn session(&self) -> Result<ClientSession, AttemptError> {
        let session = self.database.client().start_session();
        let session = session.causal_consistency(false).await;
        session.map_err(error::from_driver)
    }

    /// Opens a cursor for the wake-ups of this listener. The server looks for wake-ups for up to `look`
    /// before it says that there are none.
    pub(crate) async fn listen(
        &self,
        listener: &str,
        look: Duration,
    ) -> Result<MongoWakeups, AttemptError> {
        let collection = self.wakeup_collection();
        for is_prepared in [false, true] {
            let server = Arc::new(Server::default());
            let mut session = self.session().await?;
            let open = self
                .database
                .run_command(command::open(&collection, listener))
                .selection_criteria(server.of_commands())
                .session(&mut session);
            let reply = match error::check(open.await) {
                Ok(reply) => reply,
                Err(error) if is_not_capped(&error) && !is_prepared => Document::new(),
                Err(error) => return Err(self.explained(error)),
            };
            let id = cursor_id(&reply);
            if id != 0 {
                let cursor = MongoCursor {
                    database: self.database.clone(),
                    collection,
                    listener: listener.to_owned(),
                    server,
                    id,
                    is_routed: self.commands().stamp().is_some(),
                };
                return Ok(MongoWakeups {
                    cursor,
                    session,
                    look,
                    limit: look + Duration::from_millis(self.commands().limit_ms().unsigned_abs()),
                    first: wakeups(&reply, "firstBatch"),
                });
            }
            // The collection is empty, not capped, or not there.
            if !is_prepared {
                self.create_wakeups().await?;
            }
        }
        Err(AttemptError::ended())
    }
}

impl MongoWakeups {
    /// The next wake-ups; none when there has been none for a while.
    ///
    /// Dropping the future leaves the cursor to [`MongoCursor::close`].
    pub(crate) async fn next(&mut self) -> Result<Vec<Wakeup>, AttemptError> {
        if !self.first.is_empty() {
            return Ok(std::mem::take(&mut self.first));
        }
        let look_ms = i64::try_from(self.look.as_millis()).unwrap_or(i64::MAX);
        let cursor = &self.cursor;
        let more = cursor
            .database
            .run_command(command::more(&cursor.collection, cursor.id, look_ms))
            .selection_criteria(cursor.server.of_cursor())
            .session(&mut self.session);
        // A reply that takes longer is lost, with its connection.
        let reply = timeout(self.limit, more).await;
        let reply = error::check(reply.map_err(|_| AttemptError::lost())?)?;
        if cursor_id(&reply) == 0 || cursor.server.replaced.load(Ordering::Relaxed) {
            // The collection was dropped, for one.
            return Err(AttemptError::ended());
        }
        Ok(wakeups(&reply, "nextBatch"))
    }

    pub(crate) fn cursor(&self) -> MongoCursor {
        self.cursor.clone()
    }
}

impl MongoCursor {
    /// Has the server reply to a request for more at once, with a message that is for no waiter. It keeps
    /// such a request to its end otherwise, also when the cursor is killed meanwhile.
    pub(crate) async fn interrupt(&self) {
        let limit_ms = i64::try_from(KILL.as_millis()).unwrap_or(i64::MAX);
        let knock = command::knock(&self.collection, &self.listener, limit_ms);
        drop(timeout(KILL, self.database.run_command(knock)).await);
    }

    /// Ends the cursor, also when its server is no longer the primary.
    pub(crate) async fn close(&self) {
        let kill = self
            .database
            .run_command(command::kill(&self.collection, &[self.id]))
            .selection_criteria(self.server.of_cursor());
        // A server that is not there has no cursor.
        drop(timeout(KILL, kill).await);
    }
}

fn wakeups(reply: &Document, field: &str) -> Vec<Wakeup> {
    let documents = batch(reply, field);
    let wakeups = documents.filter_map(|document| {
        let lock = LockName::new(document.get_str("lock").ok()?).ok()?;
        let waiters = document.get_array("waiters").ok()?.iter();
        let waiters = waiters.filter_map(|it| it.as_str().map(Into::into));
        Some(Wakeup {
            lock,
            waiters: waiters.collect(),
        })
    });
    wakeups.collect()
}
