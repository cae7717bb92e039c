//! The commands on the collection for wake-ups.

use mongodb::bson::{Document, doc};

use crate::store::protocol::{Wakeup, listener};

/// The size of the collection, in bytes: more than a thousand wake-ups. A new cursor reads all of them once.
const SIZE: i64 = 256 * 1024;

/// The name of the collection for the wake-ups of the locks in `locks`.
pub(in crate::store::mongo) fn collection(locks: &str) -> String {
    format!("{locks}_wakeups")
}

/// Creates the collection.
pub(in crate::store::mongo) fn create(collection: &str, limit_ms: i64) -> Document {
    doc! {
        "create": collection,
        "capped": true,
        "size": SIZE,
        "writeConcern": { "w": 1 },
        "maxTimeMS": limit_ms,
    }
}

/// Looks whether the collection exists. Each user may list the collections in which they may do anything.
pub(super) fn exists(collection: &str, limit_ms: i64) -> Document {
    doc! {
        "listCollections": 1,
        "filter": { "name": collection },
        "nameOnly": true,
        "authorizedCollections": true,
        "maxTimeMS": limit_ms,
    }
}

/// Inserts the first document: on an empty collection, a tailable cursor ends at once.
pub(super) fn begin(collection: &str, limit_ms: i64) -> Document {
    insert(collection, doc! { "to": [] }, limit_ms)
}

/// Inserts a message to a listener, for none of its waiters.
pub(super) fn knock(collection: &str, listener: &str, limit_ms: i64) -> Document {
    insert(collection, doc! { "to": [listener] }, limit_ms)
}

/// Looks for a document that is no wake-up.
pub(super) fn foreign(collection: &str, limit_ms: i64) -> Document {
    doc! {
        "find": collection,
        "filter": { "$nor": [{ "to": { "$type": "array" } }] },
        "projection": { "_id": 1 },
        "limit": 1,
        "singleBatch": true,
        "maxTimeMS": limit_ms,
    }
}

/// Makes a collection capped.
pub(super) fn convert(collection: &str, limit_ms: i64) -> Document {
    doc! {
        "convertToCapped": collection,
        "size": SIZE,
        "writeConcern": { "w": 1 },
        "maxTimeMS": limit_ms,
    }
}

/// Inserts a wake-up.
pub(in crate::store::mongo) fn wake(collection: &str, wakeup: &Wakeup, limit_ms: i64) -> Document {
    let mut listeners: Vec<&str> = wakeup.waiters.iter().map(|id| listener(id)).collect();
    listeners.sort_unstable();
    listeners.dedup();
    let waiters: Vec<&str> = wakeup.waiters.iter().map(|id| &**id).collect();
    let document = doc! {
        "to": listeners,
        "lock": wakeup.lock.as_str(),
        "waiters": waiters,
    };
    insert(collection, document, limit_ms)
}

/// Only a hint: the primary's memory is enough, whatever the connection string says.
fn insert(collection: &str, document: Document, limit_ms: i64) -> Document {
    doc! {
        "insert": collection,
        "documents": [document],
        "writeConcern": { "w": 1 },
        "maxTimeMS": limit_ms,
    }
}

/// Opens a cursor for the wake-ups of one listener; fails where the collection is not capped.
pub(in crate::store::mongo) fn open(collection: &str, listener: &str) -> Document {
    doc! {
        "find": collection,
        "filter": { "to": listener },
        "projection": { "_id": 0, "lock": 1, "waiters": 1 },
        "tailable": true,
        "awaitData": true,
    }
}

/// Waits for more wake-ups, for at most `look_ms`.
pub(in crate::store::mongo) fn more(collection: &str, cursor: i64, look_ms: i64) -> Document {
    doc! { "getMore": cursor, "collection": collection, "maxTimeMS": look_ms }
}

/// Finds the cursors on the collection that no process has used for `idle_ms`, except this one. A user sees
/// those of their own without any privilege.
pub(in crate::store::mongo) fn left_behind(
    namespace: &str,
    except: i64,
    idle_ms: i64,
    limit_ms: i64,
) -> Document {
    doc! {
        "aggregate": 1,
        "pipeline": [
            { "$currentOp": { "idleCursors": true, "allUsers": false } },
            { "$match": {
                "type": "idleCursor",
                "ns": namespace,
                "cursor.tailable": true,
                "cursor.cursorId": { "$ne": except },
                "$expr": { "$lt": [
                    "$cursor.lastAccessDate",
                    { "$subtract": ["$$NOW", idle_ms] },
                ] },
            } },
            { "$project": { "_id": 0, "id": "$cursor.cursorId" } },
        ],
        "cursor": {},
        "maxTimeMS": limit_ms,
    }
}

/// Ends cursors, also while the server waits for more.
pub(in crate::store::mongo) fn kill(collection: &str, cursors: &[i64]) -> Document {
    doc! { "killCursors": collection, "cursors": cursors }
}
