//! The lock documents, read past the library.

use std::time::SystemTime;

use mongo_lock_testkit::TestDb;
use mongodb::{
    Collection,
    bson::{Bson, Document, doc},
};

use super::until;

pub(crate) const COLLECTION: &str = "distributed_locks";

pub(crate) fn locks(db: &TestDb) -> Collection<Document> {
    db.collection(COLLECTION)
}

/// Deletes a lock's document, as an operator with a shell might.
pub(crate) async fn delete(db: &TestDb, name: &str) {
    let deleted = locks(db).delete_one(doc! { "_id": name }).await.unwrap();
    assert_eq!(deleted.deleted_count, 1);
}

/// The leases of a lock that are live, by the server's clock.
pub(crate) async fn live(db: &TestDb, name: &str) -> Vec<Document> {
    leases(db, doc! { "_id": name }).await
}

/// The live leases of all locks.
pub(crate) async fn all_live(db: &TestDb) -> Vec<Document> {
    leases(db, doc! {}).await
}

async fn leases(db: &TestDb, filter: Document) -> Vec<Document> {
    let pipeline = [
        doc! { "$match": filter },
        doc! { "$unwind": "$holders" },
        doc! { "$match": { "$expr": { "$gt": ["$holders.expires_at", "$$NOW"] } } },
        doc! { "$replaceWith": { "$mergeObjects": ["$holders", { "name": "$_id" }] } },
    ];
    let mut cursor = locks(db).aggregate(pipeline).await.unwrap();
    let mut found = Vec::new();
    while cursor.advance().await.unwrap() {
        found.push(cursor.deserialize_current().unwrap());
    }
    found
}

/// The only live lease of a lock.
#[track_caller]
pub(crate) fn only(leases: &[Document]) -> Lease {
    let [lease] = leases else {
        panic!("not one lease: {leases:?}");
    };
    let date = |key| lease.get_datetime(key).map(|date| date.to_system_time());
    Lease {
        owner: lease.get_str("owner").unwrap().to_owned(),
        token: lease.get("token").and_then(Bson::as_i64).unwrap(),
        acquired_at: date("acquired_at").unwrap(),
        expires_at: date("expires_at").unwrap(),
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lease {
    pub(crate) owner: String,
    pub(crate) token: i64,
    pub(crate) acquired_at: SystemTime,
    pub(crate) expires_at: SystemTime,
}

/// Waits until a lock is free, by the server's clock.
pub(crate) async fn free(db: &TestDb, name: &str) {
    until(async || live(db, name).await.is_empty()).await;
}

/// Waits until all locks are free.
pub(crate) async fn all_free(db: &TestDb) {
    until(async || all_live(db).await.is_empty()).await;
}

/// The lock's document.
pub(crate) async fn document(db: &TestDb, name: &str) -> Document {
    let found = locks(db).find_one(doc! { "_id": name }).await.unwrap();
    found.unwrap_or_default()
}

/// The number of entries in a lock's queue.
pub(crate) async fn places(db: &TestDb, name: &str) -> usize {
    let document = document(db, name).await;
    document.get_array("queue").map_or(0, Vec::len)
}
