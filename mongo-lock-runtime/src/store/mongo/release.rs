//! The updates that make room: a release, a revocation, the end of a queue entry.

use mongodb::bson::{Bson, Document, Uuid, doc};

use super::{
    super::protocol::ReleaseRequest,
    expression::{
        PROTOCOL, RETENTION_MS, entries, held_without, is_lock_document, is_of_this_protocol,
        millis, queue, revoked_with, turn,
    },
};
use crate::name::LockName;

/// A release where no client waits, as a query and an update: a fifth cheaper than [`update`], which
/// has to find the next waiters. The query matches nothing when there is a queue.
pub(super) fn simple(request: &ReleaseRequest) -> (Document, Document) {
    let lease = request.lease.0;
    let query = doc! {
        "_id": request.name.as_str(),
        "holders.lease": lease,
        "queue.0": { "$exists": false },
        "protocol": is_of_this_protocol(),
    };
    (query, doc! { "$pull": { "holders": { "lease": lease } } })
}

/// A query for the document of this lock, if that is one.
pub(super) fn lock_document(name: &LockName) -> Document {
    doc! {
        "_id": name.as_str(),
        "protocol": is_of_this_protocol(),
        "token": { "$type": ["long", "int"] },
    }
}

/// Removes the lease, or moves its end to `min_hold` after its acquisition, if that is still to come;
/// revokes the lease's id if the request says so; and writes the next waiters into `turn`.
pub(super) fn update(request: &ReleaseRequest, command: Uuid, now: &Bson) -> Vec<Document> {
    let lease = Bson::from(request.lease.0);
    let min_hold = request.min_hold.map(millis).into();
    let held = held_without(&lease, &min_hold, now);
    if !request.revoke {
        return step(held, queue(now), doc! {}, command);
    }
    let others = entries(queue(now), doc! { "$ne": ["$$this.lease", lease.clone()] });
    let revocation = doc! {
        "protocol": PROTOCOL,
        // A document without a token is no lock document, nor is it purged.
        "token": { "$ifNull": ["$token", 0_i64] },
        "purge_at": { "$max": ["$purge_at", { "$add": [now, RETENTION_MS] }] },
        "freed": { "$in": [lease.clone(), { "$ifNull": ["$holders.lease", []] }] },
        "revoked": revoked_with(lease, now),
    };
    step(held, others, revocation, command)
}

/// Removes a client's queue entry, and writes the next waiters into `turn`.
pub(super) fn leave(queue_id: &str, command: Uuid, now: &Bson) -> Vec<Document> {
    let held = held_without(&"".into(), &Bson::Null, now);
    let others = entries(queue(now), doc! { "$ne": ["$$this.id", queue_id] });
    step(held, others, doc! {}, command)
}

/// Keeps these holders and these queue entries, and writes the next waiters into `turn`.
fn step(holders: Document, queue: Document, more: Document, command: Uuid) -> Vec<Document> {
    let after = doc! { "$mergeObjects": ["$$ROOT", more, {
        "holders": "$$holders",
        "queue": "$$queue",
        "turn": turn("$$holders", "$$queue", true, command),
    }] };
    let step = doc! { "$let": {
        "vars": { "holders": holders, "queue": queue },
        "in": after,
    } };
    vec![doc! { "$replaceWith": { "$cond": [is_lock_document(), step, "$$ROOT"] } }]
}
