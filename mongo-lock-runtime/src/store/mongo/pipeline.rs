//! The update pipelines: the decisions that the server makes.

use std::time::Duration;

use mongodb::bson::{Binary, Bson, Document, RawDocumentBuf, Uuid, doc, rawdoc};

use super::super::AcquireRequest;

/// How long a document outlives its last lease. Without the document, the next fencing token is the
/// clock's: it keeps growing unless the last one was ahead of the clock by more than this, or the
/// document was deleted by hand while it was. A token gets ahead when the server's clock is set back,
/// or by more than one grant per millisecond.
pub(super) const RETENTION_MS: i64 = 24 * 60 * 60 * 1000;

/// The stage that grants the lease if there is room, or leaves the document exactly as it is.
///
/// A no-op update is what makes a refusal cheap: nothing is written to the collection, the journal
/// or the oplog. What differs between requests is `$$request`; all else is [`decision`], encoded once.
pub(super) fn acquire(request: &AcquireRequest, decision: &RawDocumentBuf) -> RawDocumentBuf {
    let lease = Binary::from_uuid(request.lease.0);
    rawdoc! { "$replaceWith": { "$let": {
        // A label may start with a `$`, which must not become a field path.
        "vars": { "request": { "$literal": {
            "lease": lease,
            "owner": &*request.owner,
            "mode": request.mode.as_str(),
            "permits": i64::from(request.permits),
            "ttl_ms": millis(request.ttl),
        } } },
        "in": decision.clone(),
    } } }
}

/// What becomes of the document, given `$$request`.
pub(super) fn decision(now: &Bson) -> RawDocumentBuf {
    let live = live(now);
    let token = token(now);
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
            { "$and": [
                { "$eq": ["$$live", []] },
                // Nobody is in line: missing is less than any array, and an empty one than others.
                { "$lte": ["$queue", []] },
                is_lock_document(),
            ] },
            { "$let": { "vars": { "token": token }, "in": granted } },
            "$$ROOT",
        ] },
    } };
    RawDocumentBuf::try_from(&decision).expect("it has no key with a NUL byte")
}

/// The holders whose leases have not ended.
pub(super) fn live(now: &Bson) -> Document {
    // One whose end is no date counts as live: comparing it would silently be true or false.
    doc! { "$filter": {
        "input": holders(),
        "cond": { "$or": [
            { "$gt": ["$$this.expires_at", now] },
            { "$ne": [{ "$type": "$$this.expires_at" }, "date"] },
        ] },
    } }
}

/// The next fencing token.
pub(super) fn token(now: &Bson) -> Document {
    // A missing token makes the sum null, which `$max` ignores.
    doc! { "$max": [{ "$add": ["$token", 1_i64] }, { "$toLong": now }] }
}

/// Removes the lease, or lets it end when `min_hold` after its acquisition is over, if that is still
/// to come; and says whose turn it is.
pub(super) fn release(lease: Uuid, min_hold: Option<Duration>, now: &Bson) -> Vec<Document> {
    let holders = if let Some(min_hold) = min_hold {
        let released = doc! { "$eq": ["$$this.lease", Bson::Null] };
        let shortened = shortened(&holders(), &lease.into(), &millis(min_hold).into());
        doc! { "$filter": {
            "input": shortened,
            "cond": { "$or": [
                { "$not": [released] },
                { "$gt": ["$$this.expires_at", now] },
            ] },
        } }
    } else {
        doc! { "$filter": { "input": "$holders", "cond": { "$ne": ["$$this.lease", lease] } } }
    };
    vec![doc! { "$set": { "holders": holders } }, pass_turn(now)]
}

/// `holders`, in which the lease ends `min_hold` after its acquisition.
pub(super) fn shortened(holders: &Document, lease: &Bson, min_hold: &Bson) -> Document {
    let ours = doc! { "$eq": ["$$this.lease", lease] };
    let free_at = doc! { "$add": ["$$this.acquired_at", min_hold] };
    doc! { "$map": {
        "input": holders,
        "in": { "$cond": [
            ours,
            // Without its id: a renewal that comes late must not find it.
            { "$mergeObjects": ["$$this", { "lease": Bson::Null, "expires_at": free_at }] },
            "$$this",
        ] },
    } }
}

/// Gives up a client's place in line, and says whose turn it is.
pub(super) fn leave(line: &str, now: &Bson) -> Vec<Document> {
    let others = doc! { "$filter": { "input": "$queue", "cond": { "$ne": ["$$this.id", line] } } };
    vec![doc! { "$set": { "queue": others } }, pass_turn(now)]
}

/// Where there is room for whoever is first in line, `turn` names it: a change stream brings that to
/// it, and to nobody else. It is a string, which an update's description has whole, while it would
/// have only the changed elements of an array.
fn pass_turn(now: &Bson) -> Document {
    let first = |field: &str| doc! { "$arrayElemAt": [format!("$queue.{field}"), 0] };
    let room = doc! { "$gt": [
        { "$ifNull": [first("permits"), 0] },
        { "$size": "$holders" },
    ] };
    let turn = doc! { "$concat": [text(first("id")), "@", { "$toString": now }] };
    doc! { "$set": { "turn": { "$cond": [room, turn, "$turn"] } } }
}

/// A string, whatever somebody put there by hand.
pub(super) fn text(value: impl Into<Bson>) -> Document {
    doc! { "$convert": { "input": value.into(), "to": "string", "onError": "", "onNull": "" } }
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
pub(super) fn is_lock_document() -> Document {
    let fresh = doc! { "$eq": ["$$ROOT", { "_id": "$_id" }] };
    let ours = doc! { "$and": [
        { "$isArray": "$holders" },
        { "$in": [{ "$type": "$token" }, ["long", "int"]] },
        { "$lt": ["$token", i64::MAX] },
    ] };
    doc! { "$or": [fresh, ours] }
}
