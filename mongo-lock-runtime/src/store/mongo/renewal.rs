//! Renewing many leases with one command.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use mongodb::bson::{Bson, Document, doc};

use super::{
    super::{LeaseId, Renewal},
    pipeline::{RETENTION_MS, holders, millis},
};

/// How many leases share one statement. Each document's holders are looked up in the list of the
/// statement's leases, one by one, so a long list costs the square of its length.
const SHARED: usize = 100;

/// The update statements that renew `leases`: as few as possible, given that all in one have the
/// same ttl, and no two the same name, so that each changed document is one lease renewed. A document
/// on which a statement fails keeps it from the rest of its documents, so leases that were left behind
/// once get one each.
pub(super) fn statements(leases: &[Renewal], now: &Bson) -> Vec<Document> {
    let mut seen = HashMap::<&str, usize>::new();
    let mut groups = BTreeMap::<(Duration, usize), Vec<&Renewal>>::new();
    let (alone, together): (Vec<_>, Vec<_>) = leases.iter().partition(|renewal| renewal.alone);
    for renewal in together {
        let same_name = seen.entry(renewal.name.as_str()).or_default();
        let group = groups.entry((renewal.ttl, *same_name)).or_default();
        group.push(renewal);
        *same_name += 1;
    }
    let together = groups.iter().flat_map(|((ttl, _), group)| {
        let chunks = group.chunks(SHARED);
        chunks.map(|chunk| statement(chunk, *ttl, now))
    });
    let alone = alone.iter().map(|one| statement(&[*one], one.ttl, now));
    together.chain(alone).collect()
}

fn statement(chunk: &[&Renewal], ttl: Duration, now: &Bson) -> Document {
    let names: Vec<_> = chunk.iter().map(|renewal| renewal.name.as_str()).collect();
    let ids: Vec<_> = chunk.iter().map(|renewal| renewal.lease.0).collect();
    let ttl_ms = millis(ttl);
    let ours = doc! { "$and": [
        { "$in": ["$$this.lease", ids.clone()] },
        live_holder(now),
    ] };
    let longer = doc! { "$max": ["$$this.expires_at", { "$add": [now, ttl_ms] }] };
    let renewed = doc! {
        "holders": { "$map": {
            "input": "$holders",
            "in": { "$cond": [
                ours.clone(),
                { "$mergeObjects": ["$$this", { "expires_at": longer }] },
                "$$this",
            ] },
        } },
        "purge_at": { "$max": ["$purge_at", { "$add": [now, ttl_ms + RETENTION_MS] }] },
    };
    let any = doc! { "$anyElementTrue": [{ "$map": { "input": holders(), "in": ours } }] };
    doc! {
        "q": { "_id": { "$in": names }, "holders.lease": { "$in": ids } },
        "u": [{ "$replaceWith": { "$cond": [
            any,
            { "$mergeObjects": ["$$ROOT", renewed] },
            "$$ROOT",
        ] } }],
        "multi": true,
    }
}

/// An aggregation that gives the live leases of these names, and how long each has left.
pub(super) fn live(leases: &[Renewal], now: &Bson) -> Vec<Document> {
    let names: Vec<_> = leases.iter().map(|renewal| renewal.name.as_str()).collect();
    let live = doc! { "$filter": { "input": holders(), "cond": live_holder(now) } };
    vec![
        doc! { "$match": { "_id": { "$in": names } } },
        doc! { "$project": { "_id": 0, "live": { "$map": {
            "input": live,
            "in": {
                "lease": "$$this.lease",
                "left_ms": { "$subtract": ["$$this.expires_at", now] },
            },
        } } } },
    ]
}

/// Adds what a document of [`live`] has.
pub(super) fn read(document: &Document, left: &mut HashMap<LeaseId, Duration>) {
    let leases = document.get_array("live").into_iter().flatten();
    left.extend(leases.filter_map(|lease| {
        let lease = lease.as_document()?;
        let Bson::Binary(id) = lease.get("lease")? else {
            return None;
        };
        let left_ms = lease.get_i64("left_ms").ok()?;
        let left = Duration::from_millis(u64::try_from(left_ms).ok()?);
        Some((LeaseId(id.to_uuid().ok()?), left))
    }));
}

fn live_holder(now: &Bson) -> Document {
    doc! { "$and": [
        { "$eq": [{ "$type": "$$this.expires_at" }, "date"] },
        { "$gt": ["$$this.expires_at", now] },
    ] }
}
