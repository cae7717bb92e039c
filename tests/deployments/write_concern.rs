//! A write concern of the URI, or of the shared client, switches nothing off.

use std::time::Duration;

use mongo_lock_runtime::{LockClient, Release};
use mongo_lock_testkit::Server;
use mongodb::Client;

use crate::support::{Log, acquire, live, patient, spec, within};

#[tokio::test]
async fn w_0_leaves_acknowledgement_and_wake_ups_as_they_are() {
    let log = Log::here();
    for shared in [false, true] {
        let db = Server::shared().await.database().await;
        let uri = format!("{}&w=0", db.uri());
        let build = async || {
            let builder = LockClient::builder();
            let builder = if shared {
                let driver = Client::with_uri_str(&uri).await.unwrap();
                builder.client(driver).database(db.name())
            } else {
                builder.uri(&uri)
            };
            builder.build().await.unwrap()
        };
        let (one, other) = (build().await, build().await);
        let lock = patient("w0").build().unwrap();
        for _ in 0..3 {
            let held = acquire(&one, &lock).await;
            assert_eq!(live(&db, "w0").await.len(), 1, "it is written");
            let waiting = tokio::spawn({
                let (other, lock) = (other.clone(), lock.clone());
                async move { other.acquire(&lock).await }
            });
            // Its listener is there.
            tokio::time::sleep(Duration::from_millis(700)).await;
            held.release().await.unwrap();
            let next = within(Duration::from_secs(10), waiting).await;
            next.unwrap().unwrap().release().await.unwrap();
            assert_eq!(live(&db, "w0").await.len(), 0);
        }
        let free = acquire(&one, &spec("free", 60_000)).await;
        assert_eq!(free.release().await.unwrap(), Release::Freed);
    }
    assert_eq!(log.warnings(), Vec::<String>::new());
}
