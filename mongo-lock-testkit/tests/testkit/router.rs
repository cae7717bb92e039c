//! The stand-in for `mongos` does what the real one does to a lock.

use std::time::Duration;

use mongo_lock_testkit::{Router, Server, TestDb};
use mongodb::{
    Client, Collection,
    bson::{DateTime, Document, doc},
    options::ReturnDocument,
};

const MINUTE: i64 = 60_000;

/// Less than the offset of any router here, and more than a busy machine needs for a command.
const NEAR: Duration = Duration::from_secs(20);

async fn through(router: &Router, db: &TestDb) -> Collection<Document> {
    let client = Client::with_uri_str(router.uri_for(db)).await.unwrap();
    client.default_database().unwrap().collection("documents")
}

fn ms(date: DateTime) -> i64 {
    date.timestamp_millis()
}

#[track_caller]
fn near(date: DateTime, expected: i64) {
    let apart = ms(date).abs_diff(expected);
    assert!(u128::from(apart) < NEAR.as_millis(), "{apart} ms apart");
}

#[tokio::test]
async fn now_is_the_routers_clock_and_a_current_date_is_the_servers() {
    let server = Server::shared().await;
    let db = server.database().await;
    let router = server.router(MINUTE).unwrap();
    let documents = through(&router, &db).await;
    for offset in [MINUTE, -MINUTE, 0] {
        router.set_offset_ms(offset);
        let before = ms(DateTime::now());
        let both = documents
            .find_one_and_update(doc! { "_id": 1 }, vec![doc! { "$set": { "at": "$$NOW" } }])
            .upsert(true)
            .return_document(ReturnDocument::After)
            .await
            .unwrap()
            .unwrap();
        near(both.get_datetime("at").copied().unwrap(), before + offset);
        documents
            .update_one(doc! { "_id": 1 }, vec![doc! { "$set": { "at": "$$NOW" } }])
            .await
            .unwrap();
        let project = doc! { "$project": { "at": 1, "now": "$$NOW" } };
        let mut cursor = documents.aggregate([project]).await.unwrap();
        assert!(cursor.advance().await.unwrap());
        for field in ["at", "now"] {
            let date = cursor.current().get_datetime(field).unwrap();
            near(date, before + offset);
        }
        let current = doc! { "$currentDate": { "clock": true } };
        for upsert in [false, true] {
            let stamped = documents
                .find_one_and_update(doc! { "_id": 1 }, current.clone())
                .upsert(upsert)
                .return_document(ReturnDocument::After)
                .await
                .unwrap()
                .unwrap();
            near(stamped.get_datetime("clock").copied().unwrap(), before);
        }
        documents
            .update_many(doc! {}, current.clone())
            .await
            .unwrap();
        let stamped = documents.find_one(doc! {}).await.unwrap().unwrap();
        near(stamped.get_datetime("clock").copied().unwrap(), before);
    }
}

#[tokio::test]
async fn hello_is_that_of_a_router() {
    let server = Server::shared().await;
    let db = server.database().await;
    let router = server.router(0).unwrap();
    let documents = through(&router, &db).await;
    let admin = documents.client().database("admin");
    for command in ["hello", "isMaster"] {
        let hello = admin.run_command(doc! { command: 1 }).await.unwrap();
        assert_eq!(hello.get_str("msg"), Ok("isdbgrid"), "{hello}");
        for field in ["setName", "hosts", "me", "topologyVersion", "primary"] {
            assert!(!hello.contains_key(field), "{hello}");
        }
    }
}

#[tokio::test]
async fn many_documents_and_cursors_pass() {
    let server = Server::shared().await;
    let db = server.database().await;
    let router = server.router(MINUTE).unwrap();
    let documents = through(&router, &db).await;
    let all = (0..5000).map(|id| doc! { "_id": id });
    documents.insert_many(all).await.unwrap();
    let mut cursor = documents.find(doc! {}).batch_size(100).await.unwrap();
    let mut count = 0;
    while cursor.advance().await.unwrap() {
        count += 1;
    }
    assert_eq!(count, 5000);
    documents.delete_many(doc! {}).await.unwrap();
    let mut stream = documents.watch().await.unwrap();
    documents.insert_one(doc! { "_id": "seen" }).await.unwrap();
    let event = stream.next_if_any().await;
    let mut event = event.unwrap();
    while event.is_none() {
        event = stream.next_if_any().await.unwrap();
    }
}

#[tokio::test]
async fn a_router_follows_the_primary() {
    let server = Server::builder().start().await.unwrap();
    let db = server.database().await;
    let router = server.router(MINUTE).unwrap();
    let documents = through(&router, &db).await;
    documents.insert_one(doc! { "_id": 1 }).await.unwrap();
    server.step_down().await.unwrap();
    let database = db.name();
    let insert = doc! { "insert": "documents", "documents": [{ "_id": 2 }] };
    let command = documents.client().database(database);
    loop {
        match command.run_command(insert.clone()).await {
            Ok(_) => break,
            Err(error) => {
                let mongodb::error::ErrorKind::Command(refused) = &*error.kind else {
                    panic!("{error}");
                };
                assert!([6, 133].contains(&refused.code), "{error}");
            }
        }
    }
}

#[tokio::test]
async fn a_command_without_the_shard_key_is_refused() {
    let server = Server::shared().await;
    let db = server.database().await;
    let router = server.router(0).unwrap();
    let documents = through(&router, &db).await;
    let key = doc! { "tenant": 1 };
    router.shard(&db, "documents", key.clone()).await.unwrap();
    let update = doc! { "$set": { "a": 1 } };
    let refused = documents
        .find_one_and_update(doc! { "_id": 1 }, update.clone())
        .upsert(true)
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("shard key"), "{refused}");
    let with_it = doc! { "_id": 1, "tenant": "a" };
    documents
        .update_one(with_it, update)
        .upsert(true)
        .await
        .unwrap();
    let config = documents.client().database("config");
    let entry = config
        .collection::<Document>("collections")
        .find_one(doc! { "_id": format!("{}.documents", db.name()) })
        .await
        .unwrap()
        .unwrap();
    assert_eq!(entry.get_document("key"), Ok(&key));
}
