//! Locks in a MongoDB collection: one document per lock, one command per step.
//!
//! ```text
//! { _id: <name>,
//!   protocol: 1,
//!   holders: [ { lease, attempt, owner, mode, permits, ttl_ms, token, acquired_at, expires_at } ],
//!   token: <last fencing token given out>,
//!   queue: [ { id, lease, owner, mode, permits, since, seen_at, until } ],
//!   turn: <the queue ids of the waiters that are woken, and the time of the wake-up>,
//!   revoked: [ { lease, until } ],
//!   freed: <whether the last hand-over found the lease that it released>,
//!   purge_at: <the time at which the TTL index may collect the document> }
//! ```
//!
//! `protocol` is 1. A document with another number is refused, and left alone; a missing number is 1.
//!
//! **Acquire** is one `findAndModify` with `upsert` and an update pipeline that decides on the
//! server, by the server's `$$NOW`. The rule: *the lease is granted when it is compatible with the
//! leases that are held, and would be even if every waiter ahead had its lease.* Compatible are
//! readers with readers, and exclusive leases with exclusive ones, as far as the permits of each
//! allow. A lease of an unknown mode is compatible with none. The document in the reply is in one of
//! these states:
//!
//! | our lease among the holders | the document | the reply means |
//! | --- | --- | --- |
//! | yes | ours | granted; also when an earlier attempt was, and its reply was lost |
//! | no | has our lease among `revoked` | refused for ever |
//! | no | a live holder | refused, nothing was written; the holder has the lock |
//! | no | not a lock document | refused, nothing was written; an error says what is wrong with it |
//!
//! That is for an exclusive lock without waiters. Where permits, readers or a queue are involved,
//! a longer pipeline (`general`) decides, in one command too; its reply has one state
//! more: **queued**, when our client's entry is in the queue. The queue is in the order of `since`,
//! when each waiter began to wait. A waiter sends its request again, every now and then, to refresh
//! its entry (`until`), and when it is woken. An entry whose `until` is over counts for nothing.
//!
//! **Attempts.** The holder's element keeps the number of the attempt that was granted. A repeated
//! request with a higher number leaves the element as it is.
//!
//! **Revocation.** A release whose lease may still be asked for, by an attempt on its way, puts the
//! lease's id into `revoked` for an hour: longer than any command lives. No attempt with this id is
//! granted or queued then.
//!
//! **Turns.** When a command makes room for the first in the queue, so that its lease would be
//! granted, the command writes that waiter's id into `turn`; if that is a reader, the ids of all
//! readers up to the first writer. Each waiting client has a change stream that brings it the changes
//! of `turn` that name the client, so one release wakes one client, which then sends its request
//! again. An event that is missed costs time, never the lock: entries are refreshed regularly, by
//! requests.
//!
//! **Handing over** is a release and an acquisition in one step, for two callers of one client.
//!
//! A write-concern error, or no reply, leaves open whether the lease was written: the caller
//! releases the lease by its id.
//!
//! **Renew** is one `update` for any number of leases, which prolongs those that are still live and
//! leaves all else alone. Its reply counts the documents that it changed; when that is fewer than
//! were asked for, one `aggregate` more finds out how long each lasts. The update is acknowledged by a
//! majority, like the acquisition: a renewal that a fail-over undid would leave its holder relying
//! on time that it does not have. The aggregate reads what a majority has, for that reason.
//!
//! **Release** is one `update` that takes the lease out of the holders by its id, where there is no
//! queue; it matches nothing when the lease is gone, or a client waits: then another update says whose
//! turn it is. With a `min_hold` that is not over, the update moves the lease's end there
//! instead. A release is acknowledged by the primary alone, from its journal where a client waits, lest
//! the change stream be late: if a fail-over undoes it, the lease expires by itself.
//!
//! **A clock that is set back.** No lease may claim to end later than its `ttl_ms` from now, no queue
//! entry later than an entry is kept, no revocation later than in an hour: every command that looks at
//! a longer claim cuts it. So a dead holder costs one ttl from then.
//!
//! Commands go through the driver's `run_command`, not through its typed helpers: those attach a
//! transaction number for retryable writes, which makes the server write a second document per
//! command. The lease's id makes the commands repeatable without one.

mod command;
mod document;
mod error;
mod expression;
mod general;
mod plain;
mod release;
mod renewal;
mod setup;
#[cfg(test)]
mod snapshots;
mod watch;

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use mongodb::{
    Client, Database,
    bson::{Document, RawDocumentBuf},
    options::{ReadPreference, SelectionCriteria},
};
use tokio::time::Instant;

use self::{
    command::{Ack, Commands},
    document::LockDocument,
};
pub(crate) use self::{setup::StartUp, watch::MongoWakeups};
use super::{
    failure::AttemptError,
    protocol::{AcquireReply, AcquireRequest, ReleaseRequest, Renewal, Renewed},
};
use crate::{events, name::LockName};

/// `database.collection`, where the lock documents are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Namespace {
    pub(crate) database: String,
    pub(crate) collection: String,
}

impl std::fmt::Display for Namespace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.database, self.collection)
    }
}

#[derive(Debug)]
pub(crate) struct MongoStore {
    database: Database,
    commands: Commands,
    /// Whether the server is known to be part of a replica set, and so to have a journal.
    replicated: AtomicBool,
}

impl MongoStore {
    pub(crate) fn new(client: &Client, namespace: Namespace, limit: Duration) -> Self {
        let limit_ms = i64::try_from(limit.as_millis()).unwrap_or(i64::MAX);
        Self {
            database: client.database(&namespace.database),
            commands: Commands::new(namespace, limit_ms, "$$NOW".into()),
            replicated: AtomicBool::default(),
        }
    }

    /// A store of these locks for which it is always `now` milliseconds after 1970.
    #[cfg(test)]
    pub(super) fn at(&self, now: i64) -> Self {
        let now = mongodb::bson::DateTime::from_millis(now);
        Self {
            database: self.database.clone(),
            commands: self.commands.at(now.into()),
            replicated: AtomicBool::default(),
        }
    }

    pub(crate) fn namespace(&self) -> &Namespace {
        &self.commands.namespace
    }

    /// One attempt to acquire: one command, or two when a plain request meets a queue.
    pub(crate) async fn acquire(
        &self,
        request: &AcquireRequest,
    ) -> Result<AcquireReply, AttemptError> {
        if request.is_plain() {
            let command = self.commands.acquire_plain(request);
            if let (_, Some(reply)) = self.find_and_modify(request, command, false).await? {
                return Ok(reply);
            }
        }
        let (_, reply) = self.acquire_general(request, None).await?;
        Ok(reply)
    }

    /// One attempt to release a lease and to acquire another, one command. Says whether the first was
    /// there.
    pub(crate) async fn hand_over(
        &self,
        release: &ReleaseRequest,
        request: &AcquireRequest,
    ) -> Result<(bool, AcquireReply), AttemptError> {
        self.acquire_general(request, Some(release)).await
    }

    async fn acquire_general(
        &self,
        request: &AcquireRequest,
        release: Option<&ReleaseRequest>,
    ) -> Result<(bool, AcquireReply), AttemptError> {
        let command = self.commands.acquire_general(request, release);
        let (freed, reply) = self.find_and_modify(request, command, true).await?;
        let reply =
            reply.ok_or_else(|| AttemptError::malformed("its queue cannot be read".into()))?;
        Ok((freed, reply))
    }

    /// Whether the lease to be released was there, and the reply; `None`: the reply depends on the
    /// queue, at which the command did not look.
    async fn find_and_modify(
        &self,
        request: &AcquireRequest,
        command: RawDocumentBuf,
        looks_at_queue: bool,
    ) -> Result<(bool, Option<AcquireReply>), AttemptError> {
        let reply = self.database.run_raw_command(command).await;
        let reply = error::check(reply)?;
        let value = reply
            .get_document("value")
            .map_err(|error| AttemptError::malformed(error.to_string()))?;
        let document = LockDocument::read(value).map_err(AttemptError::malformed)?;
        if let Some((theirs, owner)) = document.other_permits(request) {
            events::permits_differ(&request.name, request.permits, theirs, owner);
        }
        let freed = value.get_bool("freed").unwrap_or_default();
        let reply = document.reply(request, looks_at_queue);
        Ok((freed, reply.map_err(AttemptError::malformed)?))
    }

    /// One attempt to release: one command, or two when a client has come to wait meanwhile. Says
    /// whether the lease was there.
    pub(crate) async fn release(&self, request: &ReleaseRequest) -> Result<bool, AttemptError> {
        if request.revoke {
            return self.revoke(request).await;
        }
        if !request.contended && request.min_hold.is_none() {
            let command = self.commands.release_simple(request);
            if self.update(command).await? {
                return Ok(true);
            }
        }
        self.update(self.commands.release(request, self.ack()))
            .await
    }

    /// A release, one command, after which no attempt with this lease's id is granted.
    async fn revoke(&self, request: &ReleaseRequest) -> Result<bool, AttemptError> {
        let command = self.commands.revoke(request, self.ack());
        let reply = error::check(self.database.run_command(command).await)?;
        // Without a document before, the upsert has made one.
        let Ok(before) = reply.get_document("value") else {
            return Ok(false);
        };
        let before = LockDocument::read(before).map_err(AttemptError::malformed)?;
        Ok(before.has(request.lease))
    }

    /// One attempt to give up a queue entry, one command.
    pub(crate) async fn leave(&self, name: &LockName, queue_id: &str) -> Result<(), AttemptError> {
        let command = self.commands.leave(name, queue_id, self.ack());
        self.update(command).await.map(drop)
    }

    fn ack(&self) -> Ack {
        if self.replicated.load(Ordering::Relaxed) {
            Ack::Journal
        } else {
            Ack::Primary
        }
    }

    /// Says whether the update has changed a document.
    async fn update(&self, command: Document) -> Result<bool, AttemptError> {
        let reply = error::check(self.database.run_command(command).await)?;
        Ok(matches!(reply.get_i32("nModified"), Ok(1..)))
    }

    /// One attempt to renew all of these leases, one command; another one when not all were renewed.
    pub(crate) async fn renew(&self, leases: &[Renewal]) -> Result<Renewed, AttemptError> {
        let sent = Instant::now();
        let command = self.commands.renew(leases);
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

    /// Asks the server how long these leases last.
    async fn compare(&self, leases: &[Renewal], sent: Instant) -> Result<Renewed, AttemptError> {
        let command = self.commands.compare(leases);
        // The answer is true of a moment after this one, however long it takes to come back.
        let asked = Instant::now();
        let cursor = self
            .database
            .run_cursor_command(command)
            .selection_criteria(SelectionCriteria::ReadPreference(ReadPreference::Primary))
            .await;
        let mut cursor = cursor.map_err(error::from_driver)?;
        let mut live = BTreeMap::new();
        while cursor.advance().await.map_err(error::from_driver)? {
            let document = cursor.deserialize_current();
            renewal::read(&document.map_err(error::from_driver)?, &mut live);
        }
        Ok(renewal::result(leases, &live, sent, asked))
    }
}
