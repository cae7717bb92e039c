//! One command to acquire, one to be refused, one to release, and none besides.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use mongo_lock_runtime::{LockClient, Outcome, distributed_lock};
use mongo_lock_testkit::Server;
use mongodb::{
    Client,
    event::{EventHandler, command::CommandEvent},
    options::ClientOptions,
};

use crate::support::{acquire, refused, spec};

#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<String>>>);

impl Seen {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

#[distributed_lock(name = "attribute", ttl = "1m")]
async fn job() {}

#[tokio::test]
async fn one_command_each_and_no_others() {
    let db = Server::shared().await.database().await;
    let seen = Seen::default();
    let mut options = ClientOptions::parse(db.direct_uri()).await.unwrap();
    let log = seen.clone();
    options.command_event_handler = Some(EventHandler::callback(move |event| {
        if let CommandEvent::Started(started) = event {
            log.0.lock().unwrap().push(started.command_name);
        }
    }));
    let driver = Client::with_options(options).unwrap();
    let start = async || {
        let builder = LockClient::builder().client(driver.clone());
        builder.database(db.name()).build().await.unwrap()
    };
    let client = start().await;
    let [hello, list, index] = ["hello", "listCollections", "createIndexes"];
    assert_eq!(seen.take(), [hello, list, index, "findAndModify"]);
    // The collection has indexes now.
    drop(start().await);
    let again = [hello, list, "listIndexes", index, "findAndModify"];
    assert_eq!(seen.take(), again);

    let spec = spec("guard", 60_000);
    let other = client.with_owner("other").unwrap();
    // The second round finds the document there already.
    for _ in 0..2 {
        let guard = acquire(&client, &spec).await;
        assert_eq!(seen.take(), ["findAndModify"], "acquire");
        let _ = refused(&other, &spec).await;
        assert_eq!(seen.take(), ["findAndModify"], "refuse");
        let _ = refused(&client, &spec).await;
        assert_eq!(seen.take(), [""; 0], "refuse, where we hold it ourselves");
        guard.release().await.unwrap();
        assert_eq!(seen.take(), ["update"], "release");
    }

    let outcome = client.scope(job()).await.unwrap();
    assert_eq!(outcome, Outcome::Executed(()));
    assert_eq!(seen.take(), ["findAndModify", "update"], "attribute");

    // Time is the subject here: holding a lock, or nothing, costs nothing.
    let guard = acquire(&client, &spec).await;
    seen.take();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(seen.take(), [""; 0], "while held");
    drop(guard);
}
