//! Documents that are not ours, or no longer what we wrote: reported, and left as they are.

use mongo_lock_runtime::{Error, LockClient};
use mongo_lock_testkit::Server;
use mongodb::bson::{Bson, DateTime, Document, doc, oid::ObjectId};

use crate::support::{acquire, database, spec};

const COLLECTION: &str = "distributed_locks";

/// A lock document with one live holder, as this library writes it.
fn lock(id: &str) -> Document {
    let later = DateTime::from_millis(DateTime::now().timestamp_millis() + 60_000);
    doc! {
        "_id": id,
        "holders": [{
            "lease": mongodb::bson::Uuid::new(),
            "owner": "another host",
            "mode": "exclusive",
            "token": 7_i64,
            "ttl_ms": 60_000_i64,
            "acquired_at": DateTime::now(),
            "expires_at": later,
        }],
        "token": 7_i64,
        "purge_at": later,
    }
}

fn edited(id: &str, field: &str, value: impl Into<Bson>) -> Document {
    let mut document = lock(id);
    document.insert(field, value);
    document
}

fn edited_holder(id: &str, field: &str, value: impl Into<Bson>) -> Document {
    let mut document = lock(id);
    let holder = document.get_array_mut("holders").unwrap()[0]
        .as_document_mut()
        .unwrap();
    holder.insert(field, value);
    document
}

#[tokio::test]
async fn are_reported_and_left_alone() {
    let (db, client) = database().await;
    let collection = db.collection::<Document>(COLLECTION);
    for (document, says) in [
        (doc! { "_id": "a", "title": "an invoice" }, "`holders`"),
        (doc! { "_id": "b", "token": 1_i64 }, "`holders`"),
        (edited("c", "holders", "none"), "`holders` is String"),
        (edited("d", "holders", Bson::Null), "`holders` is Null"),
        (edited("e", "holders", doc! {}), "`holders`"),
        (edited("f", "holders", vec![1, 2]), "`holders[0]`"),
        (edited("g", "token", "7"), "`token` is String"),
        (edited("h", "token", f64::NAN), "`token` is Double"),
        (edited("i", "token", i64::MAX), "`token`"),
        (edited("i2", "token", Bson::Null), "`token` is Null"),
        (
            edited_holder("j", "expires_at", "tomorrow"),
            "`expires_at` is String",
        ),
        (edited_holder("k", "expires_at", Bson::Null), "`expires_at`"),
        (edited_holder("l", "expires_at", i64::MAX), "`expires_at`"),
        (edited_holder("m", "owner", 5), "`owner`"),
        (edited_holder("n", "token", "x"), "`token`"),
        (edited_holder("o", "acquired_at", 1), "`acquired_at`"),
    ] {
        let id = document.get_str("_id").unwrap().to_owned();
        collection.insert_one(&document).await.unwrap();
        let error = client.try_acquire(&spec(&id, 60_000)).await.unwrap_err();
        assert!(matches!(error, Error::NotALockDocument { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains(says), "{id}: {text}");
        assert!(
            text.contains(&format!("{}.{COLLECTION}", db.name())),
            "{text}"
        );
        let now = collection.find_one(doc! { "_id": &id }).await.unwrap();
        let mut now = now.unwrap();
        // A stamp is in what has the shape of a lock, where clients come through routers.
        now.remove("clock");
        // NaN is not equal to itself; its text is.
        assert_eq!(format!("{now:?}"), format!("{document:?}"));
    }
}

#[tokio::test]
async fn beside_locks_they_are_not_in_the_way() {
    let (db, _) = database().await;
    let collection = db.collection::<Document>("things");
    let others = [
        doc! { "_id": ObjectId::new(), "purge_at": DateTime::from_millis(0) },
        doc! { "_id": "an order", "holders": 3 },
        doc! { "_id": 5, "token": "a secret" },
    ];
    collection.insert_many(&others).await.unwrap();
    let client = LockClient::builder()
        .uri(db.uri())
        .collection("things")
        .build()
        .await
        .unwrap();
    let guard = acquire(&client, &spec("lock", 60_000)).await;
    guard.release().await.unwrap();
    for other in &others {
        let id = other.get("_id").unwrap();
        let now = collection.find_one(doc! { "_id": id }).await.unwrap();
        assert_eq!(now.as_ref(), Some(other));
    }
}

#[tokio::test]
async fn numbers_typed_into_a_shell_are_still_numbers() {
    let (db, client) = database().await;
    let mut document = edited("shell", "token", 7);
    document.insert("holders", Bson::Array(Vec::new()));
    db.collection::<Document>(COLLECTION)
        .insert_one(&document)
        .await
        .unwrap();
    assert!(acquire(&client, &spec("shell", 60_000)).await.token() > 7);
}

#[tokio::test]
async fn a_view_is_refused_at_start_up() {
    let (db, _) = database().await;
    db.create_collection("base").await.unwrap();
    db.run_command(doc! { "create": "a_view", "viewOn": "base", "pipeline": [] })
        .await
        .unwrap();
    let error = LockClient::builder()
        .uri(db.uri())
        .collection("a_view")
        .build()
        .await
        .unwrap_err();
    assert!(matches!(error, Error::StartUp { .. }), "{error}");
    assert!(error.to_string().contains("a_view"), "{error}");
}

#[tokio::test]
async fn another_index_in_our_place_is_explained() {
    let db = Server::shared().await.database().await;
    db.run_command(doc! {
        "createIndexes": COLLECTION,
        "indexes": [{ "key": { "created": 1 }, "name": "mongo_lock_purge" }],
    })
    .await
    .unwrap();
    let error = LockClient::connect(db.uri()).await.unwrap_err();
    assert!(error.to_string().contains("another index"), "{error}");
    LockClient::builder()
        .uri(db.uri())
        .create_index(false)
        .build()
        .await
        .unwrap();
}
