//! The update pipeline for a plain lock: one exclusive lease, and no waiting.

use mongodb::bson::{Binary, Bson, Document, RawBson, RawDocumentBuf, doc, rawdoc};

use super::{
    super::protocol::AcquireRequest,
    expression::{PROTOCOL, RETENTION_MS, millis},
};

/// The pipeline of a plain acquisition, without the request: that is `$$lease`.
#[derive(Debug, Clone)]
pub(super) struct Plain {
    now: RawBson,
    decision: RawDocumentBuf,
}

impl Plain {
    pub(super) fn new(now: &Bson) -> Self {
        let encodable = "it has no key with a NUL byte";
        Self {
            now: now.clone().try_into().expect(encodable),
            decision: RawDocumentBuf::try_from(&decision(now)).expect(encodable),
        }
    }

    /// The stage that grants the lease where the lock is plainly free, leaves the document exactly as it is
    /// where one live lease plainly holds the lock, and fails, without an effect, in all other cases: these
    /// are for the longer pipeline (`general`) to decide.
    ///
    /// A no-op update is what makes a refusal cheap: nothing is written to the collection, the journal
    /// or the oplog. The server's time goes into reading the pipeline, so it says what the two common cases
    /// need, and no more.
    pub(super) fn update(&self, request: &AcquireRequest) -> RawDocumentBuf {
        let (now, ttl) = (&self.now, millis(request.ttl));
        let lease = rawdoc! {
            "lease": Binary::from_uuid(request.lease.0),
            "attempt": i64::from(request.attempt),
            // An owner label may start with a `$`, which must not become a field path.
            "owner": { "$literal": &*request.owner },
            "mode": request.mode.as_str(),
            "permits": i64::from(request.permits),
            "ttl_ms": ttl,
            // A missing token makes the sum null, which `$max` ignores.
            "token": { "$max": [{ "$add": ["$token", 1_i64] }, { "$toLong": now.clone() }] },
            "acquired_at": now.clone(),
            "expires_at": { "$add": [now.clone(), ttl] },
        };
        rawdoc! { "$replaceWith": { "$let": {
            "vars": { "lease": lease },
            "in": self.decision.clone(),
        } } }
    }
}

/// The new document, given `$$lease`.
///
/// A plain lease is compatible with no other, and behind every waiter: so there must be no live holder and
/// no queue. A document with revocations, and one that this version would not have written, is looked at
/// more closely by the longer pipeline; as is a lease that may claim more than its ttl, because the
/// clock was set back.
fn decision(now: &Bson) -> Document {
    // A lease whose end is no date counts as live: comparing it would silently be true or false.
    let live = doc! { "$filter": {
        "input": "$holders",
        "cond": { "$or": [
            { "$gt": ["$$this.expires_at", now] },
            { "$ne": [{ "$type": "$$this.expires_at" }, "date"] },
        ] },
    } };
    // A lease that claims too much; and what a reply must not carry whole, many leases or a long queue.
    let unclear = doc! { "$or": [
        { "$gt": [
            { "$max": "$holders.expires_at" },
            { "$add": [now, { "$max": "$holders.ttl_ms" }] },
        ] },
        { "$gt": [{ "$size": "$holders" }, 1] },
        { "$gt": ["$queue", []] },
    ] };
    let fresh = doc! { "$eq": ["$$ROOT", { "_id": "$_id" }] };
    let ours = doc! { "$and": [
        { "$isArray": "$holders" },
        { "$eq": [{ "$type": "$token" }, "long"] },
        { "$lt": ["$token", i64::MAX] },
        { "$eq": ["$protocol", PROTOCOL] },
        // Missing is less than any array, and an empty one than others.
        { "$lte": ["$queue", []] },
        { "$lte": ["$revoked", []] },
    ] };
    let granted = doc! { "$mergeObjects": ["$$ROOT", {
        "protocol": PROTOCOL,
        "holders": ["$$lease"],
        "token": "$$lease.token",
        "purge_at": { "$add": ["$$lease.expires_at", RETENTION_MS] },
    }] };
    // A document is no number.
    let undecided = doc! { "$toInt": "$$ROOT" };
    doc! { "$cond": [
        // Of a missing array, null comes out, which is less than any array.
        { "$gt": [live, []] },
        { "$cond": [unclear, undecided.clone(), "$$ROOT"] },
        { "$cond": [{ "$or": [fresh, ours] }, granted, undecided] },
    ] }
}
