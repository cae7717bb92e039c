//! Clients behind routers whose clocks differ: the clock of the server decides, at one command more.

use std::time::{Duration, Instant, SystemTime};

use mongo_lock_runtime::{Acquisition, Error, LockClient, LockSpec};
use mongo_lock_testkit::{Router, Server, TestDb};
use mongodb::bson::{Document, doc};
use tokio::task::JoinSet;

use crate::support::{Commands, acquire, holder_of, refused, renewed_spec, spec};

const MINUTE_MS: i64 = 60_000;

/// Less than the routers are apart, and more than a busy machine needs.
const NEAR: Duration = Duration::from_secs(20);

async fn through(router: &Router, db: &TestDb) -> LockClient {
    LockClient::connect(router.uri_for(db)).await.unwrap()
}

#[tokio::test]
async fn a_lease_lasts_by_the_servers_clock() {
    let server = Server::shared().await;
    let db = server.database().await;
    let behind = server.router(0).unwrap();
    let ahead = server.router(MINUTE_MS).unwrap();
    let (first, second) = (through(&behind, &db).await, through(&ahead, &db).await);
    let spec = spec("lock", 30_000);
    let start = SystemTime::now();
    let guard = acquire(&first, &spec).await;
    // By the clock of the second router, the lease ended half a minute ago.
    let seen = holder_of(&second, &spec).await;
    assert_eq!(seen.token, guard.token());
    guard.release().await.unwrap();
    let guard = acquire(&second, &spec).await;
    let late = guard.acquired_at().duration_since(start);
    assert!(late.as_ref().is_ok_and(|late| *late < NEAR), "{late:?}");
    guard.release().await.unwrap();
}

#[tokio::test]
async fn a_renewed_lease_lasts_by_the_servers_clock() {
    let server = Server::shared().await;
    let db = server.database().await;
    let behind = server.router(-MINUTE_MS).unwrap();
    let ahead = server.router(MINUTE_MS).unwrap();
    let (first, second) = (through(&behind, &db).await, through(&ahead, &db).await);
    let spec = renewed_spec("lock", Duration::from_secs(3));
    let guard = acquire(&first, &spec).await;
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(5) {
        let seen = holder_of(&second, &spec).await;
        assert_eq!(seen.token, guard.token());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    guard.release().await.unwrap();
}

/// The time for which a lease was surely had: from the reply to its request, to its release, or to its ttl
/// after the request was sent.
struct Held {
    token: i64,
    from: Instant,
    until: Instant,
}

const TTL: Duration = Duration::from_secs(1);

/// Takes the lock again and again. Of each two leases, one is kept to its end, and one is released.
async fn contend(client: LockClient, until: Instant) -> Vec<Held> {
    let spec = LockSpec::new("lock", TTL).unwrap();
    let mut held = Vec::new();
    loop {
        let sent = Instant::now();
        if sent > until {
            return held;
        }
        // On a busy machine, a reply may come too late.
        let Ok(Acquisition::Acquired(guard)) = client.try_acquire(&spec).await else {
            continue;
        };
        let from = Instant::now();
        let body = if held.len().is_multiple_of(2) {
            2 * TTL
        } else {
            TTL / 8
        };
        tokio::time::sleep(body).await;
        held.push(Held {
            token: guard.token(),
            from,
            until: Instant::now().min(sent + TTL),
        });
        drop(guard);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn routers_a_minute_apart_let_no_two_holders_in() {
    let server = Server::shared().await;
    let db = server.database().await;
    let routers = [0, MINUTE_MS].map(|offset| server.router(offset).unwrap());
    let mut contenders = JoinSet::new();
    let until = Instant::now() + Duration::from_secs(12);
    for router in routers.iter().cycle().take(6) {
        contenders.spawn(contend(through(router, &db).await, until));
    }
    let held = contenders.join_all().await;
    let mut held: Vec<_> = held.into_iter().flatten().collect();
    held.sort_by_key(|held| held.token);
    for pair in held.windows(2) {
        assert!(pair[0].token < pair[1].token);
        let early = pair[0].until.saturating_duration_since(pair[1].from);
        assert_eq!(early, Duration::ZERO, "two holders at once");
    }
    assert!(held.len() > 4, "too few to tell: {}", held.len());
}

#[tokio::test]
async fn one_command_more_each() {
    let server = Server::shared().await;
    let db = server.database().await;
    let router = server.router(MINUTE_MS).unwrap();
    let seen = Commands::default();
    let client = seen.client_of(&db, &router.uri_for(&db)).await;
    let other = client.with_owner("other").unwrap();
    // The second round finds the document there already.
    for _ in 0..2 {
        let guard = acquire(&client, &spec("lock", 60_000)).await;
        assert_eq!(seen.take(), ["findAndModify", "findAndModify"], "acquire");
        let _ = refused(&other, &spec("lock", 60_000)).await;
        assert_eq!(seen.take(), ["findAndModify", "findAndModify"], "refuse");
        guard.release().await.unwrap();
        assert_eq!(seen.take(), ["update"], "release");
    }
    let long = Duration::from_secs(15);
    let mut guards = Vec::new();
    for number in 0..5 {
        let spec = renewed_spec(&format!("renewed-{number}"), long);
        guards.push(acquire(&client, &spec).await);
    }
    seen.take();
    tokio::time::sleep(long / 2).await;
    assert_eq!(seen.take(), ["update", "update"], "one batch of renewals");
}

#[tokio::test]
async fn a_document_that_is_no_lock_is_left_alone() {
    let server = Server::shared().await;
    let db = server.database().await;
    let router = server.router(MINUTE_MS).unwrap();
    let client = through(&router, &db).await;
    let documents = db.collection::<Document>("distributed_locks");
    let foreign = doc! { "_id": "lock", "holders": [], "token": [1], "a": "b" };
    documents.insert_one(&foreign).await.unwrap();
    let error = client.try_acquire(&spec("lock", 60_000)).await.unwrap_err();
    assert!(error.to_string().contains("token"), "{error}");
    let found = documents.find_one(doc! { "_id": "lock" }).await.unwrap();
    assert_eq!(found, Some(foreign));
}

#[track_caller]
fn is_refused(client: Result<LockClient, Error>, key: &str) {
    let error = client.map(drop).unwrap_err();
    assert!(matches!(error, Error::StartUp { .. }), "{error}");
    let text = error.to_string();
    for part in ["is sharded by", key, "sh.shardCollection"] {
        assert!(text.contains(part), "{text}");
    }
}

#[tokio::test]
async fn a_collection_that_is_sharded_by_another_key_is_refused() {
    let server = Server::shared().await;
    let router = server.router(0).unwrap();
    for (key, is_fine) in [
        (doc! { "tenant": 1 }, false),
        (doc! { "_id": 1, "tenant": 1 }, false),
        (doc! { "_id": 1 }, true),
        (doc! { "_id": "hashed" }, true),
    ] {
        let db = server.database().await;
        let sharded = router.shard(&db, "distributed_locks", key.clone());
        sharded.await.unwrap();
        let client = LockClient::connect(router.uri_for(&db)).await;
        if is_fine {
            drop(acquire(&client.unwrap(), &spec("lock", 60_000)).await);
            continue;
        }
        is_refused(client, "tenant");
        // What a user does not know who may not read it.
        let config = db.client().database("config");
        let collections = config.collection::<Document>("collections");
        let entry = doc! { "_id": format!("{}.distributed_locks", db.name()) };
        let deleted = collections.delete_one(entry).await.unwrap();
        assert_eq!(deleted.deleted_count, 1);
        let client = LockClient::connect(router.uri_for(&db)).await;
        is_refused(client, "by another key");
    }
}
