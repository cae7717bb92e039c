//! What the library says of itself through `tracing`.

use mongo_lock_runtime::{LockClient, distributed_lock};
use mongodb::bson::doc;

use crate::support::{Log, acquire, database, refused, spec};

/// Checks the start of a line, and that it has these fields.
fn check(line: &str, starts: &str, fields: &[&str]) {
    assert!(line.starts_with(starts), "{line}");
    for field in fields {
        assert!(line.contains(&format!(" {field}=")), "{field}: {line}");
    }
    assert!(!line.contains("mongodb://"), "{line}");
}

#[distributed_lock(name = "told", ttl = "1m")]
async fn job() {}

// One thread: the subscriber is this thread's, and the client's tasks run on it.
#[tokio::test]
async fn tell_the_life_of_a_lease() {
    let log = Log::here();
    let (db, client) = database().await;
    let client = LockClient::builder()
        .uri(db.uri())
        .owner(client.owner())
        .build()
        .await
        .unwrap();
    let told = spec("told", 60_000);
    log.take();

    let guard = acquire(&client, &told).await;
    let lines = log.take();
    let [acquired] = &lines[..] else {
        panic!("not one event: {lines:?}");
    };
    let token = format!("token={}", guard.token());
    check(
        acquired,
        "DEBUG acquired",
        &["name", "owner", "token", "ttl_ms", "took_ms"],
    );
    assert!(acquired.contains("name=told") && acquired.contains(&token));

    let _ = refused(&client, &told).await;
    let lines = log.take();
    let [skipped] = &lines[..] else {
        panic!("not one event: {lines:?}");
    };
    check(
        skipped,
        "DEBUG skipped ",
        &["name", "owner", "holder", "token", "took_ms", "reason"],
    );

    guard.release().await.unwrap();
    let lines = log.take();
    let [released] = &lines[..] else {
        panic!("not one event: {lines:?}");
    };
    check(
        released,
        "DEBUG released",
        &["name", "owner", "token", "held_ms", "took_ms"],
    );
    assert!(released.contains(&token));

    assert!(client.scope(job()).await.unwrap().is_executed());
    assert_eq!(log.take().len(), 2, "acquired and released");

    let guard = acquire(&client, &told).await;
    db.run_command(doc! { "drop": "distributed_locks" })
        .await
        .unwrap();
    guard.release().await.unwrap();
    let lines = log.take();
    check(
        &lines[1],
        "WARN lease was gone before its release",
        &["name", "owner", "token", "held_ms", "took_ms"],
    );
}
