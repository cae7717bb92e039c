//! How many connections a client opens, by the server's own count.

use std::collections::BTreeSet;

use mongo_lock_runtime::LockClient;
use mongo_lock_testkit::{Server, TestDb};
use mongodb::bson::{Bson, doc};
use tokio::{task::JoinSet, time::sleep};

use crate::support::{acquire, eventually, ms, renewed_spec, spec, until};

/// The connections of the clients that name themselves after the database.
async fn open(db: &TestDb) -> usize {
    let pipeline = [
        doc! { "$currentOp": { "allUsers": true, "idleConnections": true } },
        doc! { "$match": { "appName": db.name(), "connectionId": { "$exists": true } } },
    ];
    let admin = db.client().database("admin");
    let mut cursor = admin.aggregate(pipeline).await.unwrap();
    let mut open = BTreeSet::new();
    while cursor.advance().await.unwrap() {
        let operation = cursor.deserialize_current().unwrap();
        let id = operation.get("connectionId").and_then(Bson::as_i64);
        let id = id.or_else(|| operation.get_i32("connectionId").ok().map(i64::from));
        open.insert(id);
    }
    open.len()
}

/// Has 20 callers acquire, release and wait at the same time, while leases are renewed.
async fn keep_busy(client: &LockClient) {
    let mut tasks = JoinSet::new();
    for caller in 0..20 {
        let client = client.clone();
        tasks.spawn(async move {
            for round in 0..2 {
                let own = renewed_spec(&format!("own/{caller}"), ms(3000));
                let guard = acquire(&client, &own).await;
                let contended = client.acquire(&spec("contended", 60_000)).await.unwrap();
                if round % 2 == 0 {
                    contended.release().await.unwrap();
                }
                drop(guard);
            }
        });
    }
    while let Some(task) = tasks.join_next().await {
        task.unwrap();
    }
}

async fn named(db: &TestDb, more: &str) -> LockClient {
    let uri = format!("{}&appName={}{more}", db.uri(), db.name());
    LockClient::connect(uri).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn are_as_many_as_the_guide_says() {
    let server = Server::shared().await;
    let db = server.database().await;
    let client = named(&db, "&maxPoolSize=3").await;
    // A connection that is busy for a while makes the next caller ask for another.
    let blocks = doc! { "blockConnection": true, "blockTimeMS": 50 };
    let slow = server
        .fail_commands(db.name(), &["findAndModify", "update"], "alwaysOn", blocks)
        .await
        .unwrap();
    let mut most = 0;
    let count = async {
        loop {
            most = most.max(open(&db).await);
            sleep(ms(5)).await;
        }
    };
    tokio::select! {
        () = keep_busy(&client) => {}
        () = count => {}
    }
    slow.off().await.unwrap();
    // Acquisitions, releases, two renewals, a cursor, confirmations, and two of the driver's own.
    assert!((5..=3 + 3 + 2 + 1 + 1 + 2).contains(&most), "{most}");

    // Neither a tenant nor a client with an equal URI opens another.
    let before = open(&db).await;
    let tenant = client.with_owner("tenant").unwrap();
    let again = named(&db, "&maxPoolSize=3").await;
    one_by_one(&tenant).await;
    one_by_one(&again).await;
    assert!(open(&db).await <= before);

    assert!(client.shutdown().await.is_clean());
    drop((client, tenant, again));
    eventually(until(async || open(&db).await == 0)).await;
}

async fn one_by_one(client: &LockClient) {
    for name in 0..10 {
        let guard = acquire(client, &spec(&format!("free/{name}"), 1000)).await;
        guard.release().await.unwrap();
    }
}
