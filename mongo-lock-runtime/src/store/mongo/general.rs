//! The update pipeline for everything but a plain lock: readers, permits, a queue, a hand-over.

use mongodb::bson::{Binary, Bson, Document, RawBson, RawDocumentBuf, Uuid, doc, rawdoc};

use super::{
    super::protocol::{AcquireRequest, QUEUE_ENTRY_FRESH, QUEUE_ENTRY_TTL, ReleaseRequest},
    expression::{
        PROTOCOL, RETENTION_MS, compatible, entries, held_without, holders, is_lock_document,
        is_revoked, millis, queue, revoked, revoked_with, token, turn,
    },
};

/// The stage for a request of any kind: to share the lock, to have one of several permits, to wait in
/// the queue, to release another lease in this step. What differs between requests are the
/// variables; all else is [`decision`], encoded once.
pub(super) fn update(
    request: &AcquireRequest,
    release: Option<&ReleaseRequest>,
    command: Uuid,
    decision: &RawDocumentBuf,
) -> RawDocumentBuf {
    let optional = |time: Option<i64>| time.map_or(RawBson::Null, RawBson::Int64);
    let (ticket, waited) = match &request.ticket {
        Some(ticket) => (
            RawBson::String(ticket.queue_id.to_string()),
            millis(ticket.waited),
        ),
        None => (RawBson::Null, 0),
    };
    let released = release.map_or(RawBson::String(String::new()), |release| {
        RawBson::Binary(Binary::from_uuid(release.lease.0))
    });
    let min_hold = release.and_then(|release| release.min_hold).map(millis);
    rawdoc! { "$replaceWith": { "$let": {
        "vars": {
            "request": literal(request),
            "command": Binary::from_uuid(command),
            "ticket": { "$literal": ticket },
            "waited": waited,
            "released": released,
            "min_hold": optional(min_hold),
            "revoke": release.is_some_and(|release| release.revoke),
        },
        "in": decision.clone(),
    } } }
}

/// `$$request`: the lease, but for what the server adds.
fn literal(request: &AcquireRequest) -> RawDocumentBuf {
    // An owner label may start with a `$`, which must not become a field path.
    rawdoc! { "$literal": {
        "lease": Binary::from_uuid(request.lease.0),
        "attempt": i64::from(request.attempt),
        "owner": &*request.owner,
        "mode": request.mode.as_str(),
        "permits": i64::from(request.permits),
        "ttl_ms": millis(request.ttl),
    } }
}

/// The new document, given `$$request` and the other variables of [`update`].
///
/// * `held`: the leases that are live once `$$released` is not.
/// * `queue`: the entries of all other clients that were refreshed lately. `ahead`: those that have
///   waited longer than this request.
/// * The lease is granted when it is compatible with the leases that are held, and would be even if
///   every waiter ahead had its lease: so no waiter is overtaken, and readers that are next to each
///   other go together. A lease is never granted, and never queued, once its id is revoked.
/// * Permits: after a grant, no more leases are live than any of them allows. So the strictest decides
///   when instances disagree.
pub(super) fn decision(now: &Bson) -> RawDocumentBuf {
    let variables = [
        doc! { "revoked": { "$or": [
            is_revoked("$$request.lease"),
            { "$and": ["$$revoke", { "$eq": ["$$request.lease", "$$released"] }] },
        ] } },
        doc! {
            "queue_id": { "$cond": ["$$revoked", Bson::Null, "$$ticket"] },
            "present": queue(now),
        },
        who_is_there(now),
        doc! { "since": { "$ifNull": [
            { "$arrayElemAt": ["$$entry.since", 0] },
            { "$subtract": [now, "$$waited"] },
        ] } },
        doc! {
            "ahead": compared("$lt"),
            "behind": compared("$gt"),
            "our_entry": our_entry(now),
        },
        doc! {
            "ours": { "$in": ["$$request.lease", "$$held.lease"] },
            "fits": { "$let": {
                "vars": { "others": { "$concatArrays": ["$$held", "$$ahead"] } },
                "in": compatible(
                    &"$$request.mode".into(),
                    &"$$request.permits".into(),
                    &"$$others".into(),
                ),
            } },
            "token": token(now),
        },
        doc! { "granted": { "$and": [
            "$$fits",
            { "$not": ["$$ours"] },
            { "$not": ["$$revoked"] },
        ] } },
        doc! { "waits": { "$not": [{ "$or": [
            "$$granted",
            "$$ours",
            { "$eq": ["$$queue_id", Bson::Null] },
        ] }] } },
        what_follows(now),
    ];
    let nested = variables.into_iter().rev();
    let decided = nested.fold(
        result(now),
        |inner, vars| doc! { "$let": { "vars": vars, "in": inner } },
    );
    let decision = doc! { "$cond": [is_lock_document(), decided, "$$ROOT"] };
    RawDocumentBuf::try_from(&decision).expect("it has no key with a NUL byte")
}

/// `$$held`, the leases that are live once `$$released` is not; `$$queue`, the entries of all other
/// clients; `$$entry`, that of this very request, if there is one. The entry of another caller of this
/// client does not count, and neither does that of a lease that is revoked.
fn who_is_there(now: &Bson) -> Document {
    let is_ours = doc! { "$eq": ["$$this.id", "$$queue_id"] };
    let is_revoked = doc! { "$and": [
        "$$revoke",
        { "$eq": ["$$this.lease", "$$released"] },
    ] };
    let others = doc! { "$not": [{ "$or": [is_ours.clone(), is_revoked.clone()] }] };
    let entry = doc! { "$and": [
        is_ours,
        { "$eq": ["$$this.lease", "$$request.lease"] },
        { "$not": [is_revoked] },
    ] };
    doc! {
        "held": held_without(&"$$released".into(), &"$$min_hold".into(), now),
        "queue": entries("$$present", others),
        "entry": entries("$$present", entry),
    }
}

/// The other entries, compared with this request. Of two that came in one millisecond, the ids decide,
/// lest each lets the other go first for ever. A request without an entry is behind all of them.
fn compared(operator: &str) -> Document {
    let ours = doc! { "$ifNull": ["$$queue_id", Bson::MaxKey] };
    let cond = doc! { operator: [["$$this.since", "$$this.id"], ["$$since", ours]] };
    doc! { "$filter": { "input": "$$queue", "cond": cond } }
}

fn our_entry(now: &Bson) -> Document {
    let fresh = doc! {
        "id": "$$queue_id",
        "lease": "$$request.lease",
        "owner": "$$request.owner",
        "mode": "$$request.mode",
        "permits": "$$request.permits",
        "since": "$$since",
        "seen_at": now,
        "until": { "$add": [now, millis(QUEUE_ENTRY_TTL)] },
    };
    let seen_at = doc! { "$arrayElemAt": ["$$entry.seen_at", 0] };
    let oldest = doc! { "$subtract": [now, millis(QUEUE_ENTRY_FRESH)] };
    doc! { "$cond": [
        { "$and": [
            { "$gt": [seen_at.clone(), oldest] },
            { "$lte": [seen_at, now] },
        ] },
        { "$arrayElemAt": ["$$entry", 0] },
        fresh,
    ] }
}

/// `$$holders` and `$$next_queue`, as they will be.
fn what_follows(now: &Bson) -> Document {
    let lease = doc! { "$mergeObjects": ["$$request", {
        "token": "$$token",
        "acquired_at": now,
        "expires_at": { "$add": [now, "$$request.ttl_ms"] },
    }] };
    doc! {
        "holders": { "$cond": [
            "$$granted",
            { "$concatArrays": ["$$held", [lease]] },
            "$$held",
        ] },
        "next_queue": { "$cond": [
            "$$waits",
            { "$concatArrays": ["$$ahead", ["$$our_entry"], "$$behind"] },
            "$$queue",
        ] },
    }
}

fn result(now: &Bson) -> Document {
    let last_needed = doc! { "$cond": [
        "$$granted",
        { "$add": [now, "$$request.ttl_ms"] },
        { "$cond": ["$$waits", "$$our_entry.until", Bson::Null] },
    ] };
    let revocation_needed = doc! { "$cond": ["$$revoke", now, Bson::Null] };
    doc! { "$mergeObjects": ["$$ROOT", {
        "protocol": PROTOCOL,
        "holders": "$$holders",
        "queue": "$$next_queue",
        "token": { "$cond": [
            "$$granted",
            "$$token",
            { "$cond": ["$$revoke", { "$ifNull": ["$token", 0_i64] }, "$token"] },
        ] },
        "purge_at": { "$max": [
            "$purge_at",
            { "$add": [last_needed, RETENTION_MS] },
            { "$add": [revocation_needed, RETENTION_MS] },
        ] },
        "turn": turn("$$holders", "$$next_queue", is_news(), "$$command"),
        "revoked": { "$cond": [
            "$$revoke",
            revoked_with("$$released", now),
            { "$cond": ["$$granted", revoked(now), "$revoked"] },
        ] },
        "freed": { "$cond": [
            { "$eq": ["$$released", ""] },
            "$freed",
            { "$in": ["$$released", { "$ifNull": ["$holders.lease", []] }] },
        ] },
    }] }
}

/// Whether the first waiter may be another one than before this step. A client is not woken by its own
/// request, since the reply says all. Nor is a waiter that was woken already: a client that releases a
/// lock and asks again at once, before the next waiter has come, would wake that waiter twice.
fn is_news() -> Document {
    let first = doc! { "$arrayElemAt": ["$$next_queue.id", 0] };
    let was_first = doc! { "$cond": [{ "$isArray": "$queue" }, "$queue.id", []] };
    doc! { "$and": [
        { "$or": [
            "$$granted",
            { "$ne": ["$$released", ""] },
            { "$ne": [{ "$size": holders() }, { "$size": "$$held" }] },
            { "$ne": [{ "$arrayElemAt": [was_first, 0] }, first.clone()] },
        ] },
        { "$ne": [first, "$$queue_id"] },
    ] }
}
