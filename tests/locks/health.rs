//! The look at the server, by which a client tells its health.

use mongo_lock_testkit::Server;

use crate::support::{Commands, acquire, spec};

/// An address that is open to all must not open a connection for each that asks.
#[tokio::test]
async fn a_crowd_asks_the_server_once() {
    let db = Server::shared().await.database().await;
    let commands = Commands::default();
    let client = commands.client(&db).await;
    let guard = acquire(&client, &spec("held", 60_000)).await;
    commands.take();
    let crowd = (0..100).map(|_| {
        let client = client.clone();
        tokio::spawn(async move { client.health().await })
    });
    for health in crowd.collect::<Vec<_>>() {
        let health = health.await.unwrap();
        assert!(health.is_reachable(), "{health:?}");
        assert_eq!(health.held[0].token, guard.token());
    }
    // One task after the other asks, before any can hear an answer.
    assert_eq!(commands.take(), ["ping"]);
    assert!(client.health().await.is_reachable());
    assert_eq!(commands.take(), ["ping"]);
}
