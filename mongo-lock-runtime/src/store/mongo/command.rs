//! The commands, apart from sending them.

use mongodb::bson::{Bson, Document, RawDocumentBuf, doc, rawdoc};

use super::{
    super::protocol::{AcquireRequest, LeaseId, ReleaseRequest, Renewal},
    general,
    namespace::Namespace,
    plain, release, renewal,
};
use crate::{name::LockName, spec::Mode};

/// The TTL index's name.
pub(super) const INDEX: &str = "mongo_lock_purge";

/// The word in the error of a dry run that meets a collation.
pub(super) const COLLATION_FOUND: &str = "collation";

/// The party that waits for an update to be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ack {
    /// None but the caller: the primary's memory is enough.
    Primary,
    /// The next in the queue, whose change stream brings what a majority has in its journal. The
    /// primary of a small replica set flushes its own every 100 ms, unless it is asked to.
    Journal,
}

/// The builder of all commands on one collection.
#[derive(Debug, Clone)]
pub(super) struct Commands {
    pub(super) namespace: Namespace,
    /// The time that the server itself may work on a command, in milliseconds.
    limit_ms: i64,
    /// The server's clock, as an expression. Tests put a time in its place.
    now: Bson,
    /// The part of the acquire command that never changes: for a plain lock, and for all else.
    plain: RawDocumentBuf,
    general: RawDocumentBuf,
}

impl Commands {
    pub(super) fn new(namespace: Namespace, limit_ms: i64, now: Bson) -> Self {
        Self {
            namespace,
            limit_ms,
            plain: plain::decision(&now),
            general: general::decision(&now),
            now,
        }
    }

    pub(super) fn limit_ms(&self) -> i64 {
        self.limit_ms
    }

    /// These commands, when it is `now` for all of them.
    #[cfg(test)]
    pub(super) fn at(&self, now: Bson) -> Self {
        Self::new(self.namespace.clone(), self.limit_ms, now)
    }

    /// An acquisition of a plain lock.
    pub(super) fn acquire_plain(&self, request: &AcquireRequest) -> RawDocumentBuf {
        self.acquire(&request.name, plain::update(request, &self.plain))
    }

    /// An acquisition of any kind, after the release of another lease, if there is one.
    pub(super) fn acquire_general(
        &self,
        request: &AcquireRequest,
        release: Option<&ReleaseRequest>,
    ) -> RawDocumentBuf {
        let update = general::update(request, release, &self.general);
        self.acquire(&request.name, update)
    }

    fn acquire(&self, name: &LockName, update: RawDocumentBuf) -> RawDocumentBuf {
        rawdoc! {
            "findAndModify": self.namespace.collection.as_str(),
            "query": { "_id": name.as_str() },
            "update": [update],
            "upsert": true,
            "new": true,
            "writeConcern": { "w": "majority", "wtimeout": self.limit_ms },
            "maxTimeMS": self.limit_ms,
        }
    }

    /// A release where no client waits.
    pub(super) fn release_simple(&self, request: &ReleaseRequest) -> Document {
        let (query, update) = release::simple(request);
        self.update(query, update, Ack::Primary)
    }

    pub(super) fn release(&self, request: &ReleaseRequest, ack: Ack) -> Document {
        let query = doc! { "_id": request.name.as_str(), "holders.lease": request.lease.0 };
        self.update(query, release::update(request, &self.now), ack)
    }

    /// A release that revokes the lease's id. The reply has the document as it was.
    pub(super) fn revoke(&self, request: &ReleaseRequest, ack: Ack) -> Document {
        doc! {
            "findAndModify": &self.namespace.collection,
            "query": { "_id": request.name.as_str() },
            "update": release::update(request, &self.now),
            "upsert": true,
            "new": false,
            "writeConcern": concern(ack),
            "maxTimeMS": self.limit_ms,
        }
    }

    /// The end of a queue entry.
    pub(super) fn leave(&self, name: &LockName, queue_id: &str, ack: Ack) -> Document {
        let query = doc! { "_id": name.as_str(), "queue.id": queue_id };
        self.update(query, release::leave(queue_id, &self.now), ack)
    }

    /// An update that the primary alone acknowledges.
    fn update(&self, q: Document, u: impl Into<Bson>, ack: Ack) -> Document {
        doc! {
            "update": &self.namespace.collection,
            "updates": [{ "q": q, "u": u.into() }],
            "writeConcern": concern(ack),
            "maxTimeMS": self.limit_ms,
        }
    }

    pub(super) fn renew(&self, leases: &[Renewal]) -> Document {
        doc! {
            "update": &self.namespace.collection,
            "updates": renewal::statements(leases, &self.now),
            // A statement that fails must not keep the others from being carried out.
            "ordered": false,
            "writeConcern": { "w": "majority", "wtimeout": self.limit_ms },
            "maxTimeMS": self.limit_ms,
        }
    }

    /// The question how long these leases last.
    pub(super) fn compare(&self, leases: &[Renewal]) -> Document {
        doc! {
            "aggregate": &self.namespace.collection,
            "pipeline": renewal::live(leases, &self.now),
            "cursor": {},
            // A state that a fail-over can still undo is not to be relied on.
            "readConcern": { "level": "majority" },
            "maxTimeMS": self.limit_ms,
        }
    }

    /// The TTL index, which collects documents long after their last lease. No other document of the
    /// collection takes part: only those that have a token do.
    pub(super) fn create_index(&self) -> Document {
        doc! {
            "createIndexes": &self.namespace.collection,
            "indexes": [{
                "key": { "purge_at": 1 },
                "name": INDEX,
                "expireAfterSeconds": 0,
                "partialFilterExpression": { "token": { "$type": "long" } },
            }],
            "writeConcern": { "w": 1 },
            "maxTimeMS": self.limit_ms,
        }
    }

    /// The acquire command, with a last stage that cannot succeed: the server checks the privileges,
    /// `insert` for the upsert among them, runs the pipeline, fails, and writes nothing. The error tells a
    /// collection with a collation: capital letters come before all small ones in no other order than the
    /// plain one.
    pub(super) fn dry_run(&self, lease: LeaseId) -> RawDocumentBuf {
        let request = rehearsal(LockName::rehearsal(), lease);
        rawdoc! {
            "findAndModify": self.namespace.collection.as_str(),
            "query": { "_id": request.name.as_str() },
            "update": [
                plain::update(&request, &self.plain),
                { "$set": { "token": { "$toInt": {
                    "$cond": [{ "$lt": ["a", "B"] }, COLLATION_FOUND, "$_id"],
                } } } },
            ],
            "upsert": true,
            "writeConcern": { "w": 1 },
            "maxTimeMS": self.limit_ms,
        }
    }

    /// An acquisition for a transaction, or for the primary alone.
    pub(super) fn rehearsal(&self, name: &LockName) -> RawDocumentBuf {
        let request = rehearsal(name.clone(), LeaseId::unique());
        rawdoc! {
            "findAndModify": self.namespace.collection.as_str(),
            "query": { "_id": request.name.as_str() },
            "update": [plain::update(&request, &self.plain)],
            "upsert": true,
            "maxTimeMS": self.limit_ms,
        }
    }
}

/// The request for a lock that is not to last.
fn rehearsal(name: LockName, lease: LeaseId) -> AcquireRequest {
    AcquireRequest {
        name,
        lease,
        attempt: 0,
        owner: "start-up".into(),
        ttl: std::time::Duration::from_millis(1),
        mode: Mode::Exclusive,
        permits: 1,
        ticket: None,
    }
}

fn concern(ack: Ack) -> Document {
    match ack {
        Ack::Primary => doc! { "w": 1 },
        Ack::Journal => doc! { "w": 1, "j": true },
    }
}
