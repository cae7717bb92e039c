//! The update pipelines: the decisions that the server makes.

use std::time::Duration;

use mongodb::bson::{Binary, Bson, Document, RawDocumentBuf, Uuid, doc, rawdoc};

use super::super::Request;

/// How long a document outlives its last lease. Without the document, the next fencing token is the
/// clock's: it keeps growing unless the last one was ahead of the clock by more than this, or the
/// document was deleted by hand while it was. A token gets ahead when the server's clock is set back,
/// or by more than one grant per millisecond.
pub(super) const RETENTION_MS: i64 = 24 * 60 * 60 * 1000;

/// The stage that grants the lease if there is room, or leaves the document exactly as it is.
///
/// A no-op update is what makes a refusal cheap: nothing is written to the collection, the journal
/// or the oplog. What differs between requests is `$$request`; all else is [`decision`], encoded once.
pub(super) fn acquire(request: &Request, decision: &RawDocumentBuf) -> RawDocumentBuf {
    let lease = Binary::from_uuid(request.lease.0);
    rawdoc! { "$replaceWith": { "$let": {
        // A label may start with a `$`, which must not become a field path.
        "vars": { "request": { "$literal": {
            "lease": lease,
            "owner": &*request.owner,
            "mode": "exclusive",
            "ttl_ms": millis(request.ttl),
        } } },
        "in": decision.clone(),
    } } }
}

/// What becomes of the document, given `$$request`.
pub(super) fn decision(now: &Bson) -> RawDocumentBuf {
    // A holder whose end is no date counts as live: comparing it would silently be true or false.
    let live = doc! { "$filter": {
        "input": holders(),
        "cond": { "$or": [
            { "$gt": ["$$this.expires_at", now] },
            { "$ne": [{ "$type": "$$this.expires_at" }, "date"] },
        ] },
    } };
    // A missing token makes the sum null, which `$max` ignores.
    let token = doc! { "$max": [{ "$add": ["$token", 1_i64] }, { "$toLong": now }] };
    let expires_at = doc! { "$add": [now, "$$request.ttl_ms"] };
    let lease = doc! { "$mergeObjects": ["$$request", {
        "token": "$$token",
        "acquired_at": now,
        "expires_at": expires_at.clone(),
    }] };
    let granted = doc! { "$mergeObjects": ["$$ROOT", {
        "holders": { "$concatArrays": ["$$live", [lease]] },
        "token": "$$token",
        "purge_at": { "$add": [expires_at, RETENTION_MS] },
    }] };
    let decision = doc! { "$let": {
        "vars": { "live": live },
        "in": { "$cond": [
            { "$and": [{ "$eq": ["$$live", []] }, is_lock_document()] },
            { "$let": { "vars": { "token": token }, "in": granted } },
            "$$ROOT",
        ] },
    } };
    RawDocumentBuf::try_from(&decision).expect("it has no key with a NUL byte")
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
/// Anything else in the collection must be left alone, and so must a lock that was edited by hand into
/// something that cannot be understood.
fn is_lock_document() -> Document {
    let fresh = doc! { "$eq": ["$$ROOT", { "_id": "$_id" }] };
    let ours = doc! { "$and": [
        { "$isArray": "$holders" },
        { "$in": [{ "$type": "$token" }, ["long", "int"]] },
        { "$lt": ["$token", i64::MAX] },
    ] };
    doc! { "$or": [fresh, ours] }
}
