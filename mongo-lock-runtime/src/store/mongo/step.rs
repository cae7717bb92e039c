//! The update pipeline for everything but a plain lock: readers, permits, a place in line, a
//! hand-over.

use mongodb::bson::{Binary, Bson, Document, RawBson, RawDocumentBuf, doc, rawdoc};

use super::{
    super::protocol::{AcquireRequest, QUEUE_ENTRY_FRESH, QUEUE_ENTRY_TTL, ReleaseRequest},
    pipeline::{RETENTION_MS, holders, is_lock_document, live, millis, shortened, text, token},
};

/// Everything that a request can ask for: to share the lock, to have one of several permits, to wait
/// in line, to release another lease in the same step.
pub(super) fn update(
    request: &AcquireRequest,
    release: Option<&ReleaseRequest>,
    decision: &RawDocumentBuf,
) -> RawDocumentBuf {
    let lease = Binary::from_uuid(request.lease.0);
    let optional = |time: Option<i64>| time.map_or(RawBson::Null, RawBson::Int64);
    let (line, waited) = match &request.ticket {
        Some(ticket) => (
            RawBson::String(ticket.line.to_string()),
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
            "request": { "$literal": {
                "lease": lease,
                "owner": &*request.owner,
                "mode": request.mode.as_str(),
                "permits": i64::from(request.permits),
                "ttl_ms": millis(request.ttl),
            } },
            "line": { "$literal": line },
            "waited": waited,
            "released": released,
            "min_hold": optional(min_hold),
        },
        "in": decision.clone(),
    } } }
}

/// What becomes of the document, given `$$request` and what else [`update`] defines.
///
/// * `held`: the leases that are live once `$$released` is not.
/// * `queue`: everybody else in line who was heard of lately. `ahead`: those who have waited longer.
/// * The lease is granted when it is compatible with those held, and would be even if all who are
///   ahead had theirs: so nobody is overtaken, and readers who are next to each other go together.
/// * Permits: after a grant, no more leases are live than any of them allows. So it is the strictest
///   who decides when instances disagree.
pub(super) fn decision(now: &Bson) -> RawDocumentBuf {
    let variables = [
        who_is_there(now),
        doc! { "since": { "$ifNull": [
            { "$arrayElemAt": ["$$place.since", 0] },
            { "$subtract": [now, "$$waited"] },
        ] } },
        doc! {
            "ahead": those("$lt"),
            "behind": those("$gt"),
            "our_place": our_place(now),
        },
        doc! {
            "ours": { "$in": ["$$request.lease", "$$held.lease"] },
            "fits": fits(),
            "token": token(now),
        },
        doc! { "granted": { "$and": ["$$fits", { "$not": ["$$ours"] }] } },
        doc! { "waits": { "$not": [{ "$or": [
            "$$granted",
            "$$ours",
            { "$eq": ["$$line", Bson::Null] },
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

/// `$$held`, the leases that are live once `$$released` is not; `$$queue`, everybody else in line;
/// `$$place`, that of this very caller. The place of another caller of our client counts for nothing.
fn who_is_there(now: &Bson) -> Document {
    let held = doc! { "$filter": {
        "input": shortened(&live(now), &"$$released".into(), &"$$min_hold".into()),
        "cond": { "$or": [
            { "$ne": ["$$this.lease", Bson::Null] },
            { "$gt": ["$$this.expires_at", now] },
        ] },
    } };
    let in_line = doc! { "$cond": [{ "$isArray": "$queue" }, "$queue", []] };
    let present = doc! { "$gt": ["$$this.until", now] };
    let is_ours = doc! { "$eq": ["$$this.id", "$$line"] };
    let others = doc! { "$filter": {
        "input": in_line.clone(),
        "cond": { "$and": [present.clone(), { "$not": [is_ours.clone()] }] },
    } };
    let place = doc! { "$filter": {
        "input": in_line,
        "cond": { "$and": [present, is_ours, { "$eq": ["$$this.lease", "$$request.lease"] }] },
    } };
    doc! { "held": held, "queue": others, "place": place }
}

/// Who is in line, compared with us. Of two who came in the same millisecond, the ids decide, lest each
/// lets the other go first for ever. Whoever has no place is behind all of them.
fn those(compared: &str) -> Document {
    let ours = doc! { "$ifNull": ["$$line", Bson::MaxKey] };
    let cond = doc! { compared: [["$$this.since", "$$this.id"], ["$$since", ours]] };
    doc! { "$filter": { "input": "$$queue", "cond": cond } }
}

/// Whether there is room for the request, if all who are ahead had their leases.
fn fits() -> Document {
    let any = |who: &str, mode: &str| doc! { "$in": [mode, format!("$${who}.mode")] };
    let allowed = doc! { "$min": { "$concatArrays": [
        ["$$request.permits"],
        { "$map": { "input": "$$held", "in": { "$ifNull": ["$$this.permits", 1] } } },
    ] } };
    let taken = doc! { "$add": [{ "$size": "$$held" }, { "$size": "$$ahead" }] };
    doc! { "$cond": [
        { "$eq": ["$$request.mode", "shared"] },
        { "$not": [{ "$or": [any("held", "exclusive"), any("ahead", "exclusive")] }] },
        { "$and": [{ "$not": [any("held", "shared")] }, { "$lt": [taken, allowed] }] },
    ] }
}

fn our_place(now: &Bson) -> Document {
    let fresh_place = doc! {
        "id": "$$line",
        "lease": "$$request.lease",
        "owner": "$$request.owner",
        "mode": "$$request.mode",
        "permits": "$$request.permits",
        "since": "$$since",
        "seen_at": now,
        "until": { "$add": [now, millis(QUEUE_ENTRY_TTL)] },
    };
    let confirmed = doc! { "$gt": [
        { "$arrayElemAt": ["$$place.seen_at", 0] },
        { "$subtract": [now, millis(QUEUE_ENTRY_FRESH)] },
    ] };
    doc! { "$cond": [
        confirmed,
        { "$arrayElemAt": ["$$place", 0] },
        fresh_place,
    ] }
}

/// `$$holders` and `$$line_up`, as they will be.
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
        "line_up": { "$cond": [
            "$$waits",
            { "$concatArrays": ["$$ahead", ["$$our_place"], "$$behind"] },
            "$$queue",
        ] },
    }
}

fn result(now: &Bson) -> Document {
    let last_needed = doc! { "$cond": [
        "$$granted",
        { "$add": [now, "$$request.ttl_ms"] },
        { "$cond": ["$$waits", "$$our_place.until", Bson::Null] },
    ] };
    doc! { "$mergeObjects": ["$$ROOT", {
        "holders": "$$holders",
        "queue": "$$line_up",
        "token": { "$cond": ["$$granted", "$$token", "$token"] },
        "purge_at": { "$max": ["$purge_at", { "$add": [last_needed, RETENTION_MS] }] },
        "turn": turn(now),
        "freed": { "$cond": [
            { "$eq": ["$$released", ""] },
            "$freed",
            { "$in": ["$$released", { "$ifNull": ["$holders.lease", []] }] },
        ] },
    }] }
}

/// Whose turn it is after a step: that of whoever is first in line, if there is room, and if that is a
/// reader, of all readers up to the first writer. Not our own: we know. Nor when it was somebody's before
/// the step: whoever releases a lock and asks again at once, before the next has come, would else wake
/// that one twice.
fn turn(now: &Bson) -> Document {
    let first = |field: &str| doc! { "$arrayElemAt": [format!("$$line_up.{field}"), 0] };
    let reader = doc! { "$eq": [first("mode"), "shared"] };
    let was_first = doc! { "$cond": [{ "$isArray": "$queue" }, "$queue.id", []] };
    let is_news = doc! { "$or": [
        "$$granted",
        { "$ne": ["$$released", ""] },
        { "$ne": [{ "$size": holders() }, { "$size": "$$held" }] },
        { "$ne": [{ "$arrayElemAt": [was_first, 0] }, first("id")] },
    ] };
    let room = doc! { "$and": [
        is_news,
        { "$ne": [first("id"), "$$line"] },
        { "$gt": [{ "$ifNull": [first("permits"), 0] }, { "$size": "$$holders" }] },
        { "$not": [{ "$and": [reader.clone(), { "$in": ["exclusive", "$$holders.mode"] }] }] },
    ] };
    let readers = doc! { "$let": {
        "vars": { "writer": { "$indexOfArray": ["$$line_up.mode", "exclusive"] } },
        "in": { "$cond": [
            { "$lt": ["$$writer", 0] },
            "$$line_up.id",
            { "$slice": ["$$line_up.id", { "$max": ["$$writer", 1] }] },
        ] },
    } };
    let next = doc! { "$cond": [reader, readers, [first("id")]] };
    let names = doc! { "$reduce": {
        "input": next,
        "initialValue": "",
        "in": { "$concat": ["$$value", text("$$this"), "@"] },
    } };
    doc! { "$cond": [
        room,
        { "$concat": [names, { "$toString": now }] },
        "$turn",
    ] }
}
