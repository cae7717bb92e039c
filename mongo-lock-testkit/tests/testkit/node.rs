//! A node dies, comes back, and stands still.

use std::time::Duration;

use mongo_lock_testkit::{Server, Topology};
use mongodb::bson::doc;
use tokio::time::timeout;

use crate::support::ping;

#[tokio::test]
async fn data_and_port_survive_a_kill() {
    let server = Server::builder().start().await.unwrap();
    let db = server.database().await;
    let documents = db.collection("documents");
    documents.insert_one(doc! { "_id": 1 }).await.unwrap();

    let [node] = server.nodes() else { panic!() };
    let port = node.port();
    node.kill();
    assert!(!node.is_running());
    assert!(node.pause().is_err(), "nothing to pause");
    std::net::TcpStream::connect(("127.0.0.1", port)).unwrap_err();

    node.restart().await.unwrap();
    assert!(node.is_running());
    assert_eq!(node.port(), port);
    server.ready().await.unwrap();
    // The client that was connected before finds the node again.
    assert_eq!(documents.count_documents(doc! {}).await.unwrap(), 1);
}

#[tokio::test]
async fn a_restart_kills_what_runs() {
    let server = Server::builder()
        .topology(Topology::Standalone)
        .start()
        .await
        .unwrap();
    let [node] = server.nodes() else { panic!() };
    let first = node.pid().unwrap();
    node.restart().await.unwrap();
    assert_ne!(node.pid().unwrap(), first);
    ping(&node.client().await).await.unwrap();
}

#[tokio::test]
async fn a_paused_node_does_not_answer_until_it_is_resumed() {
    let server = Server::builder()
        .topology(Topology::Standalone)
        .start()
        .await
        .unwrap();
    let [node] = server.nodes() else { panic!() };
    let client = node.client().await;
    ping(&client).await.unwrap();

    node.pause().unwrap();
    let mut pinged = Box::pin(ping(&client));
    let early = timeout(Duration::from_millis(200), &mut pinged).await;
    assert!(early.is_err(), "a paused node answers");
    node.resume().unwrap();
    pinged.await.unwrap();

    // Also from there.
    node.pause().unwrap();
    node.kill();
    assert!(!node.is_running());
}
