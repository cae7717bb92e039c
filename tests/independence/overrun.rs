//! A body that ends after its lease is reported, also when its value is returned and when no other caller took
//! the lock.

use std::thread;

use mongo_lock_runtime::{Outcome, current_lease, distributed_lock};

use crate::support::{Log, acquire, database, ms, spec};

#[distributed_lock(name = "late", ttl = "500ms")]
async fn late() -> u32 {
    thread::sleep(ms(600));
    7
}

#[distributed_lock(name = "in-time", ttl = "60s")]
async fn in_time() -> u32 {
    7
}

#[distributed_lock(name = "goes-on", ttl = "500ms", on_lost = "continue")]
async fn goes_on() -> u32 {
    current_lease().unwrap().lost().await;
    7
}

#[tokio::test]
async fn a_late_body_is_one_warning() {
    let log = Log::here();
    let (_db, client) = database().await;
    let done = client.scope(late()).await.unwrap();
    assert_eq!(done, Outcome::Executed(7));
    let done = client.scope(goes_on()).await.unwrap();
    assert_eq!(done, Outcome::Executed(7));
    let late = log.starting("WARN body ended after its lease");
    assert_eq!(late.len(), 2, "{late:?}");
    for (line, name) in late.iter().zip(["late", "goes-on"]) {
        let fits = line.contains(&format!("name={name} ")) && line.contains("late_ms=");
        assert!(fits, "{line}");
    }
}

#[tokio::test]
async fn a_body_in_time_is_none() {
    let log = Log::here();
    let (_db, client) = database().await;
    let done = client.scope(in_time()).await.unwrap();
    assert_eq!(done, Outcome::Executed(7));
    acquire(&client, &spec("guard", 60_000))
        .await
        .release()
        .await
        .unwrap();
    assert_eq!(log.warnings(), Vec::<String>::new());
}
