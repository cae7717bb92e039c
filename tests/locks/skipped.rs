//! The holder, in the answer to a skipped call.

use std::time::Duration;

use mongo_lock_runtime::{LockClient, Outcome, distributed_lock};

use crate::support::{acquire, database, holder_of, spec};

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
    let seen = skipped.holder().expect("the lock is held");
    assert_eq!(seen.owner, "$holders web-3:4711");
    assert_eq!(seen.since, guard.acquired_at());
    assert_eq!(seen.until, guard.expires_at());
    assert_eq!(
        seen.until.duration_since(seen.since).unwrap(),
        Duration::from_secs(90)
    );
    assert_eq!(seen.token, guard.token());
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
    let seen = holder_of(&client, &spec("owned", 60_000)).await;
    assert_eq!(seen.owner, client.owner());
    let (host, pid) = seen.owner.rsplit_once(':').unwrap();
    assert!(!host.is_empty());
    assert_eq!(pid, std::process::id().to_string());
}
