//! Connections that are in use hold up no renewal: not those of the service's own client, and not those of
//! the client's own callers, however few there may be.

use std::{
    future::Future as _,
    pin::pin,
    task::{Context, Waker},
    time::Duration,
};

use mongo_lock_runtime::{LockClient, LockGuard};
use mongo_lock_testkit::{Server, TestDb};
use mongodb::{
    Client,
    bson::{Document, doc},
};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use crate::{
    rounds,
    support::{acquire, database, eventually, ms, refused, renewed_spec, spec},
};

const TTL: Duration = ms(2000);

/// The time for which a lease must be kept: several ttls.
const HELD: Duration = ms(5000);

/// Checks a lease until `HELD` is over, and releases it.
async fn is_kept(guard: LockGuard) {
    let until = Instant::now() + HELD;
    while Instant::now() < until {
        guard.lease().check().unwrap();
        sleep(ms(20)).await;
    }
    guard.release().await.unwrap();
}

/// Twelve slow queries on a client with a pool of ten, for longer than a lease lasts that is not renewed.
async fn slow_queries(db: &TestDb) -> (Client, JoinSet<()>) {
    db.collection("slow").insert_one(doc! {}).await.unwrap();
    let service = Client::with_uri_str(db.uri()).await.unwrap();
    let database = service.database(db.name());
    let mut queries = JoinSet::new();
    for _ in 0..12 {
        let documents = database.collection::<Document>("slow");
        queries.spawn(async move {
            let slow = doc! { "$where": "sleep(7000) || true" };
            documents.find_one(slow).await.unwrap();
        });
    }
    // All connections are in use when a request has to wait for one.
    let ping = || async { database.run_command(doc! { "ping": 1 }).await };
    eventually(async { while timeout(ms(300), ping()).await.is_ok() {} }).await;
    (service, queries)
}

#[tokio::test]
async fn of_the_service() {
    let (db, client) = database().await;
    let mut leases = Vec::new();
    for run in 0..rounds() {
        leases.push(acquire(&client, &renewed_spec(&format!("job/{run}"), TTL)).await);
    }
    let (_service, mut queries) = slow_queries(&db).await;
    let kept: JoinSet<_> = leases.into_iter().map(is_kept).collect();
    kept.join_all().await;
    assert!(queries.try_join_next().is_none(), "they went on");
}

/// Callers that keep a pool of one connection busy: some wait to be woken, some try again and again.
fn callers(client: &LockClient) -> JoinSet<()> {
    let mut callers = JoinSet::new();
    for caller in 0..8 {
        let (waits, tries) = (client.clone(), client.clone());
        callers.spawn(async move {
            drop(waits.acquire(&spec("held", 60_000)).await.unwrap());
        });
        callers.spawn(async move {
            loop {
                let free = spec(&format!("free/{caller}"), 60_000);
                let guard = acquire(&tries, &free).await;
                guard.release().await.unwrap();
            }
        });
    }
    callers
}

#[tokio::test]
async fn of_a_client_with_one() {
    let (db, other) = database().await;
    let _held = acquire(&other, &spec("held", 60_000)).await;
    for _ in 0..rounds().div_ceil(4) {
        let uri = format!("{}&maxPoolSize=1", db.uri());
        let client = LockClient::connect(&uri).await.unwrap();
        let mut leases = Vec::new();
        for lease in 0..4 {
            leases.push(acquire(&client, &renewed_spec(&format!("job/{lease}"), TTL)).await);
        }
        let mut callers = callers(&client);
        let kept: JoinSet<_> = leases.into_iter().map(is_kept).collect();
        kept.join_all().await;
        assert!(callers.try_join_next().is_none(), "they went on");
        callers.shutdown().await;
        assert!(eventually(client.shutdown()).await.is_clean());
    }
}

/// Callers that began to acquire and do something else now: the first has the only connection for
/// acquisitions, the second is next.
#[tokio::test]
async fn of_callers_that_stopped_polling() {
    let db = Server::shared().await.database().await;
    let uri = format!("{}&maxPoolSize=1", db.uri());
    let client = LockClient::connect(&uri).await.unwrap();
    let specs = ["first", "second"].map(|name| spec(name, 60_000));
    let [first, second] = &specs;
    let mut first = pin!(client.try_acquire(first));
    let mut second = pin!(client.try_acquire(second));
    let mut context = Context::from_waker(Waker::noop());
    assert!(first.as_mut().poll(&mut context).is_pending());
    assert!(second.as_mut().poll(&mut context).is_pending());
    let third = acquire(&client, &spec("third", 60_000)).await;
    third.release().await.unwrap();
    for late in [first.await, second.await] {
        late.unwrap().acquired().unwrap().release().await.unwrap();
    }
}

/// The caller of an operation whose answer hangs keeps the only connection for acquisitions: others are
/// told what is lacking, and renewals and releases go on.
#[tokio::test]
async fn that_hangs() {
    let server = Server::shared().await;
    let db = server.database().await;
    let uri = format!("{}&maxPoolSize=1&appName={}", db.uri(), db.name());
    let builder = LockClient::builder().uri(&uri);
    let client = builder.operation_timeout(ms(3000)).build().await.unwrap();
    let kept = acquire(&client, &renewed_spec("kept", TTL)).await;
    let ends = acquire(&client, &spec("ends", 60_000)).await;
    let blocks = doc! { "blockConnection": true, "blockTimeMS": 4000 };
    let hangs = server
        .fail_commands(db.name(), &["findAndModify"], doc! { "times": 1 }, blocks)
        .await
        .unwrap();
    let first = {
        let client = client.clone();
        tokio::spawn(async move { client.try_acquire(&spec("first", 60_000)).await.map(drop) })
    };
    hangs.hit(1).await.unwrap();
    let second = client.try_acquire(&spec("second", 60_000)).await;
    let error = second.unwrap_err().to_string();
    assert!(error.contains("maxPoolSize"), "{error}");
    ends.release().await.unwrap();
    kept.lease().check().unwrap();
    assert!(first.await.unwrap().is_err());
    hangs.off().await.unwrap();
    let _ = refused(&client, &spec("kept", 60_000)).await;
}
