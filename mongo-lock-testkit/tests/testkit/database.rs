//! Every test has a database of its own, which other processes can find.

use mongo_lock_testkit::Server;
use mongodb::{Client, bson::doc};

#[tokio::test]
async fn the_uri_names_the_database() {
    let db = Server::shared().await.database().await;
    let client = Client::with_uri_str(db.uri()).await.unwrap();
    let default = client.default_database().unwrap();
    assert_eq!(default.name(), db.name());
    default.run_command(doc! { "ping": 1 }).await.unwrap();
}

#[tokio::test]
async fn each_is_new() {
    let server = Server::shared().await;
    let (a, b) = (server.database().await, server.database().await);
    assert_ne!(a.name(), b.name());
    a.collection("documents")
        .insert_one(doc! { "_id": 1 })
        .await
        .unwrap();
    assert!(b.list_collection_names().await.unwrap().is_empty());
}
