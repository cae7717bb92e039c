//! The sources of a client's connections.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use mongo_lock_runtime::LockClient;
use mongo_lock_testkit::Server;
use mongodb::{
    event::{EventHandler, command::CommandEvent},
    options::ClientOptions,
};

use crate::{
    refusal, says,
    support::{acquire, live, spec},
};

#[tokio::test]
async fn options_make_a_client_with_their_database_and_handlers() {
    let db = Server::shared().await.database().await;
    let mut options = ClientOptions::parse(db.uri()).await.unwrap();
    let commands = Arc::<AtomicU32>::default();
    let count = Arc::clone(&commands);
    options.command_event_handler = Some(EventHandler::callback(move |event| {
        if let CommandEvent::Started(_) = event {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }));
    let builder = LockClient::builder().client_options(options);
    let client = builder.build().await.unwrap();
    let start_up = commands.swap(0, Ordering::Relaxed);
    assert!((3..=5).contains(&start_up), "{start_up}");
    let guard = acquire(&client, &spec("by-options", 60_000)).await;
    assert_eq!(commands.load(Ordering::Relaxed), 1);
    assert_eq!(live(&db, "by-options").await.len(), 1);
    guard.release().await.unwrap();
}

#[tokio::test]
async fn the_last_source_counts() {
    let db = Server::shared().await.database().await;
    let nowhere = ClientOptions::parse("mongodb://127.0.0.1:1").await.unwrap();
    let builder = LockClient::builder().client_options(nowhere.clone());
    builder.uri(db.uri()).build().await.unwrap();
    let there = ClientOptions::parse(db.uri()).await.unwrap();
    let builder = LockClient::builder().uri("mongodb://127.0.0.1:1");
    builder.client_options(there).build().await.unwrap();
}

#[tokio::test]
async fn options_that_contradict_each_other_are_refused() {
    let two = "mongodb://127.0.0.1:1,127.0.0.1:2";
    let mut options = ClientOptions::parse(two).await.unwrap();
    options.direct_connection = Some(true);
    let text = refusal(LockClient::builder().client_options(options)).await;
    says(&text, &["invalid client options", "directConnection"]);
}
