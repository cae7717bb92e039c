//! Three nodes: another one takes over when the primary steps down or dies.

use mongo_lock_testkit::{Server, Topology};
use mongodb::bson::doc;

#[tokio::test]
async fn another_node_takes_over() {
    let server = Server::builder()
        .topology(Topology::ReplicaSetOfThree)
        .start()
        .await
        .unwrap();
    let db = server.database().await;
    let documents = db.collection("documents");
    documents.insert_one(doc! { "_id": 1 }).await.unwrap();

    let first = server.primary().await.unwrap();
    server.step_down().await.unwrap();
    let second = server.primary().await.unwrap();
    assert_ne!(second.port(), first.port(), "it stepped down");
    documents.insert_one(doc! { "_id": 2 }).await.unwrap();

    second.kill();
    let third = server.primary().await.unwrap();
    assert_ne!(third.port(), second.port(), "it is dead");
    documents.insert_one(doc! { "_id": 3 }).await.unwrap();

    second.restart().await.unwrap();
    server.ready().await.unwrap();
    assert_eq!(documents.count_documents(doc! {}).await.unwrap(), 3);

    let paused = server.primary().await.unwrap();
    paused.pause().unwrap();
    let other = server.primary().await.unwrap();
    assert_ne!(other.port(), paused.port(), "it stands still");
    paused.resume().unwrap();
    server.ready().await.unwrap();
}
