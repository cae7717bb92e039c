//! The commands, apart from sending them.

use mongodb::bson::{Bson, Document, RawDocumentBuf, Uuid, doc, rawdoc};

use super::{
    super::protocol::{AcquireRequest, Confirmation, LeaseId, ReleaseRequest, Renewal},
    clock::{CLOCK, Stamp},
    confirm,
    expression::locks,
    general,
    namespace::Namespace,
    plain::Plain,
    release, renewal, reply,
};
use crate::{name::LockName, spec::Mode};

/// The TTL index's name.
pub(super) const INDEX: &str = "mongo_lock_purge";

/// The word in the error of a dry run that meets a collation.
pub(super) const COLLATION_FOUND: &str = "collation";

/// The builder of all commands on one collection.
#[derive(Debug, Clone)]
pub(super) struct Commands {
    pub(super) namespace: Namespace,
    /// The time that the server itself may work on a command, in milliseconds.
    limit_ms: i64,
    /// The server's clock, as an expression. Tests put a time in its place.
    now: Bson,
    /// Behind a router: the update that writes the server's clock into a document, before a command
    /// that reads the time there.
    stamp: Option<Document>,
    /// The part of the acquire command that never changes: for a plain lock, and for all else.
    plain: Box<Plain>,
    general: RawDocumentBuf,
}

impl Commands {
    pub(super) fn new(namespace: Namespace, limit_ms: i64, now: Bson) -> Self {
        Self {
            namespace,
            limit_ms,
            plain: Box::new(Plain::new(&now)),
            general: general::decision(&now),
            now,
            stamp: None,
        }
    }

    /// These commands, on a server to which a router sends its own clock.
    pub(super) fn stamped(&self) -> Self {
        self.stamped_with(doc! { "$currentDate": { "clock": true } })
    }

    fn stamped_with(&self, stamp: Document) -> Self {
        Self {
            stamp: Some(stamp),
            ..Self::new(self.namespace.clone(), self.limit_ms, CLOCK.into())
        }
    }

    pub(super) fn stamp(&self) -> Option<&Document> {
        self.stamp.as_ref()
    }

    /// The server's clock, as an expression.
    pub(super) fn now(&self) -> &Bson {
        &self.now
    }

    pub(super) fn limit_ms(&self) -> i64 {
        self.limit_ms
    }

    /// These commands, when it is `now` for all of them.
    #[cfg(test)]
    pub(super) fn at(&self, now: Bson) -> Self {
        if self.stamp.is_some() {
            return self.stamped_with(doc! { "$set": { "clock": now } });
        }
        Self::new(self.namespace.clone(), self.limit_ms, now)
    }

    /// An acquisition of a plain lock.
    pub(super) fn acquire_plain(&self, request: &AcquireRequest, stamp: Stamp) -> RawDocumentBuf {
        // A projection of all: to make a smaller reply costs the server more than to send it.
        let all = RawDocumentBuf::new();
        self.acquire(&request.name, self.plain.update(request), all, stamp)
    }

    /// An acquisition of any kind, after the release of another lease, if there is one. `id` is that of
    /// this command.
    pub(super) fn acquire_general(
        &self,
        request: &AcquireRequest,
        release: Option<&ReleaseRequest>,
        id: Uuid,
        stamp: Stamp,
    ) -> RawDocumentBuf {
        let update = general::update(request, release, id, &self.general);
        let fields = reply::general(request);
        self.acquire(&request.name, update, fields, stamp)
    }

    /// A stamp has made the document, and an upsert without it must not.
    fn acquire(
        &self,
        name: &LockName,
        update: RawDocumentBuf,
        fields: RawDocumentBuf,
        stamp: Stamp,
    ) -> RawDocumentBuf {
        rawdoc! {
            "findAndModify": self.namespace.collection.as_str(),
            "query": stamp.query(name),
            "update": [update],
            "upsert": stamp.is_none(),
            "new": true,
            "fields": fields,
            "writeConcern": { "w": "majority", "wtimeout": self.limit_ms },
            "maxTimeMS": self.limit_ms,
        }
    }

    /// A release where no client waits.
    pub(super) fn release_simple(&self, request: &ReleaseRequest) -> Document {
        let (query, update) = release::simple(request);
        doc! {
            "update": &self.namespace.collection,
            "updates": [{ "q": query, "u": update }],
            "writeConcern": { "w": 1 },
            "maxTimeMS": self.limit_ms,
        }
    }

    /// A release. The reply says whose turn it is.
    pub(super) fn release(&self, request: &ReleaseRequest, id: Uuid, stamp: Stamp) -> Document {
        let mut query = release::lock_document(&request.name);
        query.insert("holders.lease", request.lease.0);
        self.step(query, release::update(request, id, &self.now), stamp)
    }

    /// A release that revokes the lease's id. The reply has the document.
    pub(super) fn revoke(&self, request: &ReleaseRequest, id: Uuid, stamp: Stamp) -> Document {
        let query = doc! { "_id": request.name.as_str() };
        let mut command = self.step(query, release::update(request, id, &self.now), stamp);
        command.insert("upsert", stamp.is_none());
        command.remove("fields");
        command
    }

    /// The end of a queue entry. The reply says whose turn it is.
    pub(super) fn leave(
        &self,
        name: &LockName,
        queue_id: &str,
        id: Uuid,
        stamp: Stamp,
    ) -> Document {
        let mut query = release::lock_document(name);
        query.insert("queue.id", queue_id);
        self.step(query, release::leave(queue_id, id, &self.now), stamp)
    }

    /// An update that the primary alone acknowledges.
    fn step(&self, mut query: Document, update: Vec<Document>, stamp: Stamp) -> Document {
        stamp.restrict(&mut query);
        doc! {
            "findAndModify": &self.namespace.collection,
            "query": query,
            "update": update,
            "new": true,
            "fields": { "_id": 0, "turn": 1 },
            "writeConcern": { "w": 1 },
            "maxTimeMS": self.limit_ms,
        }
    }

    pub(super) fn renew(&self, leases: &[Renewal]) -> Document {
        let updates = if self.stamp.is_some() {
            renewal::one_by_one(leases, &self.now)
        } else {
            renewal::statements(leases, &self.now)
        };
        doc! {
            "update": &self.namespace.collection,
            "updates": updates,
            // A statement that fails must not keep the others from being carried out.
            "ordered": false,
            "writeConcern": { "w": "majority", "wtimeout": self.limit_ms },
            "maxTimeMS": self.limit_ms,
        }
    }

    /// The question how long these leases last.
    pub(super) fn compare(&self, leases: &[Renewal]) -> Document {
        let mut names = doc! {};
        if self.stamp.is_some() {
            names = locks(names);
        }
        doc! {
            "aggregate": &self.namespace.collection,
            "pipeline": renewal::live(leases, names, &self.now),
            "cursor": {},
            // A state that a fail-over can still undo is not to be relied on.
            "readConcern": { "level": "majority" },
            "maxTimeMS": self.limit_ms,
        }
    }

    /// Confirmations of places in queues. The primary alone acknowledges them: a place that is lost in a
    /// fail-over is found out by [`look`](Self::look).
    pub(super) fn confirm(&self, places: &[Confirmation]) -> Document {
        doc! {
            "update": &self.namespace.collection,
            "updates": confirm::statements(places, &self.now),
            "ordered": false,
            "writeConcern": { "w": 1 },
            "maxTimeMS": self.limit_ms,
        }
    }

    /// The confirmation of a single place, and the look at its lock.
    pub(super) fn confirm_one(&self, place: &Confirmation, stamp: Stamp) -> Document {
        let id = &*place.queue_id;
        let mut query = confirm::query(id, place.name.as_str());
        stamp.restrict(&mut query);
        doc! {
            "findAndModify": &self.namespace.collection,
            "query": query,
            "update": [confirm::update(id, &self.now)],
            "new": true,
            "fields": { "_id": 0, "found": confirm::found(&[id], &self.now) },
            "writeConcern": { "w": 1 },
            "maxTimeMS": self.limit_ms,
        }
    }

    /// A look at the locks of these places.
    pub(super) fn look(&self, places: &[Confirmation]) -> Document {
        doc! {
            "aggregate": &self.namespace.collection,
            "pipeline": confirm::look(places, &self.now),
            "cursor": { "batchSize": 10_000 },
            "readConcern": { "level": "local" },
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
                self.plain.update(&request),
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
            "update": [self.plain.update(&request)],
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
        share: None,
    }
}
