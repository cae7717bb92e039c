//! Wake-ups through the capped collection beside the locks: that they come, what they need, and what they
//! leave on the server.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use mongo_lock_runtime::LockClient;
use mongo_lock_testkit::{Server, TestDb, Topology};
use mongodb::{
    Client,
    bson::{Document, doc},
};
use tokio::{spawn, task::JoinHandle};

use super::polling::log;
use crate::support::{
    acquire, client, eventually, instances, ms, patient, places, spec, until, within,
};

pub(crate) const WAKEUPS: &str = "distributed_locks_wakeups";

/// Places are looked at every 1.2 to 2 s, wherever a turn begins between two looks: so a few of many turns
/// without a wake-up take longer than this, and none with one.
const BEAT: Duration = ms(1150);

/// The number of cursors for wake-ups on the server of this client.
async fn cursors(client: &Client, db: &TestDb) -> usize {
    cursor_ids(client, db).await.len()
}

/// The cursors for wake-ups on the server of this client.
pub(crate) async fn cursor_ids(client: &Client, db: &TestDb) -> BTreeSet<i64> {
    let stages = [
        doc! { "$currentOp": { "idleCursors": true, "allUsers": true } },
        doc! { "$match": { "ns": format!("{}.{WAKEUPS}", db.name()) } },
        // Not that with which a client looks, once, whether the collection is capped.
        doc! { "$match": {
            "cursor.tailable": true,
            "cursor.originatingCommand.filter.to": { "$ne": "" },
        } },
    ];
    let found = client.database("admin").aggregate(stages).await.unwrap();
    // One that is taken up meanwhile is seen twice.
    let found: Vec<Document> = collect(found).await;
    let ids = found.iter().map(|it| it.get_document("cursor").unwrap());
    ids.map(|it| it.get_i64("cursorId").unwrap()).collect()
}

async fn collect(mut cursor: mongodb::Cursor<Document>) -> Vec<Document> {
    let mut all = Vec::new();
    while cursor.advance().await.unwrap() {
        all.push(cursor.deserialize_current().unwrap());
    }
    all
}

fn waits(client: &LockClient, name: &str) -> JoinHandle<mongo_lock_runtime::LockGuard> {
    let (client, waits) = (client.clone(), patient(name).build().unwrap());
    spawn(async move { client.acquire(&waits).await.unwrap() })
}

/// Waits until `client` waits for `name`, with a cursor.
pub(crate) async fn waits_with_cursor(db: &TestDb, client: &LockClient, name: &str) -> Waiting {
    let waiter = waits(client, name);
    let other = db.client().clone();
    eventually(until(async || {
        places(db, name).await >= 1 && cursors(&other, db).await >= 1
    }))
    .await;
    Waiting(waiter)
}

/// A waiter, which goes with the test.
pub(crate) struct Waiting(JoinHandle<mongo_lock_runtime::LockGuard>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Two clients that take turns: none of them waits for as long as it does without wake-ups.
pub(crate) async fn take_turns(one: &LockClient, other: &LockClient) {
    let longest = longest_turn(one, other).await;
    assert!(longest < BEAT, "{longest:?}");
}

/// Two clients that take turns, with messages or without, until both listen again to a collection that is
/// capped.
pub(crate) async fn recover(db: &TestDb, one: &LockClient, other: &LockClient) {
    longest_turn(one, other).await;
    eventually(until(async || cursors(db.client(), db).await == 2)).await;
    let kind = db.run_command(doc! { "collStats": WAKEUPS }).await.unwrap();
    assert!(kind.get_bool("capped").unwrap());
}

/// The longest time for which one of two clients waits that take turns.
async fn longest_turn(one: &LockClient, other: &LockClient) -> Duration {
    const TURNS: usize = 30;
    // Many hand-overs, each of which may take long on a busy machine.
    const ALL: Duration = ms(120_000);
    let tasks = [one.clone(), other.clone()].map(|client| {
        spawn(async move {
            let waits = patient("turns").build().unwrap();
            let mut longest = Duration::ZERO;
            for turn in 0..TURNS {
                let started = Instant::now();
                let guard = client.acquire(&waits).await.unwrap();
                // Until the cursors are open, they ask by themselves.
                if turn > TURNS / 6 {
                    longest = longest.max(started.elapsed());
                }
                guard.release().await.unwrap();
            }
            longest
        })
    });
    let mut longest = Duration::ZERO;
    for task in tasks {
        longest = longest.max(within(ALL, task).await.unwrap());
    }
    longest
}

#[tokio::test]
async fn come_on_a_standalone_server() {
    let server = Server::builder()
        .topology(Topology::Standalone)
        .start()
        .await
        .unwrap();
    let db = server.database().await;
    let (log, _guards) = log();
    let (one, other) = (client(&db).await, client(&db).await);
    take_turns(&one, &other).await;
    assert_eq!(log.count("cannot be woken"), 0);
}

/// The write concern of the connection string is not that of wake-ups.
#[tokio::test]
async fn come_with_unacknowledged_writes_in_the_connection_string() {
    let db = Server::shared().await.database().await;
    let uri = format!("{}&w=0", db.uri());
    let one = LockClient::connect(&uri).await.unwrap();
    let other = LockClient::connect(&uri).await.unwrap();
    take_turns(&one, &other).await;
}

#[tokio::test]
async fn need_one_cursor_however_many_owners_wait() {
    const OWNERS: usize = 20;
    let (db, [holder, client]) = instances().await;
    let held = acquire(&holder, &spec("lock", 60_000)).await;
    let mut waiters = Vec::new();
    for owner in 0..OWNERS {
        let tenant = client.with_owner(format!("tenant-{owner}")).unwrap();
        let waiter = waits(&tenant, "lock");
        waiters.push(spawn(async move {
            waiter.await.unwrap().release().await.unwrap();
            drop(tenant);
        }));
    }
    eventually(until(async || places(&db, "lock").await == OWNERS)).await;
    eventually(until(async || cursors(db.client(), &db).await == 1)).await;
    let started = Instant::now();
    held.release().await.unwrap();
    for waiter in waiters {
        eventually(waiter).await.unwrap();
        assert!(cursors(db.client(), &db).await <= 1);
    }
    // Without wake-ups, one after the other finds out after 0.8 s on average.
    let took = started.elapsed();
    assert!(
        took < ms(400) * OWNERS.try_into().unwrap(),
        "{took:?} for all of them"
    );
}

#[tokio::test]
async fn leave_no_cursor_after_a_shutdown() {
    let (db, [holder, client]) = instances().await;
    let _held = acquire(&holder, &spec("lock", 60_000)).await;
    let _waiting = waits_with_cursor(&db, &client, "lock").await;
    let started = Instant::now();
    client.shutdown().await;
    let took = started.elapsed();
    assert_eq!(cursors(db.client(), &db).await, 0);
    assert!(took < ms(2000), "{took:?}");
}

#[tokio::test]
async fn leave_no_cursor_after_the_client_is_dropped() {
    let (db, [holder, client]) = instances().await;
    let _held = acquire(&holder, &spec("lock", 60_000)).await;
    let waiting = waits_with_cursor(&db, &client, "lock").await;
    drop(client);
    drop(waiting);
    let started = Instant::now();
    eventually(until(async || cursors(db.client(), &db).await == 0)).await;
    let took = started.elapsed();
    assert!(took < ms(4000), "{took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn move_to_the_next_primary() {
    let server = Server::builder()
        .topology(Topology::ReplicaSetOfThree)
        .start()
        .await
        .unwrap();
    let db = server.database().await;
    let (one, other) = (client(&db).await, client(&db).await);
    let everywhere = async || {
        let mut all = 0;
        for node in server.nodes() {
            all += cursors(&node.client().await, &db).await;
        }
        all
    };
    for _ in 0..2 {
        server.step_down().await.unwrap();
        server.ready().await.unwrap();
        // A single cursor, on the new primary.
        let held = acquire(&one, &spec("lock", 60_000)).await;
        let waiting = waits(&other, "lock");
        eventually(until(async || {
            let primary = server.primary().await.unwrap().client().await;
            everywhere().await == 1 && cursors(&primary, &db).await == 1
        }))
        .await;
        let started = Instant::now();
        held.release().await.unwrap();
        drop(eventually(waiting).await.unwrap().release().await);
        let took = started.elapsed();
        assert!(took < BEAT, "{took:?}");
    }
    other.shutdown().await;
    one.shutdown().await;
    assert_eq!(everywhere().await, 0);
}

#[tokio::test]
async fn survive_that_their_collection_is_dropped() {
    let (db, [one, other]) = instances().await;
    take_turns(&one, &other).await;
    db.collection::<Document>(WAKEUPS).drop().await.unwrap();
    recover(&db, &one, &other).await;
    take_turns(&one, &other).await;
}

/// The release takes effect, and its message is lost: the waiter finds out by itself.
#[tokio::test]
async fn that_are_lost_cost_a_beat() {
    let server = Server::shared().await;
    let (db, [other]) = instances().await;
    let app = "no-message";
    let one = LockClient::connect(format!("{}&appName={app}", db.uri()))
        .await
        .unwrap();
    take_turns(&one, &other).await;
    let held = acquire(&one, &spec("lock", 60_000)).await;
    let waiting = waits_with_cursor(&db, &other, "lock").await;
    let lost = doc! { "closeConnection": true };
    let point = server.fail_commands(app, &["insert"], "alwaysOn", lost);
    let point = point.await.unwrap();
    let started = Instant::now();
    held.release().await.unwrap();
    let mut waiting = waiting;
    drop(eventually(&mut waiting.0).await.unwrap().release().await);
    let took = started.elapsed();
    assert!(took < ms(5000), "{took:?}");
    point.hit(1).await.unwrap();
    point.off().await.unwrap();
}

#[tokio::test]
async fn need_a_capped_collection() {
    let db = Server::shared().await.database().await;
    let wakeups = db.collection::<Document>(WAKEUPS);
    wakeups.insert_one(doc! { "_id": "foreign" }).await.unwrap();
    let (log, _guards) = log();
    let (one, other) = (client(&db).await, client(&db).await);
    super::polling::takes_turns(&db, &one, &other).await;
    assert_eq!(log.count("cannot be woken"), 2, "each client says so, once");
    let advice = format!(
        "`{}.{WAKEUPS}` is not a capped collection; make it one: db.getCollection(\"{WAKEUPS}\").drop(); \
         db.createCollection(\"{WAKEUPS}\", {{ capped: true, size: 262144 }})",
        db.name()
    );
    assert_eq!(log.count(&advice), 2, "{log:?}");
    assert_eq!(wakeups.count_documents(doc! {}).await.unwrap(), 1);
}
