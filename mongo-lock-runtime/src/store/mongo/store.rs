//! One attempt at each operation, as commands.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
    time::Duration,
};

use mongodb::{
    Database,
    bson::{Bson, Document, RawDocumentBuf, Uuid},
    options::{DatabaseOptions, ReadConcern, ReadPreference, SelectionCriteria, WriteConcern},
};
use tokio::{sync::SemaphorePermit, time::Instant};

use super::{
    clock::{self, Stamp},
    command::Commands,
    connections::{Connections, Lane},
    document::{self, LockDocument},
    error,
    namespace::Namespace,
    renewal,
    wakeup::state::WakeupState,
};
use crate::store::{
    failure::AttemptError,
    protocol::{AcquireReply, AcquireRequest, ReleaseRequest, Renewal, Renewed, Turn},
};
use crate::{
    events::{Event, Observers},
    name::LockName,
    random,
};

#[derive(Debug)]
pub(crate) struct MongoStore {
    connections: Arc<Connections>,
    pub(super) database: Database,
    commands: Box<Commands>,
    /// The commands to a server behind a router, once that is known.
    stamped: OnceLock<Box<Commands>>,
    /// Whether wake-ups can be sent.
    pub(super) wakeups: Arc<WakeupState>,
    /// The name of the deployment, as far as the server tells it.
    pub(super) deployment: OnceLock<String>,
    pub(crate) observers: Observers,
}

impl MongoStore {
    pub(crate) fn new(
        connections: Arc<Connections>,
        namespace: Namespace,
        limit: Duration,
    ) -> Self {
        let limit_ms = i64::try_from(limit.as_millis()).unwrap_or(i64::MAX);
        Self {
            database: connections
                .client()
                .database_with_options(&namespace.database, options()),
            connections,
            commands: Box::new(Commands::new(namespace, limit_ms, "$$NOW".into())),
            stamped: OnceLock::new(),
            wakeups: Arc::default(),
            deployment: OnceLock::new(),
            observers: Observers::default(),
        }
    }

    /// A store of these locks for which it is always `now` milliseconds after 1970.
    #[cfg(test)]
    pub(in crate::store) fn at(&self, now: i64) -> Self {
        let now = mongodb::bson::DateTime::from_millis(now);
        Self {
            connections: Arc::clone(&self.connections),
            database: self.database.clone(),
            commands: Box::new(self.commands().at(now.into())),
            stamped: OnceLock::new(),
            wakeups: Arc::clone(&self.wakeups),
            deployment: OnceLock::new(),
            observers: self.observers.clone(),
        }
    }

    /// Chooses the clock by which commands decide: behind a router, that of the last stamp.
    pub(in crate::store) fn choose_clock(&self, is_behind_router: bool) {
        if is_behind_router {
            let _ = self.stamped.set(Box::new(self.commands.stamped()));
        }
    }

    /// The commands that decide by `$$NOW`, wherever that comes from: for locks that are not to last.
    pub(super) fn rehearsals(&self) -> &Commands {
        &self.commands
    }

    pub(super) fn commands(&self) -> &Commands {
        self.stamped.get().unwrap_or(&self.commands)
    }

    pub(crate) fn namespace(&self) -> &Namespace {
        &self.commands.namespace
    }

    /// Whether the other store keeps the same locks: in the same collection of the same deployment.
    pub(crate) fn is_same_place(&self, other: &Self) -> bool {
        if std::ptr::eq(self, other) {
            return true;
        }
        let known = self.deployment.get().zip(other.deployment.get());
        self.namespace() == other.namespace() && known.is_some_and(|(one, other)| one == other)
    }

    /// One attempt to acquire: one command, or two when a plain request meets more than one live
    /// lease.
    pub(crate) async fn acquire(
        &self,
        request: &AcquireRequest,
    ) -> Result<(AcquireReply, Turn), AttemptError> {
        let _place = self.place(Lane::Acquisitions).await?;
        let stamp = self.stamp(&request.name).await?;
        if let Some(grant) = self.join(request, stamp).await? {
            return Ok((AcquireReply::Granted(grant), Turn::new()));
        }
        if request.is_plain() {
            let command = self.commands().acquire_plain(request, stamp);
            match self.find_and_modify(command, stamp).await {
                Ok(value) => {
                    if let Some(reply) = self.read(request, &value, false)? {
                        return Ok((reply, Turn::new()));
                    }
                }
                Err(error) if !error::is_undecided(&error) => return Err(error),
                Err(_) => {}
            }
        }
        let ((_, reply), turn) = self.acquire_general(request, None, stamp).await?;
        Ok((reply, turn))
    }

    /// One attempt to release a lease and to acquire another, one command. Says whether the first was
    /// there.
    pub(crate) async fn hand_over(
        &self,
        release: &ReleaseRequest,
        request: &AcquireRequest,
    ) -> Result<((bool, AcquireReply), Turn), AttemptError> {
        let _place = self.place(Lane::Releases).await?;
        let stamp = self.stamp(&request.name).await?;
        self.acquire_general(request, Some(release), stamp).await
    }

    async fn acquire_general(
        &self,
        request: &AcquireRequest,
        release: Option<&ReleaseRequest>,
        stamp: Stamp,
    ) -> Result<((bool, AcquireReply), Turn), AttemptError> {
        let id = random::uuid();
        let commands = self.commands();
        let command = commands.acquire_general(request, release, id, stamp);
        let value = self.find_and_modify(command, stamp).await?;
        let freed = value.get_bool("freed").unwrap_or_default();
        let reply = self
            .read(request, &value, true)?
            .ok_or_else(|| AttemptError::malformed("its queue cannot be read".into()))?;
        Ok(((freed, reply), document::turn(&value, id)))
    }

    /// Sends a `findAndModify` that always finds a document, unless the stamp is lost, and gives it.
    pub(super) async fn find_and_modify(
        &self,
        command: RawDocumentBuf,
        stamp: Stamp,
    ) -> Result<Document, AttemptError> {
        let reply = self.database.run_raw_command(command).await;
        match error::check(reply)?.remove("value") {
            Some(Bson::Document(value)) => Ok(value),
            Some(Bson::Null) if !stamp.is_none() => Err(clock::lost()),
            other => Err(AttemptError::malformed(format!(
                "the server's reply has {other:?} for its document"
            ))),
        }
    }

    /// One attempt to release: one command, or two when a client has come to wait meanwhile. Says
    /// whether the lease was there.
    pub(crate) async fn release(
        &self,
        request: &ReleaseRequest,
    ) -> Result<(bool, Turn), AttemptError> {
        let _place = self.place(Lane::Releases).await?;
        if request.revoke {
            return self.revoke(request).await;
        }
        if !request.contended && request.min_hold.is_none() {
            let command = self.commands().release_simple(request);
            if self.update(command).await? {
                return Ok((true, Turn::new()));
            }
        }
        let Some(stamp) = self.stamp_lease(&request.name, request.lease).await? else {
            return Ok((false, Turn::new()));
        };
        let id = random::uuid();
        let command = self.commands().release(request, id, stamp);
        self.step(command, id, stamp).await
    }

    /// A release, one command, after which no attempt with this lease's id is granted.
    async fn revoke(&self, request: &ReleaseRequest) -> Result<(bool, Turn), AttemptError> {
        let stamp = self.stamp(&request.name).await?;
        let id = random::uuid();
        let command = self.commands().revoke(request, id, stamp);
        let reply = error::check(self.database.run_command(command).await)?;
        let after = match reply.get_document("value") {
            Ok(after) => after,
            Err(_) if !stamp.is_none() => return Err(clock::lost()),
            Err(error) => return Err(AttemptError::malformed(error.to_string())),
        };
        LockDocument::read(after).map_err(AttemptError::malformed)?;
        let there = after.get_bool("freed").unwrap_or_default();
        Ok((there, document::turn(after, id)))
    }

    /// One attempt to give up a queue entry, one command.
    pub(crate) async fn leave(
        &self,
        name: &LockName,
        queue_id: &str,
    ) -> Result<((), Turn), AttemptError> {
        let _place = self.place(Lane::Releases).await?;
        let Some(stamp) = self.stamp_entry(name, queue_id).await? else {
            return Ok(((), Turn::new()));
        };
        let id = random::uuid();
        let command = self.commands().leave(name, queue_id, id, stamp);
        let (_, turn) = self.step(command, id, stamp).await?;
        Ok(((), turn))
    }

    /// A place in a lane, waited for within the time limit of an operation, so that its caller hears of
    /// the lack; but for longer than the driver looks for a primary, so that the callers ahead hear of an
    /// outage first.
    pub(super) async fn place(
        &self,
        lane: Lane,
    ) -> Result<Option<SemaphorePermit<'_>>, AttemptError> {
        let limit = Duration::from_millis(self.commands().limit_ms().unsigned_abs());
        self.connections.place(lane, limit * 19 / 20).await
    }

    /// Sends a step that makes room. Says whether it has found the document, and whose turn it is.
    ///
    /// A stamp has found the document before. It may be gone since, but more likely its stamp is.
    pub(super) async fn step(
        &self,
        command: Document,
        id: Uuid,
        stamp: Stamp,
    ) -> Result<(bool, Turn), AttemptError> {
        let reply = error::check(self.database.run_command(command).await)?;
        match reply.get_document("value") {
            Ok(value) => Ok((true, document::turn(value, id))),
            Err(_) if !stamp.is_none() => Err(clock::lost()),
            Err(_) => Ok((false, Turn::new())),
        }
    }

    /// Sends an update. `true`: it has changed a document.
    async fn update(&self, command: Document) -> Result<bool, AttemptError> {
        let reply = error::check(self.database.run_command(command).await)?;
        Ok(matches!(reply.get_i32("nModified"), Ok(1..)))
    }

    /// One attempt to renew all of these leases, one command; another one when not all were renewed.
    pub(crate) async fn renew(&self, leases: &[Renewal]) -> Result<Renewed, AttemptError> {
        let sent = Instant::now();
        let (stamped, failed) = self.stamp_leases(leases).await?;
        let mut renewed = if stamped.is_empty() {
            Renewed::default()
        } else {
            self.renew_stamped(&stamped, sent).await?
        };
        if let Some(failure) = failed {
            let others = leases.iter().filter(|lease| !stamped.contains(lease));
            for lease in others {
                renewed.behind.insert(lease.lease);
                renewed.left.insert(lease.lease, (sent, Duration::ZERO));
            }
            renewed.trouble.get_or_insert(failure.cause);
        }
        Ok(renewed)
    }

    async fn renew_stamped(
        &self,
        leases: &[Renewal],
        sent: Instant,
    ) -> Result<Renewed, AttemptError> {
        let command = self.commands().renew(leases);
        let reply = self.database.run_command(command).await;
        let reply = error::check_but_writes(reply)?;
        let changed = reply.get_i32("nModified").unwrap_or_default();
        if usize::try_from(changed) == Ok(leases.len()) {
            return Ok(Renewed::default());
        }
        let mut renewed = self.compare(leases, sent).await?;
        renewed.trouble = error::write_error(&reply).map(|failure| failure.cause);
        Ok(renewed)
    }

    /// All documents that a command with a cursor gives, from the primary.
    pub(super) async fn documents(&self, command: Document) -> Result<Vec<Document>, AttemptError> {
        let primary = SelectionCriteria::ReadPreference(ReadPreference::Primary);
        let cursor = self.database.run_cursor_command(command);
        let cursor = cursor.selection_criteria(primary).await;
        let mut cursor = cursor.map_err(error::from_driver)?;
        let mut documents = Vec::new();
        while cursor.advance().await.map_err(error::from_driver)? {
            documents.push(cursor.deserialize_current().map_err(error::from_driver)?);
        }
        Ok(documents)
    }

    /// Asks the server how long these leases last.
    async fn compare(&self, leases: &[Renewal], sent: Instant) -> Result<Renewed, AttemptError> {
        let command = self.commands().compare(leases);
        // The answer is true of a moment after this one, however long it takes to come back.
        let asked = Instant::now();
        let mut live = BTreeMap::new();
        for document in self.documents(command).await? {
            renewal::read(&document, &mut live);
        }
        let mut renewed = renewal::result(leases, &live, sent, asked);
        if self.commands().stamp().is_some() {
            // The server has counted from the stamp, which was made after the attempt was sent.
            renewed.left.values_mut().for_each(|left| left.0 = sent);
        }
        Ok(renewed)
    }

    /// The reply to a request, by the document after it; `None`: the reply depends on the queue, at which
    /// the command did not look.
    fn read(
        &self,
        request: &AcquireRequest,
        value: &Document,
        looks_at_queue: bool,
    ) -> Result<Option<AcquireReply>, AttemptError> {
        let document = LockDocument::read(value).map_err(AttemptError::malformed)?;
        if let Some((theirs, holder)) = document.other_permits(request) {
            self.observers.report(&Event::PermitsDiffer {
                name: request.name.clone(),
                permits: request.permits,
                theirs,
                holder: holder.to_owned(),
            });
        }
        let reply = document.reply(request, looks_at_queue);
        reply.map_err(AttemptError::malformed)
    }
}

/// What holds for commands that do not say otherwise, whatever the client's own options are: with `w=0`, for
/// one, the driver would refuse to open a cursor.
fn options() -> DatabaseOptions {
    DatabaseOptions::builder()
        .read_concern(ReadConcern::majority())
        .write_concern(WriteConcern::majority())
        .selection_criteria(SelectionCriteria::ReadPreference(ReadPreference::Primary))
        .build()
}
