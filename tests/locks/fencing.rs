//! Tokens only grow, and a release frees its own lease only.

use mongo_lock_runtime::{LockClient, Release};
use mongo_lock_testkit::{Server, TestDb, Topology};
use mongodb::bson::{DateTime, Document, doc};

use crate::support::{acquire, acquire_when_free, client, database, holder_of, spec};

const COLLECTION: &str = "distributed_locks";

#[tokio::test]
async fn a_late_release_leaves_the_successor_alone() {
    let (db, client) = database().await;
    let other = LockClient::builder()
        .uri(db.uri())
        .owner("other")
        .build()
        .await
        .unwrap();
    let old = acquire(&client, &spec("late", 1_000)).await;
    let new = acquire_when_free(&other, &spec("late", 60_000)).await;
    assert!(new.acquired_at() >= old.expires_at());

    assert_eq!(old.release().await.unwrap(), Release::AlreadyGone);

    let seen = holder_of(&client, &spec("late", 60_000)).await;
    assert_eq!(seen.owner, "other");
    assert_eq!(seen.token, new.token());
    assert_eq!(seen.until, new.expires_at());
    assert_eq!(new.release().await.unwrap(), Release::Freed);
}

#[tokio::test]
async fn a_dropped_guard_frees_its_own_lease_only() {
    let (_db, client) = database().await;
    let spec = spec("dropped", 60_000);
    let guard = acquire(&client, &spec).await;
    drop(guard);
    // In the background, so not at once; but long before the ttl.
    let next = acquire_when_free(&client, &spec).await;
    assert_eq!(holder_of(&client, &spec).await.token, next.token());
}

#[tokio::test]
async fn the_token_grows_at_every_step() {
    let (db, client) = database().await;
    let locks = db.collection::<Document>(COLLECTION);
    let (brief, spec) = (spec("steps", 1_000), spec("steps", 60_000));
    let mut tokens = Vec::new();

    let guard = acquire(&client, &spec).await;
    tokens.push(guard.token());
    guard.release().await.unwrap();

    let expires = acquire(&client, &brief).await;
    tokens.push(expires.token());

    let takes_over = acquire_when_free(&client, &spec).await;
    tokens.push(takes_over.token());
    // Late, and so of no effect on its successor.
    assert_eq!(expires.release().await.unwrap(), Release::AlreadyGone);

    locks.delete_one(doc! { "_id": "steps" }).await.unwrap();
    // This client still believes in its lease.
    let other = client.with_owner("other").unwrap();
    let after_deletion = acquire(&other, &spec).await;
    tokens.push(after_deletion.token());
    after_deletion.release().await.unwrap();

    // As if the clock had been set back: the last token counts, not the time.
    let ahead = tokens[3] + 1_000_000_000;
    locks
        .update_one(
            doc! { "_id": "steps" },
            doc! { "$set": { "token": ahead, "holders": [] } },
        )
        .await
        .unwrap();
    let after_a_set_back = acquire(&other, &spec).await;
    tokens.push(after_a_set_back.token());
    assert_eq!(tokens[4], ahead + 1);

    assert!(tokens.is_sorted_by(|a, b| a < b), "{tokens:?}");
}

#[tokio::test]
async fn the_token_grows_after_the_ttl_index_has_purged_the_document() {
    // The monitor reads its interval when it starts; the default is a minute.
    let server = Server::builder()
        .topology(Topology::Standalone)
        .parameter("ttlMonitorSleepSecs", 1)
        .start()
        .await
        .unwrap();
    let db = server.database().await;
    let client = client(&db).await;
    let spec = spec("purged", 60_000);
    let first = acquire(&client, &spec).await;
    let first_token = first.token();
    first.release().await.unwrap();
    purge(&db, "purged").await;
    assert!(acquire(&client, &spec).await.token() > first_token);
}

#[tokio::test]
async fn a_live_lease_is_not_purged() {
    let (db, client) = database().await;
    let guard = acquire(&client, &spec("kept", 60_000)).await;
    let lock = db
        .collection::<Document>(COLLECTION)
        .find_one(doc! { "_id": "kept" })
        .await
        .unwrap()
        .unwrap();
    let purge_at = lock.get_datetime("purge_at").unwrap().to_system_time();
    assert!(purge_at > guard.expires_at());
}

/// Lets the TTL index collect a lock's document, and waits until it has.
async fn purge(db: &TestDb, name: &str) {
    let locks = db.collection::<Document>(COLLECTION);
    let id = doc! { "_id": name };
    locks
        .update_one(
            id.clone(),
            doc! { "$set": { "purge_at": DateTime::from_millis(0) } },
        )
        .await
        .unwrap();
    while locks.find_one(id.clone()).await.unwrap().is_some() {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}
