//! The expressions that the update pipelines share.

use std::time::Duration;

use mongodb::bson::{Bson, Document, doc};

use super::super::protocol::{QUEUE_ENTRY_TTL, REVOCATION_TTL};

/// The time for which a document outlives its last lease. Without the document, the next fencing token
/// is the clock's: the token keeps growing unless the last one was ahead of the clock by more than
/// this, or the document was deleted by hand while it was. A token gets ahead when the server's clock
/// is set back, or by more than one grant per millisecond.
pub(super) const RETENTION_MS: i64 = 24 * 60 * 60 * 1000;

/// The protocol that this version speaks.
pub(super) const PROTOCOL: i32 = 1;

/// More milliseconds than any ttl, and few enough to be added to a date.
const LONGEST_TTL_MS: i64 = 1 << 53;

/// The duration in milliseconds. `LockSpec` keeps every duration far below the range of an `i64`.
pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 4)
}

/// True for a document that this protocol wrote, and for one that the upsert has just made.
///
/// Any other document in the collection must be left alone, and so must a lock that was edited by hand
/// into something that cannot be understood, and a lock of another protocol. A missing `protocol` is
/// this one.
pub(super) fn is_lock_document() -> Document {
    let fresh = doc! { "$eq": ["$$ROOT", { "_id": "$_id" }] };
    let ours = doc! { "$and": [
        { "$isArray": "$holders" },
        { "$or": [{ "$eq": ["$holders", []] }, are_objects()] },
        { "$in": [{ "$type": "$token" }, ["long", "int"]] },
        { "$lt": ["$token", i64::MAX] },
        { "$eq": [{ "$ifNull": ["$protocol", PROTOCOL] }, PROTOCOL] },
    ] };
    doc! { "$or": [fresh, ours] }
}

/// Whether all holders are objects. BSON's order puts these between strings and arrays, and `$min` and `$max`
/// pass over null. Native, since a step of a lock with many readers would pay for each of them.
fn are_objects() -> Document {
    doc! { "$and": [
        { "$gte": [{ "$min": "$holders" }, { "$literal": {} }] },
        { "$lt": [{ "$max": "$holders" }, []] },
        { "$not": [{ "$in": [Bson::Null, "$holders"] }] },
    ] }
}

/// A predicate of a query: the document is of this protocol.
pub(super) fn is_of_this_protocol() -> Document {
    doc! { "$in": [PROTOCOL, Bson::Null] }
}

/// The query for those of these documents that are locks of this protocol.
pub(super) fn locks(mut query: Document) -> Document {
    query.insert("holders", doc! { "$type": "array" });
    let integer = doc! {
        "$type": ["long", "int"],
        // A query looks into arrays.
        "$not": { "$type": "array" },
        "$lt": i64::MAX,
    };
    query.insert("token", integer);
    query.insert("protocol", is_of_this_protocol());
    query
}

/// The holders, or none in a document that was edited into something else.
pub(super) fn holders() -> Document {
    array("holders")
}

/// The value of the field, or none of it where it is no array.
fn array(field: &str) -> Document {
    let field = format!("${field}");
    doc! { "$cond": [{ "$isArray": &field }, &field, []] }
}

/// The holders whose leases have not ended.
pub(super) fn live(now: &Bson) -> Document {
    // A lease whose end is no date counts as live: comparing it would silently be true or false.
    doc! { "$filter": {
        "input": holders(),
        "cond": { "$or": [
            { "$gt": ["$$this.expires_at", now] },
            { "$ne": [{ "$type": "$$this.expires_at" }, "date"] },
        ] },
    } }
}

/// Whether the ttl of `$$this` is a number of milliseconds. BSON's order puts a missing value before
/// all numbers, and all other types, and no number, behind or before these.
pub(super) fn has_ttl() -> Document {
    doc! { "$and": [
        { "$gt": ["$$this.ttl_ms", 0] },
        { "$lt": ["$$this.ttl_ms", LONGEST_TTL_MS] },
    ] }
}

/// Whether the lease `$$this` claims to end later than its ttl from now: the clock was set back.
pub(super) fn claims_too_much(now: &Bson) -> Document {
    doc! { "$and": [
        has_ttl(),
        { "$gt": ["$$this.expires_at", { "$add": [now, "$$this.ttl_ms"] }] },
        { "$eq": [{ "$type": "$$this.expires_at" }, "date"] },
    ] }
}

/// These holders, none of which ends later than its ttl from now.
pub(super) fn cut(holders: impl Into<Bson>, now: &Bson) -> Document {
    let end = doc! { "expires_at": { "$add": [now, "$$this.ttl_ms"] } };
    doc! { "$map": {
        "input": holders.into(),
        "in": { "$cond": [
            claims_too_much(now),
            { "$mergeObjects": ["$$this", end] },
            "$$this",
        ] },
    } }
}

/// The leases that are live once the lease `released` is: it ends `min_hold` after its acquisition, if
/// that is still to come, and else now.
///
/// Where a lock has many readers, most steps change none of the leases that are there. The server tells so in a
/// tenth of the time that [`changed`] takes, which computes each lease anew.
pub(super) fn held_without(released: &Bson, min_hold: &Bson, now: &Bson) -> Document {
    doc! { "$cond": [
        all_stay(released, now),
        "$holders",
        changed(released, min_hold, now),
    ] }
}

/// Whether no holder has ended, claims too much, or has the lease `released`. May be false of such
/// holders, where one has an end or a ttl that is not of the usual type.
fn all_stay(released: &Bson, now: &Bson) -> Document {
    let stay = doc! { "$and": [
        { "$gt": [{ "$min": "$$ends" }, now] },
        { "$lte": [
            { "$subtract": [{ "$max": "$$ends" }, now] },
            { "$min": "$holders.ttl_ms" },
        ] },
        { "$not": [{ "$in": [released, "$holders.lease"] }] },
    ] };
    doc! { "$let": {
        "vars": { "ends": "$holders.expires_at" },
        "in": { "$cond": [are_dates("$$ends", "$holders"), stay, false] },
    } }
}

/// Whether `values`, a field of each element of the array `of`, are dates, and none is missing. No date is
/// subtracted from anything else: that would be an error.
fn are_dates(values: &str, of: &str) -> Document {
    // `$min` and `$max` pass over null, and a path over what is missing.
    doc! { "$and": [
        { "$isArray": of },
        { "$eq": [{ "$type": { "$min": values } }, "date"] },
        { "$eq": [{ "$type": { "$max": values } }, "date"] },
        { "$not": [{ "$in": [Bson::Null, values] }] },
        { "$eq": [{ "$size": values }, { "$size": of }] },
    ] }
}

/// As [`held_without`], where it may have to change a lease.
fn changed(released: &Bson, min_hold: &Bson, now: &Bson) -> Document {
    let ours = doc! { "$eq": ["$$this.lease", released] };
    let free_at = doc! { "$add": ["$$this.acquired_at", min_hold] };
    let shortened = doc! { "$map": {
        "input": live(now),
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
            { "$ne": ["$$this.lease", Bson::Null] },
            { "$gt": ["$$this.expires_at", now] },
        ] },
    } };
    cut(kept, now)
}

/// The queue entries that were refreshed lately. None claims to be kept for longer than an entry is, or to
/// have come later than now: the clock was set back.
///
/// As with [`held_without`], most steps change none.
pub(super) fn queue(now: &Bson) -> Document {
    let latest = doc! { "$add": [now, millis(QUEUE_ENTRY_TTL)] };
    let stay = doc! { "$and": [
        are_dates("$$untils", "$queue"),
        are_dates("$$sinces", "$queue"),
        { "$gt": [{ "$min": "$$untils" }, now] },
        { "$lte": [{ "$max": "$$untils" }, latest.clone()] },
        { "$lte": [{ "$max": "$$sinces" }, now] },
    ] };
    let present = doc! { "$filter": {
        "input": array("queue"),
        "cond": { "$gt": ["$$this.until", now] },
    } };
    let cut = doc! { "$map": {
        "input": present,
        "in": { "$cond": [
            { "$or": [
                { "$gt": ["$$this.until", latest.clone()] },
                { "$gt": ["$$this.since", now] },
            ] },
            { "$mergeObjects": ["$$this", {
                "until": { "$min": ["$$this.until", latest] },
                "since": { "$min": ["$$this.since", now] },
            }] },
            "$$this",
        ] },
    } };
    doc! { "$let": {
        "vars": { "untils": "$queue.until", "sinces": "$queue.since" },
        "in": { "$cond": [stay, "$queue", cut] },
    } }
}

/// Those of these queue entries for which `cond` holds.
pub(super) fn entries(queue: impl Into<Bson>, cond: impl Into<Bson>) -> Document {
    doc! { "$filter": { "input": queue.into(), "cond": cond.into() } }
}

/// Whether the id is revoked.
pub(super) fn is_revoked(lease: impl Into<Bson>) -> Document {
    doc! { "$and": [
        { "$isArray": "$revoked" },
        { "$in": [lease.into(), "$revoked.lease"] },
    ] }
}

/// `revoked`, without the entries that are over.
pub(super) fn revoked(now: &Bson) -> Document {
    let filtered = doc! { "$filter": { "input": "$revoked", "cond": lasts(now) } };
    doc! { "$cond": [{ "$isArray": "$revoked" }, filtered, "$revoked"] }
}

/// `revoked`, with an entry for the lease.
pub(super) fn revoked_with(lease: impl Into<Bson>, now: &Bson) -> Document {
    let lease = lease.into();
    let until = doc! { "$add": [now, millis(REVOCATION_TTL)] };
    let others = doc! { "$filter": {
        "input": array("revoked"),
        "cond": { "$and": [
            { "$eq": [{ "$type": "$$this" }, "object"] },
            lasts(now),
            { "$ne": ["$$this.lease", lease.clone()] },
        ] },
    } };
    let others = doc! { "$map": {
        "input": others,
        "in": { "$mergeObjects": [
            "$$this",
            { "until": { "$min": ["$$this.until", until.clone()] } },
        ] },
    } };
    let entry = doc! { "lease": lease, "until": until };
    doc! { "$concatArrays": [others, [entry]] }
}

/// Whether the revocation `$$this` is not over; one without an end is not.
fn lasts(now: &Bson) -> Document {
    doc! { "$or": [
        { "$gt": ["$$this.until", now] },
        { "$ne": [{ "$type": "$$this.until" }, "date"] },
    ] }
}

/// The next fencing token.
pub(super) fn token(now: &Bson) -> Document {
    // A missing token makes the sum null, which `$max` ignores.
    doc! { "$max": [{ "$add": ["$token", 1_i64] }, { "$toLong": now }] }
}

/// Whether a lease of this mode, with so many permits, is compatible with these others: all are of
/// its mode, and either they are shared, or they are fewer than the permits of every one of them.
///
/// A lease of an unknown mode is compatible with none.
pub(super) fn compatible(mode: &Bson, permits: &Bson, others: &Bson) -> Document {
    let alike = doc! { "$let": {
        "vars": { "others": others },
        "in": { "$and": [
            { "$setIsSubset": ["$$others.mode", [mode]] },
            // None is without a mode.
            { "$eq": [{ "$size": "$$others.mode" }, { "$size": "$$others" }] },
        ] },
    } };
    // A value that is no number counts as one permit.
    let theirs = doc! { "$cond": [
        { "$lt": ["$$this.permits", ""] },
        { "$ifNull": ["$$this.permits", 1] },
        1,
    ] };
    let allowed = doc! { "$min": { "$concatArrays": [
        [permits],
        { "$map": { "input": others, "in": theirs } },
    ] } };
    doc! { "$and": [
        alike,
        { "$or": [
            { "$eq": [mode, "shared"] },
            { "$lt": [{ "$size": others }, allowed] },
        ] },
    ] }
}

/// The new value of `turn` when there is room for the first in the queue and `cond` holds; else the
/// present value.
///
/// The first waiter in the queue is woken when its lease would be granted; if that is a reader, so are all
/// readers up to the first writer. The value names these waiters, and the `command` that has made room
/// for them: the client that sent the command learns from the reply that it is to wake them.
pub(super) fn turn(
    holders: &str,
    queue: &str,
    cond: impl Into<Bson>,
    command: impl Into<Bson>,
) -> Document {
    let is_reader = doc! { "$eq": ["$$first.mode", "shared"] };
    let fits = compatible(
        &"$$first.mode".into(),
        &doc! { "$ifNull": ["$$first.permits", 1] }.into(),
        &holders.into(),
    );
    let modes = doc! { "$map": { "input": queue, "in": { "$eq": ["$$this.mode", "shared"] } } };
    let readers = doc! { "$let": {
        "vars": { "writer": { "$indexOfArray": [modes, false] } },
        "in": { "$cond": [
            { "$lt": ["$$writer", 0] },
            queue,
            { "$slice": [queue, { "$max": ["$$writer", 1] }] },
        ] },
    } };
    let woken = doc! { "$cond": [is_reader, readers, ["$$first"]] };
    doc! { "$let": {
        "vars": { "first": { "$arrayElemAt": [queue, 0] } },
        "in": { "$cond": [
            { "$and": [
                { "$gt": [{ "$size": queue }, 0] },
                cond.into(),
                fits,
            ] },
            {
                "command": command.into(),
                "waiters": { "$map": { "input": woken, "in": "$$this.id" } },
            },
            "$turn",
        ] },
    } }
}
