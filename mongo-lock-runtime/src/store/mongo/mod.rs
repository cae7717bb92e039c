//! Locks in a MongoDB collection: one document per lock, one command per step.
//!
//! ```text
//! { _id: <name>,
//!   holders: [ { lease, owner, mode, token, ttl_ms, acquired_at, expires_at } ],
//!   token: <last fencing token given out>,
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
//! A write-concern error, or no reply, leaves open whether the lease was written: the caller
//! releases it by its id.
//!
//! **Release** is one `update` that takes the lease out of the holders by its id; it matches nothing
//! when the lease is gone. It is acknowledged by the primary alone: if a fail-over undoes it, the
//! lease expires by itself.
//!
//! Commands go through the driver's `run_command`, not through its typed helpers: those attach a
//! transaction number for retryable writes, which makes the server write a second document per
//! command. The lease's id makes ours repeatable without one.

mod document;
mod failure;
mod pipeline;
mod start_up;

use std::time::Duration;

use mongodb::{
    Client, Database,
    bson::{Document, doc},
};

use self::document::LockDocument;
pub(crate) use self::start_up::StartUp;
use super::{Cause, Failure, LeaseId, Reply, Request};
use crate::LockName;

/// `database.collection`, where the lock documents are.
#[derive(Debug, Clone)]
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
}

impl MongoStore {
    pub(crate) fn new(client: &Client, place: Place, limit: Duration) -> Self {
        Self {
            database: client.database(&place.database),
            place,
            limit_ms: i64::try_from(limit.as_millis()).unwrap_or(i64::MAX),
        }
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// One attempt to acquire, one command.
    pub(crate) async fn acquire(&self, request: &Request) -> Result<Reply, Failure> {
        let command = doc! {
            "findAndModify": &self.place.collection,
            "query": { "_id": request.name.as_str() },
            "update": pipeline::acquire(request),
            "upsert": true,
            "new": true,
            "writeConcern": { "w": "majority", "wtimeout": self.limit_ms },
            "maxTimeMS": self.limit_ms,
        };
        let reply = self.run(command).await?;
        let malformed = |problem: String| Failure {
            cause: Cause::NotALockDocument(problem),
            effect_unknown: false,
            transient: false,
        };
        let value = reply
            .get_document("value")
            .map_err(|error| malformed(error.to_string()))?;
        let document = LockDocument::read(value).map_err(malformed)?;
        document.reply(request).map_err(malformed)
    }

    /// One attempt to release, one command. Says whether the lease was there.
    pub(crate) async fn release(&self, name: &LockName, lease: LeaseId) -> Result<bool, Failure> {
        let command = doc! {
            "update": &self.place.collection,
            "updates": [{
                "q": { "_id": name.as_str(), "holders.lease": lease.0 },
                "u": { "$pull": { "holders": { "lease": lease.0 } } },
            }],
            "writeConcern": { "w": 1 },
            "maxTimeMS": self.limit_ms,
        };
        let reply = self.run(command).await?;
        Ok(matches!(reply.get_i32("n"), Ok(1..)))
    }

    async fn run(&self, command: Document) -> Result<Document, Failure> {
        let reply = self.database.run_command(command).await;
        failure::check(reply)
    }
}
