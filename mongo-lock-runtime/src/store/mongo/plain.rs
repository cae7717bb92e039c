//! The update pipeline for a plain lock: one exclusive lease, and no waiting.

use mongodb::bson::{Binary, Bson, RawDocumentBuf, doc, rawdoc};

use super::{
    super::protocol::AcquireRequest,
    expression::{
        PROTOCOL, RETENTION_MS, claims_too_much, cut, is_lock_document, is_revoked, live, millis,
        revoked, token,
    },
};

/// The stage that grants the lease if there is room, or leaves the document exactly as it is.
///
/// A no-op update is what makes a refusal cheap: nothing is written to the collection, the journal
/// or the oplog. What differs between requests is `$$request`; all else is [`decision`], encoded once.
pub(super) fn update(request: &AcquireRequest, decision: &RawDocumentBuf) -> RawDocumentBuf {
    rawdoc! { "$replaceWith": { "$let": {
        "vars": { "request": literal(request) },
        "in": decision.clone(),
    } } }
}

/// `$$request`: the lease, but for what the server adds.
pub(super) fn literal(request: &AcquireRequest) -> RawDocumentBuf {
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

/// The new document, given `$$request`.
///
/// The lease is granted when it is compatible with the leases that are held, and would be even if
/// every waiter ahead had its lease. A plain lease is compatible with no other, and behind every
/// waiter: so there must be no holder and no queue. A lease is never granted once its id is revoked.
pub(super) fn decision(now: &Bson) -> RawDocumentBuf {
    let expires_at = doc! { "$add": [now, "$$request.ttl_ms"] };
    let lease = doc! { "$mergeObjects": ["$$request", {
        "token": "$$token",
        "acquired_at": now,
        "expires_at": expires_at.clone(),
    }] };
    let granted = doc! { "$mergeObjects": ["$$ROOT", {
        "protocol": PROTOCOL,
        "holders": [lease],
        "token": "$$token",
        "purge_at": { "$add": [expires_at, RETENTION_MS] },
        "revoked": revoked(now),
    }] };
    let too_long = doc! { "$anyElementTrue": [
        { "$map": { "input": "$$live", "in": claims_too_much(now) } },
    ] };
    let refused = doc! { "$cond": [
        { "$and": [too_long, is_lock_document()] },
        { "$mergeObjects": ["$$ROOT", { "holders": cut("$holders", now) }] },
        "$$ROOT",
    ] };
    let decision = doc! { "$let": {
        "vars": { "live": live(now) },
        "in": { "$cond": [
            { "$and": [
                { "$eq": ["$$live", []] },
                // No queue: missing is less than any array, and an empty one than others.
                { "$lte": ["$queue", []] },
                is_lock_document(),
                { "$not": [is_revoked("$$request.lease")] },
            ] },
            { "$let": { "vars": { "token": token(now) }, "in": granted } },
            refused,
        ] },
    } };
    RawDocumentBuf::try_from(&decision).expect("it has no key with a NUL byte")
}
