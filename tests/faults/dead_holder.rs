//! A holder that is killed, and one that is paused beyond its lease and goes on later.

use std::{
    process::Command,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use mongo_lock_runtime::{
    Error, FencedWrite, Lease, LockClient, LossReason, current_lease, distributed_lock,
};
use mongo_lock_testkit::{Server, TestDb};
use mongodb::{
    Client, Collection,
    bson::{Document, doc},
};
use tokio::time::sleep;

use crate::support::{
    Worker, acquire_when_free, client, holder_of, live, ms, only, say, spec, until, within,
    worker_input,
};

const TTL: Duration = ms(1500);

#[tokio::test]
async fn killed_its_lock_passes_on_when_its_renewed_lease_ends() {
    let db = Server::shared().await.database().await;
    let client = client(&db).await;
    let mut holder = Worker::start("dead_holder::renewing_worker", &db.uri());
    holder.wait_for("holding");
    let granted = only(&live(&db, "renewing").await);
    let renewed = async || only(&live(&db, "renewing").await).expires_at > granted.expires_at;
    within(TTL, until(renewed)).await;
    holder.kill();
    let last = only(&live(&db, "renewing").await);
    let successor = acquire_when_free(&client, &spec("renewing", 60_000)).await;
    let late = successor.acquired_at().duration_since(last.expires_at);
    let late = late.expect("not before its end");
    assert!(late < ms(2000), "{late:?} late");
    assert!(successor.token() > last.token);
}

#[tokio::test]
#[ignore = "the process that a test above kills"]
async fn renewing_worker() {
    let Some(uri) = worker_input() else { return };
    let client = LockClient::connect(uri).await.unwrap();
    let outcome = client.scope(renewing()).await;
    unreachable!("{outcome:?}");
}

#[distributed_lock(name = "renewing", ttl = TTL, renew)]
async fn renewing() {
    say("holding");
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn paused_its_body_does_not_go_on_and_its_write_is_refused() {
    let db = Server::shared().await.database().await;
    let client = client(&db).await;
    let mut holder = Worker::start("dead_holder::paused_worker", &db.uri());
    holder.wait_for("holding");
    let held = holder_of(&client, &spec("paused", 60_000)).await;
    signal("STOP", &held.owner);

    let successor = acquire_when_free(&client, &spec("paused", 60_000)).await;
    assert!(successor.acquired_at() >= held.until);
    assert!(successor.token() > held.token);
    let fence = successor.lease().fenced(&documents(&db));
    let mine = doc! { "$set": { "writer": "successor" } };
    let written = fence.upsert_one(doc! { "_id": 1 }, mine).await.unwrap();
    assert_eq!(written, FencedWrite::Applied);
    let before = only(&live(&db, "paused").await);

    signal("CONT", &held.owner);
    let (status, output) = holder.finish();
    assert!(status.success(), "{output}");
    // The worker has tried it all by now, its late release too.
    assert_eq!(only(&live(&db, "paused").await), before);
    successor.lease().check().unwrap();
    let document = documents(&db).find_one(doc! { "_id": 1 }).await.unwrap();
    assert_eq!(document.unwrap().get_str("writer"), Ok("successor"));
}

#[tokio::test]
#[ignore = "the process that a test above pauses"]
async fn paused_worker() {
    let Some(uri) = worker_input() else { return };
    let client = LockClient::connect(&uri).await.unwrap();
    let driver = Client::with_uri_str(&uri).await.unwrap();
    let documents = driver.default_database().unwrap().collection("documents");
    // Connected by the time that it matters.
    documents.insert_one(doc! { "_id": 0 }).await.unwrap();

    let kept = Kept::default();
    let start = Instant::now();
    let error = client.scope(paused(start, kept.clone())).await.unwrap_err();
    let fits = matches!(
        error,
        Error::LeaseLost {
            reason: LossReason::Deadline { .. },
            ..
        }
    );
    assert!(fits, "{error}");
    assert!(start.elapsed() > TTL, "it was not paused");
    let lease = kept.0.lock().unwrap().take().unwrap();
    let mine = doc! { "$set": { "writer": "paused" } };
    let fence = lease.fenced(&documents);
    let write = fence.update_one(doc! { "_id": 1 }, mine).await.unwrap();
    assert!(matches!(write, FencedWrite::Refused { newer } if newer > lease.token()));
    let report = client.shutdown().await;
    assert!(report.is_clean(), "{report}");
}

/// What the body leaves behind for the time after it.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Option<Lease>>>);

#[distributed_lock(name = "paused", ttl = TTL)]
async fn paused(start: Instant, kept: Kept) {
    *kept.0.lock().unwrap() = current_lease();
    say("holding");
    loop {
        // It counts time by itself. Polled once after its lease, it fails the test.
        assert!(start.elapsed() < TTL, "polled after its lease");
        sleep(ms(1)).await;
    }
}

fn documents(db: &TestDb) -> Collection<Document> {
    db.collection("documents")
}

/// Sends a signal to the process of an owner, `host:pid`.
fn signal(name: &str, owner: &str) {
    let pid = owner.rsplit(':').next().unwrap();
    let kill = r#"kill -s "$1" "$2""#;
    let mut command = Command::new("sh");
    let sent = command.args(["-c", kill, "sh", name, pid]).status();
    assert!(sent.unwrap().success(), "SIG{name} to {owner}");
}
