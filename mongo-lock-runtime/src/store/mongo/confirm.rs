//! Confirming many places in queues with one command, and a look at all of them with another.

use std::collections::BTreeMap;

use mongodb::bson::{Bson, Document, doc};

use super::expression::{RETENTION_MS, compatible, is_of_this_protocol, live, millis};
use crate::store::protocol::{Confirmation, NEAR, QUEUE_ENTRY_TTL};

/// The update statements that keep these entries for longer: one for each client.
pub(super) fn statements(places: &[Confirmation], now: &Bson) -> Vec<Document> {
    let mut clients = BTreeMap::<&str, Vec<&str>>::new();
    for place in places {
        let names = clients.entry(&place.queue_id).or_default();
        names.push(place.name.as_str());
    }
    let clients = clients.into_iter();
    clients
        .map(|(id, names)| statement(id, &names, now))
        .collect()
}

fn statement(queue_id: &str, names: &[&str], now: &Bson) -> Document {
    doc! {
        "q": query(queue_id, doc! { "$in": names }),
        "u": [update(queue_id, now)],
        "multi": true,
    }
}

/// The locks of these names in whose queue the client has an entry.
pub(super) fn query(queue_id: &str, names: impl Into<Bson>) -> Document {
    doc! {
        "_id": names.into(),
        "queue.id": queue_id,
        "queue": { "$type": "array" },
        "holders": { "$type": "array" },
        "protocol": is_of_this_protocol(),
    }
}

/// Keeps the client's entry for longer, unless that is over.
pub(super) fn update(queue_id: &str, now: &Bson) -> Document {
    let ours = doc! { "$and": [
        { "$eq": ["$$this.id", queue_id] },
        { "$gt": ["$$this.until", now] },
    ] };
    let kept = doc! { "$add": [now, millis(QUEUE_ENTRY_TTL)] };
    let confirmed = doc! { "$mergeObjects": ["$$this", { "seen_at": now, "until": kept }] };
    // Half of the time that the document outlives its last lease: a later `purge_at` each time would be
    // a write to the index each time.
    let needed = doc! { "$add": [now, RETENTION_MS / 2] };
    doc! { "$set": {
        "queue": { "$map": { "input": "$queue", "in": { "$cond": [ours, confirmed, "$$this"] } } },
        "purge_at": { "$max": ["$purge_at", needed] },
    } }
}

/// An aggregation that gives what [`found`] does for each lock.
pub(super) fn look(places: &[Confirmation], now: &Bson) -> Vec<Document> {
    let mut names: Vec<_> = places.iter().map(|place| place.name.as_str()).collect();
    let mut ids: Vec<_> = places.iter().map(|place| &*place.queue_id).collect();
    names.sort_unstable();
    names.dedup();
    ids.sort_unstable();
    ids.dedup();
    vec![
        doc! { "$match": {
            "_id": { "$in": names },
            "queue": { "$type": "array" },
            "holders": { "$type": "array" },
            "protocol": is_of_this_protocol(),
        } },
        doc! { "$replaceWith": found(&ids, now) },
    ]
}

/// Whether there is room for the first in the queue, the times at which there may be, and of holders and
/// queue as much as the clients with these ids need to know.
pub(super) fn found(ids: &[&str], now: &Bson) -> Document {
    let near = i32::try_from(NEAR).unwrap_or(i32::MAX);
    let waiting = doc! { "$filter": {
        "input": "$queue",
        "cond": { "$gt": ["$$this.until", now] },
    } };
    let first = |field: &str| doc! { "$arrayElemAt": [format!("$$queue.{field}"), 0] };
    let room = compatible(
        &first("mode").into(),
        &doc! { "$ifNull": [first("permits"), 1] }.into(),
        &"$$held".into(),
    );
    let (soonest, latest) = (
        doc! { "$min": "$$held.expires_at" },
        doc! { "$max": "$$held.expires_at" },
    );
    let ends = doc! { "$filter": {
        "input": "$$held",
        "cond": { "$in": ["$$this.expires_at", ["$$soonest", "$$latest"]] },
    } };
    let ours = doc! { "$filter": {
        "input": "$$queue",
        "cond": { "$in": ["$$this.id", ids] },
    } };
    doc! { "$let": {
        "vars": { "held": live(now), "queue": waiting },
        "in": { "$let": {
            "vars": { "soonest": soonest, "latest": latest },
            "in": {
                "_id": "$_id",
                "protocol": "$protocol",
                "token": "$token",
                // The one that ends first, and the one that ends last.
                "holders": { "$slice": [ends, 2] },
                "queue": { "$concatArrays": [{ "$slice": ["$$queue", 1] }, ours] },
                "near": { "$slice": ["$$queue.id", near] },
                "room": room,
                "now": now,
                "ends_at": "$$soonest",
                "next_at": { "$min": { "$slice": ["$$queue.until", near] } },
                "front_until": { "$max": { "$slice": ["$$queue.until", near] } },
            },
        } },
    } }
}
