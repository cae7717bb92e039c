//! Commands fail for the named client, and for no other.

use mongo_lock_testkit::Server;
use mongodb::{bson::doc, error::ErrorKind};

use crate::support::{client_named, ping};

const BAD_VALUE: i32 = 2;

#[tokio::test]
async fn only_the_named_client_is_hit() {
    let server = Server::shared().await;
    let hit = client_named(server.uri(), "hit").await;
    let spared = client_named(server.uri(), "spared").await;
    let effect = doc! { "errorCode": BAD_VALUE };
    let fails = server
        .fail_commands("hit", &["ping"], "alwaysOn", effect)
        .await
        .unwrap();

    let error = ping(&hit).await.unwrap_err();
    let ErrorKind::Command(error) = error.kind.as_ref() else {
        panic!("{error}")
    };
    assert_eq!(error.code, BAD_VALUE);
    ping(&spared).await.unwrap();

    fails.off().await.unwrap();
    ping(&hit).await.unwrap();
}

#[tokio::test]
async fn it_ends_with_its_times_and_with_its_value() {
    let server = Server::shared().await;
    let client = client_named(server.uri(), "times").await;
    let effect = doc! { "closeConnection": true };
    let fails = server
        .fail_commands("times", &["ping"], doc! { "times": 2 }, effect.clone())
        .await
        .unwrap();
    ping(&client).await.unwrap_err();
    ping(&client).await.unwrap_err();
    ping(&client).await.unwrap();
    drop(fails);

    let fails = server
        .fail_commands("times", &["ping"], "alwaysOn", effect)
        .await
        .unwrap();
    ping(&client).await.unwrap_err();
    drop(fails);
    ping(&client).await.unwrap();
}

#[tokio::test]
async fn a_hit_is_an_event() {
    let server = Server::shared().await;
    let client = client_named(server.uri(), "event").await;
    ping(&client).await.unwrap();
    let effect = doc! { "blockConnection": true, "blockTimeMS": 300 };
    let blocks = server
        .fail_commands("event", &["ping"], doc! { "times": 1 }, effect)
        .await
        .unwrap();
    let pinged = tokio::spawn(async move { ping(&client).await });
    blocks.hit(1).await.unwrap();
    assert!(!pinged.is_finished(), "it is blocked");
    pinged.await.unwrap().unwrap();
    blocks.off().await.unwrap();
}
