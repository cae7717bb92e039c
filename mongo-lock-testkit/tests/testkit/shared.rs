//! One server for all tests, each of which has a runtime of its own.

use mongo_lock_testkit::{Error, Server};
use mongodb::bson::doc;

macro_rules! many {
    ($($name:ident)*) => {$(
        #[tokio::test]
        async fn $name() {
            let db = Server::shared().await.database().await;
            let documents = db.collection("documents");
            documents.insert_one(doc! { "_id": 1 }).await.unwrap();
            assert_eq!(documents.count_documents(doc! {}).await.unwrap(), 1);
        }
    )*};
}

many!(one two three four five six);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_runtime_with_threads() {
    let db = Server::shared().await.database().await;
    db.run_command(doc! { "ping": 1 }).await.unwrap();
}

#[tokio::test]
async fn all_get_the_same_server() {
    let (a, b) = (Server::shared().await, Server::shared().await);
    assert!(std::ptr::eq(a, b));
}

#[tokio::test]
async fn it_cannot_be_harmed() {
    let server = Server::shared().await;
    assert!(server.nodes().is_empty());
    let refused = server.step_down().await.unwrap_err();
    assert!(matches!(refused, Error::Shared { .. }), "{refused}");
}
