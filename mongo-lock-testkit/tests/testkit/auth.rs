//! Servers that require a log-in.

use mongo_lock_testkit::{Server, Topology};
use mongodb::{
    Client,
    bson::{Document, doc},
    error::{Error, ErrorKind},
};

const UNAUTHORIZED: i32 = 13;

fn is_unauthorized(error: &Error) -> bool {
    matches!(error.kind.as_ref(), ErrorKind::Command(error) if error.code == UNAUTHORIZED)
}

async fn requires_a_log_in(topology: Topology) {
    let server = Server::builder()
        .topology(topology)
        .auth("root", "p@ss/word:?")
        .start()
        .await
        .unwrap();
    let db = server.database().await;
    let documents = db.collection("documents");
    documents.insert_one(doc! { "_id": 1 }).await.unwrap();

    // The localhost exception is over.
    for node in server.nodes() {
        let uri = format!("mongodb://{}/?directConnection=true", node.address());
        let stranger = Client::with_uri_str(uri).await.unwrap();
        let refused = stranger.list_database_names().await.unwrap_err();
        assert!(is_unauthorized(&refused), "{refused}");
        node.client().await.list_database_names().await.unwrap();
    }

    let root = Client::with_uri_str(db.uri()).await.unwrap();
    let documents = root.default_database().unwrap().collection("documents");
    documents.insert_one(doc! { "_id": 2 }).await.unwrap();

    let uri = db.create_user("reader", "secret", &["find"]).await.unwrap();
    let reader = Client::with_uri_str(uri).await.unwrap();
    let database = reader.default_database().unwrap();
    assert_eq!(database.name(), db.name());
    let documents = database.collection::<Document>("documents");
    assert!(
        documents
            .find_one(doc! { "_id": 2 })
            .await
            .unwrap()
            .is_some()
    );
    let refused = documents.insert_one(doc! { "_id": 3 }).await.unwrap_err();
    assert!(is_unauthorized(&refused), "{refused}");
    let elsewhere = server.database().await;
    let documents = reader
        .database(elsewhere.name())
        .collection::<Document>("x");
    let refused = documents.find_one(doc! {}).await.unwrap_err();
    assert!(is_unauthorized(&refused), "{refused}");

    let proxy = server.proxy().await.unwrap();
    let client = Client::with_uri_str(proxy.uri_for(&db)).await.unwrap();
    let through = client.default_database().unwrap();
    assert_eq!(
        through.list_collection_names().await.unwrap(),
        ["documents"]
    );
}

#[tokio::test]
async fn standalone() {
    requires_a_log_in(Topology::Standalone).await;
}

#[tokio::test]
async fn replica_set() {
    requires_a_log_in(Topology::ReplicaSet).await;
}

#[tokio::test]
async fn replica_set_of_three() {
    requires_a_log_in(Topology::ReplicaSetOfThree).await;
}
