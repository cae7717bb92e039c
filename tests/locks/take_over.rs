//! A dead holder blocks its lock for the rest of its ttl, and no longer.

use std::{future::pending, time::Duration};

use mongo_lock_runtime::{LockClient, distributed_lock};
use mongo_lock_testkit::Server;
use mongodb::bson::doc;

use crate::support::{Worker, acquire_when_free, holder_of, say, spec, worker_input};

const TTL_MS: u64 = 2_000;

#[tokio::test]
async fn a_killed_holders_lock_is_free_when_its_ttl_ends() {
    // The TTL monitor must have no part in it.
    let server = Server::builder().ttl_monitor(false).start().await.unwrap();
    let db = server.database().await;
    let client = LockClient::connect(db.uri()).await.unwrap();
    let mut holder = Worker::start("take_over::worker", &db.uri());
    holder.wait_for("holding");
    holder.kill();

    let spec = spec("killed", TTL_MS);
    let held = holder_of(&client, &spec).await;
    let guard = acquire_when_free(&client, &spec).await;

    // Both by the server's clock.
    let late = guard
        .acquired_at()
        .duration_since(held.until)
        .expect("the lease was not over yet");
    assert!(late < Duration::from_millis(500), "{late:?} late");
    assert_eq!(
        held.until.duration_since(held.since).unwrap(),
        Duration::from_millis(TTL_MS)
    );
    assert!(guard.token() > held.token);

    let monitor = db
        .client()
        .database("admin")
        .run_command(doc! { "getParameter": 1, "ttlMonitorEnabled": 1 })
        .await
        .unwrap();
    assert_eq!(monitor.get_bool("ttlMonitorEnabled"), Ok(false));
}

#[tokio::test]
#[ignore = "the process that the test above kills"]
async fn worker() {
    let Some(uri) = worker_input() else { return };
    let client = LockClient::connect(uri).await.unwrap();
    let outcome = client.scope(hold()).await;
    unreachable!("{outcome:?}");
}

#[distributed_lock(name = "killed", ttl = "2s")]
async fn hold() {
    say("holding");
    pending::<()>().await;
}
