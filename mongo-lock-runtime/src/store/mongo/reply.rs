//! The fields of a lock document that a reply to an acquisition carries: what its reader needs, and not the
//! entries of a hundred other waiters.

use mongodb::bson::{Bson, Document, RawDocumentBuf, doc};

use crate::store::protocol::{AcquireRequest, NEAR};

/// As many holders are in a reply without a choice.
const FEW: i32 = 4;

/// For a request of any kind.
///
/// * Of many holders, ours, those that end first and last, and one with other permits.
/// * Of a long queue, the front, and our own entry; `ahead` is the number of entries ahead of that.
/// * Of the revocations, ours.
pub(super) fn general(request: &AcquireRequest) -> RawDocumentBuf {
    let lease = Bson::from(request.lease.0);
    let id = request.ticket.as_ref();
    let id = id.map_or(Bson::Null, |ticket| (&*ticket.queue_id).into());
    let near = i32::try_from(NEAR).unwrap_or(i32::MAX);
    // Looked up by index, since a condition would be computed anew for each element.
    let at_end = |operator: &str| {
        let at = doc! { "$indexOfArray": ["$$ends", { operator: "$$ends" }] };
        doc! { "$slice": ["$holders", at, 1] }
    };
    let others = doc! { "$and": [
        { "$eq": ["$$this.mode", "exclusive"] },
        { "$ne": ["$$this.permits", i64::from(request.permits)] },
    ] };
    let others = doc! { "$cond": [
        { "$in": ["exclusive", "$holders.mode"] },
        first_of(others),
        [],
    ] };
    let chosen = doc! { "$concatArrays": [
        first_with("lease", lease.clone()),
        at_end("$min"),
        at_end("$max"),
        others,
    ] };
    let chosen = doc! { "$let": { "vars": { "ends": "$holders.expires_at" }, "in": chosen } };
    let few = doc! { "$lte": [{ "$size": "$holders" }, FEW] };
    let behind = doc! { "$filter": {
        "input": { "$slice": ["$queue", near, i32::MAX] },
        "cond": { "$eq": ["$$this.id", id.clone()] },
    } };
    let queue = doc! { "$cond": [
        { "$lte": [{ "$size": "$queue" }, near] },
        "$queue",
        { "$concatArrays": [{ "$slice": ["$queue", near] }, behind] },
    ] };
    let revoked = doc! { "$filter": {
        "input": "$revoked",
        "cond": { "$eq": ["$$this.lease", lease] },
    } };
    let fields = doc! {
        "_id": 0,
        "protocol": 1,
        "token": 1,
        "turn": 1,
        "freed": 1,
        "holders": if_array("holders", doc! { "$cond": [few, "$holders", chosen] }),
        "queue": if_array("queue", queue),
        "ahead": if_array("queue", doc! { "$indexOfArray": ["$queue.id", id] }),
        "revoked": if_array("revoked", revoked),
    };
    RawDocumentBuf::try_from(&fields).expect("it has no key with a NUL byte")
}

/// The first holder whose field has this value, in an array. Looked up by index, unless the field is missing
/// in one, since a path passes over that.
fn first_with(field: &str, value: Bson) -> Document {
    let values = format!("$holders.{field}");
    let by_index = doc! { "$let": {
        "vars": { "at": { "$indexOfArray": [&values, value.clone()] } },
        "in": { "$cond": [
            { "$lt": ["$$at", 0] },
            [],
            { "$slice": ["$holders", "$$at", 1] },
        ] },
    } };
    let this = format!("$$this.{field}");
    doc! { "$cond": [
        { "$eq": [{ "$size": &values }, { "$size": "$holders" }] },
        by_index,
        first_of(doc! { "$eq": [this, value] }),
    ] }
}

/// The first holder for which `cond` holds, in an array.
fn first_of(cond: Document) -> Document {
    doc! { "$slice": [{ "$filter": { "input": "$holders", "cond": cond } }, 1] }
}

/// The expression, or the field as an operator has left it.
fn if_array(field: &str, then: Document) -> Document {
    let field = format!("${field}");
    doc! { "$cond": [{ "$isArray": &field }, then, &field] }
}
