//! The update pipelines: the decisions that the server makes.

use std::time::Duration;

use mongodb::bson::{Bson, Document, Uuid, doc};

use super::super::Request;

/// How long a document outlives its last lease. Only its size depends on it: a fencing token never
/// falls behind the clock, so it keeps growing when the document is gone.
pub(super) const RETENTION_MS: i64 = 24 * 60 * 60 * 1000;

/// Grants the lease if there is room, or leaves the document exactly as it is.
///
/// A no-op update is what makes a refusal cheap: nothing is written to the collection, the journal
/// or the oplog.
pub(super) fn acquire(request: &Request, now: &Bson) -> Vec<Document> {
    let ttl_ms = millis(request.ttl);
    let lease = doc! {
        "lease": request.lease.0,
        // A label may start with a `$`, which must not become a field path.
        "owner": { "$literal": &*request.owner },
        "mode": "exclusive",
        "token": "$$token",
        "ttl_ms": ttl_ms,
        "acquired_at": now,
        "expires_at": { "$add": [now, ttl_ms] },
    };
    let granted = doc! {
        "holders": { "$concatArrays": ["$$live", [lease]] },
        "token": "$$token",
        "purge_at": { "$add": [now, ttl_ms + RETENTION_MS] },
    };
    let decide = doc! { "$let": {
        "vars": {
            "live": { "$filter": {
                "input": { "$ifNull": ["$holders", []] },
                "cond": { "$gt": ["$$this.expires_at", now] },
            } },
            // A missing token makes the sum null, which `$max` ignores.
            "token": { "$max": [{ "$add": ["$token", 1_i64] }, { "$toLong": now }] },
        },
        "in": either(
            doc! { "$eq": [{ "$size": "$$live" }, 0] },
            doc! { "$mergeObjects": ["$$ROOT", granted] },
        ),
    } };
    vec![doc! { "$replaceWith": either(is_lock_document(), decide) }]
}

/// Removes the lease, or lets it end when `min_hold` after its acquisition is over, if that is still
/// to come. Nobody waits for it.
pub(super) fn release(lease: Uuid, min_hold: Duration, now: &Bson) -> Vec<Document> {
    let ours = doc! { "$eq": ["$$this.lease", lease] };
    let released = doc! { "$eq": ["$$this.lease", Bson::Null] };
    let free_at = doc! { "$add": ["$$this.acquired_at", millis(min_hold)] };
    let shortened = doc! { "$map": {
        "input": holders(),
        "in": { "$cond": [
            ours,
            // Without its id: a renewal that comes late must not find it.
            { "$mergeObjects": ["$$this", { "lease": Bson::Null, "expires_at": free_at }] },
            "$$this",
        ] },
    } };
    let kept = doc! { "$filter": {
        "input": shortened,
        "cond": { "$or": [
            { "$not": [released] },
            { "$gt": ["$$this.expires_at", now] },
        ] },
    } };
    vec![doc! { "$set": { "holders": kept } }]
}

/// The holders, or none in a document that somebody edited into something else.
pub(super) fn holders() -> Document {
    doc! { "$cond": [{ "$isArray": "$holders" }, "$holders", []] }
}

/// `LockSpec` keeps every duration far below the range of an `i64`.
pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 4)
}

/// True for a document that this protocol wrote, and for one that the upsert has just made.
///
/// Anything else in the collection must be left alone, and a lock that was edited by hand must not
/// be granted: comparing a date with another type would silently be true or false.
fn is_lock_document() -> Document {
    let fresh = doc! { "$eq": ["$$ROOT", { "_id": "$_id" }] };
    let expiries = doc! { "$map": {
        "input": "$holders",
        "in": { "$eq": [{ "$type": "$$this.expires_at" }, "date"] },
    } };
    let ours = doc! { "$cond": [
        { "$isArray": "$holders" },
        { "$and": [
            { "$in": [{ "$type": "$token" }, ["long", "int"]] },
            { "$lt": ["$token", i64::MAX] },
            { "$allElementsTrue": [expiries] },
        ] },
        false,
    ] };
    doc! { "$or": [fresh, ours] }
}

fn either(condition: Document, then: Document) -> Bson {
    Bson::Document(doc! { "$cond": [condition, then, "$$ROOT"] })
}
