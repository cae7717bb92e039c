//! Renewing many leases with one command.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use mongodb::bson::{Bson, Document, doc};
use tokio::time::Instant;

use super::{
    super::protocol::{LeaseId, Renewal, Renewed},
    expression::{RETENTION_MS, has_ttl, holders, is_of_this_protocol, locks, millis},
};

/// The number of leases that share one statement. Each document's holders are looked up in the list of the
/// statement's leases, one by one, so a long list costs the square of its length.
const SHARED: usize = 100;

/// The update statements that renew `leases`: as few as possible, given that all in one have the
/// ttl in common, and no two a name, so that each changed document is one lease renewed. A document
/// on which a statement fails keeps the statement from the rest of its documents, so leases that were
/// left behind once get one each.
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

/// As [`statements`], with a statement for each lease, which changes one document: behind a router.
pub(super) fn one_by_one(leases: &[Renewal], now: &Bson) -> Vec<Document> {
    let leases = leases.iter();
    let statements = leases.map(|renewal| {
        let statement = statement(&[renewal], renewal.ttl, now);
        let query = locks(doc! {
            "_id": renewal.name.as_str(),
            "holders.lease": renewal.lease.0,
        });
        doc! { "q": query, "u": statement.get("u") }
    });
    statements.collect()
}

fn statement(chunk: &[&Renewal], ttl: Duration, now: &Bson) -> Document {
    let names: Vec<_> = chunk.iter().map(|renewal| renewal.name.as_str()).collect();
    let ids: Vec<_> = chunk.iter().map(|renewal| renewal.lease.0).collect();
    let ttl_ms = millis(ttl);
    let ours = doc! { "$and": [
        { "$in": ["$$this.lease", ids.clone()] },
        live_holder(now),
    ] };
    let renewed = doc! {
        "holders": { "$map": {
            "input": "$holders",
            "in": { "$cond": [
                ours.clone(),
                { "$mergeObjects": ["$$this", prolonged(ttl_ms, now)] },
                "$$this",
            ] },
        } },
        "purge_at": { "$max": ["$purge_at", { "$add": [now, ttl_ms + RETENTION_MS] }] },
    };
    let any = doc! { "$anyElementTrue": [{ "$map": { "input": holders(), "in": ours } }] };
    doc! {
        "q": {
            "_id": { "$in": names },
            "holders.lease": { "$in": ids },
            "protocol": is_of_this_protocol(),
        },
        "u": [{ "$replaceWith": { "$cond": [
            any,
            { "$mergeObjects": ["$$ROOT", renewed] },
            "$$ROOT",
        ] } }],
        "multi": true,
    }
}

/// What changes in the holder `$$this`, which is to end `ttl_ms` from now, or at its present end, whichever is
/// later.
pub(super) fn prolonged(ttl_ms: i64, now: &Bson) -> Document {
    let end = doc! { "$max": ["$$this.expires_at", { "$add": [now, ttl_ms] }] };
    // An extension raises the holder's ttl, which no lease claims to last longer than.
    let longest = doc! { "$max": ["$$this.ttl_ms", ttl_ms] };
    doc! { "$cond": [
        has_ttl(),
        {
            "ttl_ms": longest.clone(),
            "expires_at": { "$min": [end.clone(), { "$add": [now, longest] }] },
        },
        { "expires_at": end },
    ] }
}

/// An aggregation that gives the live leases of these names, in documents that match the query, and the
/// remaining time of each.
pub(super) fn live(leases: &[Renewal], mut query: Document, now: &Bson) -> Vec<Document> {
    let names: Vec<_> = leases.iter().map(|renewal| renewal.name.as_str()).collect();
    query.insert("_id", doc! { "$in": names });
    query.insert("protocol", is_of_this_protocol());
    let live = doc! { "$filter": { "input": holders(), "cond": live_holder(now) } };
    vec![
        doc! { "$match": query },
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
pub(super) fn read(document: &Document, left: &mut BTreeMap<LeaseId, Duration>) {
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

/// The result of the renewals that were `sent` at one instant, given the time that the live leases
/// had left when the server was `asked`.
pub(super) fn result(
    leases: &[Renewal],
    live: &BTreeMap<LeaseId, Duration>,
    sent: Instant,
    asked: Instant,
) -> Renewed {
    let mut renewed = Renewed::default();
    for renewal in leases {
        let Some(left) = live.get(&renewal.lease).copied() else {
            renewed.gone.insert(renewal.lease);
            continue;
        };
        // However far the server's clock is set back, no more is relied on than was asked for.
        let capped = left.min(renewal.ttl);
        let entry = renewed.left.entry(renewal.lease).or_insert((asked, capped));
        entry.1 = entry.1.max(capped);
        // A lease that has just been renewed has lost no more than the time on the way, while one that
        // was not has lost at least a sixth of its ttl. Both of the server's times are cut to
        // milliseconds.
        let on_the_way = (renewal.ttl / 10).max(Duration::from_millis(1));
        if left + asked.duration_since(sent) + on_the_way < renewal.ttl {
            renewed.behind.insert(renewal.lease);
        }
    }
    renewed
}

pub(super) fn live_holder(now: &Bson) -> Document {
    doc! { "$and": [
        { "$eq": [{ "$type": "$$this.expires_at" }, "date"] },
        { "$gt": ["$$this.expires_at", now] },
    ] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::LockName;

    #[test]
    fn no_more_is_relied_on_than_was_asked_for() {
        let name = LockName::new("a").unwrap();
        let renewal = |id, ttl| Renewal {
            name: name.clone(),
            lease: LeaseId::from_u128(id),
            ttl: Duration::from_secs(ttl),
            alone: false,
        };
        let leases = [
            renewal(1, 30),
            renewal(2, 30),
            renewal(3, 30),
            renewal(3, 60),
        ];
        let left = [(1, 3600), (2, 7), (3, 3600)];
        let live = left.map(|(id, left)| (LeaseId::from_u128(id), Duration::from_secs(left)));
        let now = Instant::now();
        let renewed = result(&leases, &live.into(), now, now);
        let capped = [(1, 30), (2, 7), (3, 60)];
        let capped = capped.map(|(id, left)| {
            let left = Duration::from_secs(left);
            (LeaseId::from_u128(id), (now, left))
        });
        assert_eq!(renewed.left, capped.into());
        assert_eq!(renewed.behind, [LeaseId::from_u128(2)].into());
        assert!(renewed.gone.is_empty());
    }
}
