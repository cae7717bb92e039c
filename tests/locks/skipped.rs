//! What a skipped call knows of the holder.

use std::time::Duration;

use mongo_lock_runtime::{LockClient, Outcome, distributed_lock};

use crate::support::{acquire, database, refused, spec};

#[distributed_lock(name = "nightly-report", ttl = "5m")]
async fn job() -> u32 {
    42
}

#[tokio::test]
async fn says_who_since_when_and_until_when() {
    let (db, client) = database().await;
    let holder = LockClient::builder()
        .uri(db.uri())
        // Not a field path of the server's, and not an expression.
        .owner("$holders web-3:4711")
        .build()
        .await
        .unwrap();
    let guard = acquire(&holder, &spec("nightly-report", 90_000)).await;

    let outcome = client.scope(job()).await.unwrap();
    let skipped = outcome.clone().skipped().expect("the lock is held");

    assert_eq!(skipped.name.as_str(), "nightly-report");
    assert_eq!(skipped.holder, "$holders web-3:4711");
    assert_eq!(skipped.since, guard.acquired_at());
    assert_eq!(skipped.until, guard.expires_at());
    assert_eq!(
        skipped.until.duration_since(skipped.since).unwrap(),
        Duration::from_secs(90)
    );
    assert_eq!(skipped.token, guard.token());
    let text = skipped.to_string();
    assert!(
        text.starts_with("held by $holders web-3:4711 until ") && text.ends_with('Z'),
        "{text}"
    );

    guard.release().await.unwrap();
    assert_eq!(client.scope(job()).await.unwrap(), Outcome::Executed(42));
}

#[tokio::test]
async fn the_default_owner_is_host_and_process() {
    let (_db, client) = database().await;
    let _guard = acquire(&client, &spec("owned", 60_000)).await;
    let seen = refused(&client, &spec("owned", 60_000)).await;
    assert_eq!(seen.holder, client.owner());
    let (host, pid) = seen.holder.rsplit_once(':').unwrap();
    assert!(!host.is_empty());
    assert_eq!(pid, std::process::id().to_string());
}
