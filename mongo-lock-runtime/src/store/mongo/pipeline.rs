//! The update pipelines: the decisions that the server makes.

use mongodb::bson::{Bson, Document, doc};

use super::super::Request;

/// How long a document outlives its last lease. Only its size depends on it: a fencing token never
/// falls behind the clock, so it keeps growing when the document is gone.
const RETENTION_MS: i64 = 24 * 60 * 60 * 1000;

/// Grants the lease if there is room, or leaves the document exactly as it is.
///
/// A no-op update is what makes a refusal cheap: nothing is written to the collection, the journal
/// or the oplog.
pub(super) fn acquire(request: &Request) -> Vec<Document> {
    // `LockSpec` keeps a ttl far below the range of an `i64`.
    let ttl_ms = i64::try_from(request.ttl.as_millis()).unwrap_or(i64::MAX - RETENTION_MS);
    let lease = doc! {
        "lease": request.lease.0,
        // A label may start with a `$`, which must not become a field path.
        "owner": { "$literal": &*request.owner },
        "mode": "exclusive",
        "token": "$$token",
        "ttl_ms": ttl_ms,
        "acquired_at": "$$NOW",
        "expires_at": { "$add": ["$$NOW", ttl_ms] },
    };
    let granted = doc! {
        "holders": { "$concatArrays": ["$$live", [lease]] },
        "token": "$$token",
        "purge_at": { "$add": ["$$NOW", ttl_ms + RETENTION_MS] },
    };
    let decide = doc! { "$let": {
        "vars": {
            "live": { "$filter": {
                "input": { "$ifNull": ["$holders", []] },
                "cond": { "$gt": ["$$this.expires_at", "$$NOW"] },
            } },
            // A missing token makes the sum null, which `$max` ignores.
            "token": { "$max": [{ "$add": ["$token", 1_i64] }, { "$toLong": "$$NOW" }] },
        },
        "in": either(
            doc! { "$eq": [{ "$size": "$$live" }, 0] },
            doc! { "$mergeObjects": ["$$ROOT", granted] },
        ),
    } };
    vec![doc! { "$replaceWith": either(is_lock_document(), decide) }]
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
