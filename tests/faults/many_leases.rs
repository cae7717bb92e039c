//! Renewal costs a handful of commands per interval, not one per lease.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use mongo_lock_runtime::{LockClient, LockGuard};
use mongo_lock_testkit::Server;
use mongodb::{
    Client,
    event::{EventHandler, command::CommandEvent},
    options::ClientOptions,
};
use tokio::{task::JoinSet, time::sleep};

use crate::support::{acquire, all_live, ms, renewed_spec};

const LEASES: usize = 300;
const TTL: Duration = ms(3000);
const INTERVAL: Duration = ms(1000);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn is_renewed_together() {
    let db = Server::shared().await.database().await;
    let sent = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&sent);
    let mut options = ClientOptions::parse(db.uri()).await.unwrap();
    options.command_event_handler = Some(EventHandler::callback(move |event| {
        if let CommandEvent::Started(_) = event {
            count.fetch_add(1, Relaxed);
        }
    }));
    let driver = Client::with_options(options).unwrap();
    let builder = LockClient::builder().client(driver).database(db.name());
    let client = builder.build().await.unwrap();
    let mut acquiring = JoinSet::new();
    for number in 0..LEASES {
        let client = client.clone();
        acquiring.spawn(async move {
            // Begun at different times, so that it takes some doing to renew them together.
            sleep(ms(number as u64 * 2)).await;
            acquire(&client, &renewed_spec(&format!("lease-{number}"), TTL)).await
        });
    }
    let guards = acquiring.join_all().await;

    // Time is the subject. The first renewals may still be apart.
    sleep(INTERVAL).await;
    sent.store(0, Relaxed);
    sleep(3 * INTERVAL).await;
    let commands = sent.load(Relaxed);
    // One each, and one more for what is due at the edges. More means that they stay apart.
    assert!(commands <= 12, "{commands} in three intervals");
    for guard in &guards {
        guard.lease().check().unwrap();
    }
    assert_eq!(all_live(&db).await.len(), LEASES);
    let releasing: JoinSet<_> = guards.into_iter().map(LockGuard::release).collect();
    releasing.join_all().await;
    assert_eq!(all_live(&db).await, []);
}
