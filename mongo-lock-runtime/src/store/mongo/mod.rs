//! Locks in a MongoDB collection: one document per lock, one command per step.
//!
//! ```text
//! { _id: <name>,
//!   holders: [ { lease, owner, mode, permits, token, ttl_ms, acquired_at, expires_at } ],
//!   token: <last fencing token given out>,
//!   queue: [ { id, lease, owner, mode, permits, since, seen_at, until } ],
//!   turn: <who is woken: the ids of those whose turn it is, and when it was>,
//!   freed: <whether the last hand-over found the lease that it released>,
//!   purge_at: <when the TTL index may collect the document> }
//! ```
//!
//! **Acquire** is one `findAndModify` with `upsert` and an update pipeline that decides on the
//! server, by the server's `$$NOW`. The document in the reply is in one of these states:
//!
//! | our lease among the holders | the document | it means |
//! | --- | --- | --- |
//! | yes | ours | granted; also when this very request was sent before and its answer was lost |
//! | no | a live holder | refused, nothing was written; the holder is who has it |
//! | no | not a lock document | refused, nothing was written; an error says what is wrong with it |
//!
//! That is for an exclusive lock that nobody waits for. Where permits, readers or a queue are involved,
//! a longer pipeline (`step`) decides, in one command too; its reply has one state
//! more: **in line**, when our client's place is in the queue. The queue is in the order of `since`,
//! when each began to wait. Whoever is in it sends the same request again, every now and then, to keep
//! the place (`until`), and when it is woken. A place whose `until` is over counts for nothing.
//!
//! **Turns.** When a command makes room for somebody in line, it writes that one's id into `turn`. Each
//! waiting client has a change stream that brings it the changes of `turn` that name it, so one release
//! wakes one client, which then sends its request again. An event that is missed costs time, never
//! the lock: places are confirmed regularly, and so asked about.
//!
//! **Handing over** is a release and an acquisition in one step, for two callers of one client.
//!
//! A write-concern error, or no reply, leaves open whether the lease was written: the caller
//! releases it by its id.
//!
//! **Renew** is one `update` for any number of leases, which prolongs those that are still live and
//! leaves all else alone. Its reply counts the documents that it changed; when that is fewer than
//! were asked for, one `aggregate` more finds out how long each lasts. It is acknowledged by a
//! majority, like the acquisition: a renewal that a fail-over undid would leave its holder relying
//! on time that it does not have.
//!
//! **Release** is one `update` that takes the lease out of the holders by its id, where nobody waits; it
//! matches nothing when the lease is gone, or somebody is in line: then another one says whose turn it
//! is. With a `min_hold` that is not over, it moves the lease's end there
//! instead. It is acknowledged by the primary alone, from its journal where somebody waits, lest the
//! change stream be late: if a fail-over undoes it, the lease expires by itself.
//!
//! Commands go through the driver's `run_command`, not through its typed helpers: those attach a
//! transaction number for retryable writes, which makes the server write a second document per
//! command. The lease's id makes ours repeatable without one.

mod document;
mod failure;
mod news;
mod pipeline;
mod renewal;
mod start_up;
mod step;

use std::{
    collections::HashMap,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use mongodb::{
    Client, Database,
    bson::{Bson, Document, RawDocumentBuf, doc, rawdoc},
};
use tokio::time::Instant;

use self::document::LockDocument;
pub(crate) use self::{news::MongoWakeups, start_up::StartUp};
use super::{
    AcquireReply, AcquireRequest, AttemptError, ReleaseRequest, Renewal, Renewed, StoreError,
};
use crate::{LockName, events};

/// `database.collection`, where the lock documents are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) database: String,
    pub(crate) collection: String,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.database, self.collection)
    }
}

#[derive(Debug)]
pub(crate) struct MongoStore {
    database: Database,
    place: Place,
    /// How long the server itself may work on a command, in milliseconds.
    limit_ms: i64,
    /// The server's clock, as an expression. Tests put a time in its place.
    now: Bson,
    /// The part of the acquire command that is always the same: for a plain lock, and for all else.
    decision: RawDocumentBuf,
    step_decision: RawDocumentBuf,
    /// Whether the server is known to be part of a replica set, and so to have a journal.
    replicated: AtomicBool,
}

/// Who waits for an update to be known.
enum Hurry {
    Nobody,
    /// Whoever is next in line.
    Next,
}

impl MongoStore {
    pub(crate) fn new(client: &Client, place: Place, limit: Duration) -> Self {
        let now = "$$NOW".into();
        Self {
            database: client.database(&place.database),
            place,
            limit_ms: i64::try_from(limit.as_millis()).unwrap_or(i64::MAX),
            decision: pipeline::decision(&now),
            step_decision: step::decision(&now),
            replicated: AtomicBool::default(),
            now,
        }
    }

    /// The same locks, when it is `now` milliseconds after 1970 for every command.
    #[cfg(test)]
    pub(super) fn at(&self, now: i64) -> Self {
        let now = mongodb::bson::DateTime::from_millis(now).into();
        Self {
            database: self.database.clone(),
            place: self.place.clone(),
            limit_ms: self.limit_ms,
            decision: pipeline::decision(&now),
            step_decision: step::decision(&now),
            replicated: AtomicBool::default(),
            now,
        }
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// One attempt to acquire: one command, or two when a plain one meets a queue.
    pub(crate) async fn acquire(
        &self,
        request: &AcquireRequest,
    ) -> Result<AcquireReply, AttemptError> {
        if request.is_plain() {
            let update = pipeline::acquire(request, &self.decision);
            if let (_, Some(reply)) = self.ask(request, update, false).await? {
                return Ok(reply);
            }
        }
        let (_, reply) = self.step(request, None).await?;
        Ok(reply)
    }

    /// One attempt to release a lease and to acquire another, one command. Says whether the first was
    /// there.
    pub(crate) async fn hand_over(
        &self,
        release: &ReleaseRequest,
        request: &AcquireRequest,
    ) -> Result<(bool, AcquireReply), AttemptError> {
        self.step(request, Some(release)).await
    }

    async fn step(
        &self,
        request: &AcquireRequest,
        release: Option<&ReleaseRequest>,
    ) -> Result<(bool, AcquireReply), AttemptError> {
        let update = step::update(request, release, &self.step_decision);
        let (freed, reply) = self.ask(request, update, true).await?;
        let reply = reply.ok_or_else(|| malformed("its queue cannot be read".into()))?;
        Ok((freed, reply))
    }

    /// Whether the lease to be released was there, and the reply; `None`: whether the request is refused
    /// depends on the queue, at which it did not look.
    async fn ask(
        &self,
        request: &AcquireRequest,
        update: RawDocumentBuf,
        looks_at_queue: bool,
    ) -> Result<(bool, Option<AcquireReply>), AttemptError> {
        let command = rawdoc! {
            "findAndModify": self.place.collection.as_str(),
            "query": { "_id": request.name.as_str() },
            "update": [update],
            "upsert": true,
            "new": true,
            "writeConcern": { "w": "majority", "wtimeout": self.limit_ms },
            "maxTimeMS": self.limit_ms,
        };
        let reply = self.database.run_raw_command(command).await;
        let reply = failure::check(reply)?;
        let value = reply
            .get_document("value")
            .map_err(|error| malformed(error.to_string()))?;
        let document = LockDocument::read(value).map_err(malformed)?;
        if let Some((theirs, owner)) = document.other_permits(request) {
            events::permits_differ(&request.name, request.permits, theirs, owner);
        }
        let freed = value.get_bool("freed").unwrap_or_default();
        let reply = document.reply(request, looks_at_queue);
        Ok((freed, reply.map_err(malformed)?))
    }

    /// One attempt to release: one command, or two when somebody has come to wait meanwhile. Says whether
    /// the lease was there.
    pub(crate) async fn release(&self, request: &ReleaseRequest) -> Result<bool, AttemptError> {
        let lease = request.lease.0;
        let name = request.name.as_str();
        // A fifth cheaper than the pipeline, which has to say whose turn it is.
        if !request.contended && request.min_hold.is_none() {
            let alone =
                doc! { "_id": name, "holders.lease": lease, "queue.0": { "$exists": false } };
            let pull = doc! { "$pull": { "holders": { "lease": lease } } };
            if self.update(alone, pull, Hurry::Nobody).await? {
                return Ok(true);
            }
        }
        let held = doc! { "_id": name, "holders.lease": lease };
        let update = pipeline::release(lease, request.min_hold, &self.now);
        self.update(held, update, Hurry::Next).await
    }

    /// One attempt to give up a place in line, one command.
    pub(crate) async fn leave(&self, name: &LockName, line: &str) -> Result<(), AttemptError> {
        let placed = doc! { "_id": name.as_str(), "queue.id": line };
        let update = pipeline::leave(line, &self.now);
        self.update(placed, update, Hurry::Next).await.map(drop)
    }

    /// An update that the primary alone acknowledges. Says whether there was anything to update.
    async fn update(
        &self,
        q: Document,
        u: impl Into<Bson>,
        hurry: Hurry,
    ) -> Result<bool, AttemptError> {
        // A change stream brings what a majority has in its journal. The primary of a small replica
        // set flushes its own every 100 ms, unless it is asked to.
        let journal = matches!(hurry, Hurry::Next) && self.replicated.load(Ordering::Relaxed);
        let concern = if journal {
            doc! { "w": 1, "j": true }
        } else {
            doc! { "w": 1 }
        };
        let command = doc! {
            "update": &self.place.collection,
            "updates": [{ "q": q, "u": u.into() }],
            "writeConcern": concern,
            "maxTimeMS": self.limit_ms,
        };
        let reply = failure::check(self.database.run_command(command).await)?;
        Ok(matches!(reply.get_i32("n"), Ok(1..)))
    }

    /// One attempt to prolong all of these, one command; another one when not all were.
    pub(crate) async fn renew(&self, leases: &[Renewal]) -> Result<Renewed, AttemptError> {
        let sent = Instant::now();
        let command = doc! {
            "update": &self.place.collection,
            "updates": renewal::statements(leases, &self.now),
            // One that fails must not keep the others from being renewed.
            "ordered": false,
            "writeConcern": { "w": "majority", "wtimeout": self.limit_ms },
            "maxTimeMS": self.limit_ms,
        };
        let reply = self.database.run_command(command).await;
        let reply = failure::check_but_writes(reply)?;
        let changed = reply.get_i32("nModified").unwrap_or_default();
        if usize::try_from(changed) == Ok(leases.len()) {
            return Ok(Renewed::default());
        }
        let mut renewed = self.compare(leases, sent).await?;
        renewed.trouble = failure::write_error(&reply).map(|failure| failure.error);
        Ok(renewed)
    }

    /// Asks the server how long these leases last.
    async fn compare(&self, leases: &[Renewal], sent: Instant) -> Result<Renewed, AttemptError> {
        let command = doc! {
            "aggregate": &self.place.collection,
            "pipeline": renewal::live(leases, &self.now),
            "cursor": {},
            "maxTimeMS": self.limit_ms,
        };
        // The answer is true of a moment after this one, however long it takes to come back.
        let asked = Instant::now();
        let cursor = self.database.run_cursor_command(command).await;
        let mut cursor = cursor.map_err(failure::from_driver)?;
        let mut left = HashMap::new();
        while cursor.advance().await.map_err(failure::from_driver)? {
            let document = cursor.deserialize_current();
            renewal::read(&document.map_err(failure::from_driver)?, &mut left);
        }
        let mut renewed = Renewed::default();
        for renewal in leases {
            let Some(left) = left.get(&renewal.lease).copied() else {
                renewed.gone.insert(renewal.lease);
                continue;
            };
            renewed.left.insert(renewal.lease, (asked, left));
            // What has just been prolonged has lost no more than the time on the way, while what was
            // not has lost at least a sixth of its ttl.
            // Both of the server's times are cut to milliseconds.
            let on_the_way = (renewal.ttl / 10).max(Duration::from_millis(1));
            if left + asked.duration_since(sent) + on_the_way < renewal.ttl {
                renewed.behind.insert(renewal.lease);
            }
        }
        Ok(renewed)
    }
}

fn malformed(problem: String) -> AttemptError {
    AttemptError {
        error: StoreError::NotALockDocument(problem),
        effect_unknown: false,
        transient: false,
    }
}
