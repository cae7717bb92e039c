//! Wake-ups on a server with authentication: the privileges that they take, and what is said where one is
//! missing.

use std::time::Instant;

use mongo_lock_runtime::LockClient;
use mongo_lock_testkit::{Server, TestDb};
use mongodb::bson::{Document, doc};
use tokio::time::sleep;

use super::{
    polling::{log, takes_turns},
    wakeups::{WAKEUPS, cursor_ids, recover, take_turns, waits_with_cursor},
};
use crate::support::{
    Commands, Worker, acquire, eventually, ms, patient, places, spec, until, worker_input,
};

/// What the README names: on the collection of the locks, and on that for wake-ups.
const LOCKS: [&str; 4] = ["find", "insert", "update", "createIndex"];
const ALL: [&str; 4] = ["find", "insert", "createCollection", "convertToCapped"];

/// What the warning says in all cases.
const WARNING: &str = "cannot be woken";

async fn server() -> Server {
    let server = Server::builder().auth("root", "secret").start().await;
    server.unwrap()
}

/// The connection string of a user who may do this much with the wake-ups.
async fn user(db: &TestDb, wakeups: &[&str]) -> String {
    let on = |collection: &str, actions: &[&str]| {
        doc! {
            "resource": { "db": db.name(), "collection": collection },
            "actions": actions,
        }
    };
    // Exactly this much: a role for the whole database is narrowed.
    let uri = db.create_user("exact", "secret", &LOCKS).await.unwrap();
    let mut privileges = vec![on("distributed_locks", &LOCKS)];
    if !wakeups.is_empty() {
        privileges.push(on(WAKEUPS, wakeups));
    }
    let role = doc! { "updateRole": "exact", "privileges": privileges };
    db.run_command(role).await.unwrap();
    uri
}

async fn clients(uri: &str) -> (LockClient, LockClient) {
    let one = LockClient::connect(uri).await.unwrap();
    (one, LockClient::connect(uri).await.unwrap())
}

/// As the warning says.
async fn create(db: &TestDb) {
    let create = doc! { "create": WAKEUPS, "capped": true, "size": 262_144 };
    db.run_command(create).await.unwrap();
}

#[tokio::test]
async fn of_the_readme_are_enough() {
    let server = server().await;
    let db = server.database().await;
    let (log, _guards) = log();
    let (one, other) = clients(&user(&db, &ALL).await).await;
    take_turns(&one, &other).await;
    // Dropped, the collection is created anew, and made capped.
    db.collection::<Document>(WAKEUPS).drop().await.unwrap();
    recover(&db, &one, &other).await;
    take_turns(&one, &other).await;
    assert_eq!(log.count(WARNING), 0, "{log:?}");
}

#[tokio::test]
async fn find_and_insert_are_enough_where_the_collection_is_there() {
    let server = server().await;
    let db = server.database().await;
    create(&db).await;
    let (log, _guards) = log();
    let (one, other) = clients(&user(&db, &["find", "insert"]).await).await;
    take_turns(&one, &other).await;
    assert_eq!(log.count(WARNING), 0, "{log:?}");
}

/// Everything works, at the pace of polling, and each of the two clients says so once.
#[tokio::test]
async fn that_are_missing_are_named_once_by_each_client() {
    let server = server().await;
    let advice = format!(
        "grant this user `find`, `insert`, `createCollection` and `convertToCapped` on `{{}}.{WAKEUPS}`, or \
         the first two, and create it once: db.createCollection(\"{WAKEUPS}\", {{ capped: true, size: \
         262144 }})"
    );
    let cases: [(&[&str], bool); 6] = [
        (&[], false),
        (&[], true),
        (&["find"], true),
        (&["insert"], true),
        (&["find", "insert"], false),
        (&["find", "createCollection", "convertToCapped"], false),
    ];
    for (actions, exists) in cases {
        let db = server.database().await;
        if exists {
            create(&db).await;
        }
        let (log, _guards) = log();
        let (one, other) = clients(&user(&db, actions).await).await;
        takes_turns(&db, &one, &other).await;
        // A message that is lost tells its sender.
        eventually(until(async || log.count(WARNING) == 2)).await;
        let advice = advice.replace("{}", db.name());
        assert_eq!(log.count(&advice), 2, "{actions:?}, {exists}: {log:?}");
        one.shutdown().await;
        other.shutdown().await;
        assert_eq!(log.count(WARNING), 2, "{actions:?}, {exists}: {log:?}");
    }
}

/// A caller that stops to wait, and another one that begins, do not have the listener try again at once.
#[tokio::test]
async fn that_are_missing_are_not_tried_for_each_caller() {
    let server = server().await;
    let db = server.database().await;
    let uri = user(&db, &[]).await;
    let commands = Commands::default();
    let one = LockClient::connect(&uri).await.unwrap();
    let other = commands.client_of(&db, &uri).await;
    let started = Instant::now();
    for _ in 0..5 {
        takes_turns(&db, &one, &other).await;
    }
    let seen = commands.take();
    let tried = seen.iter().filter(|command| *command == "find").count();
    // The pauses are of half a minute, a quarter more or less.
    let most = 2 + started.elapsed().as_secs() / 22;
    assert!((1..=most).contains(&(tried as u64)), "{tried}: {seen:?}");
}

/// A server keeps the cursor of a process that was killed until its session has expired. The next process
/// that listens ends it, and those in use stay.
#[tokio::test]
async fn of_the_readme_are_enough_to_end_the_cursor_of_a_killed_process() {
    let server = server().await;
    let db = server.database().await;
    let uri = user(&db, &ALL).await;
    let (holder, next) = clients(&uri).await;
    let third = LockClient::connect(&uri).await.unwrap();
    let held = acquire(&holder, &spec("lock", 120_000)).await;
    let _live = waits_with_cursor(&db, &third, "lock").await;
    let live = cursor_ids(db.client(), &db).await;
    assert_eq!(live.len(), 1);
    let mut worker = Worker::start("privileges::worker", &uri);
    eventually(until(async || places(&db, "lock").await == 2)).await;
    eventually(until(async || {
        cursor_ids(db.client(), &db).await.len() == 2
    }))
    .await;
    let both = cursor_ids(db.client(), &db).await;
    worker.kill();
    // The request that was under way goes on for five seconds; and a cursor that is in use is never idle for
    // ten.
    sleep(ms(16_000)).await;
    let _next = waits_with_cursor(&db, &next, "lock").await;
    eventually(until(async || {
        let now = cursor_ids(db.client(), &db).await;
        let (old, new): (Vec<i64>, Vec<i64>) = now.iter().partition(|id| both.contains(id));
        old.iter().eq(&live) && new.len() == 1
    }))
    .await;
    held.release().await.unwrap();
}

#[tokio::test]
#[ignore = "the process that a test above kills"]
async fn worker() {
    let Some(uri) = worker_input() else { return };
    let client = LockClient::connect(uri).await.unwrap();
    let guard = client.acquire(&patient("lock").build().unwrap()).await;
    unreachable!("{guard:?}");
}
