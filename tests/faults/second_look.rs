//! A renewal that has not prolonged every lease looks at what the server has, and believes only what a
//! majority has: anything else may be rolled back.

use std::sync::{Arc, Mutex};

use mongo_lock_runtime::{Error, LockClient, LossReason};
use mongo_lock_testkit::Server;
use mongodb::{
    Client,
    bson::Document,
    event::{EventHandler, command::CommandEvent},
    options::ClientOptions,
};

use crate::support::{acquire, delete, eventually, ms, renewed_spec};

#[tokio::test]
async fn it_reads_what_a_majority_has() {
    let db = Server::shared().await.database().await;
    let looks: Arc<Mutex<Vec<Document>>> = Arc::default();
    // A service that reads from secondaries, and what they have at the moment.
    let uri = format!(
        "{}&readPreference=secondaryPreferred&readConcernLevel=local",
        db.uri()
    );
    let mut options = ClientOptions::parse(uri).await.unwrap();
    let log = Arc::clone(&looks);
    options.command_event_handler = Some(EventHandler::callback(move |event| {
        if let CommandEvent::Started(started) = event
            && ["aggregate", "find"].contains(&&*started.command_name)
        {
            log.lock().unwrap().push(started.command);
        }
    }));
    let driver = Client::with_options(options).unwrap();
    let builder = LockClient::builder().client(driver).database(db.name());
    let client = builder.build().await.unwrap();
    let guard = acquire(&client, &renewed_spec("job", ms(1500))).await;
    looks.lock().unwrap().clear();

    delete(&db, "job").await;
    let lost = eventually(guard.lease().lost()).await;
    let fits = matches!(
        lost,
        Error::LeaseLost {
            reason: LossReason::Gone,
            ..
        }
    );
    assert!(fits, "{lost}");
    let looks = looks.lock().unwrap();
    assert!(!looks.is_empty(), "it did not look");
    for look in looks.iter() {
        let concern = look.get_document("readConcern");
        assert_eq!(concern.unwrap().get_str("level"), Ok("majority"), "{look}");
        let preference = look.get_document("$readPreference");
        let mode = preference.map_or("primary", |it| it.get_str("mode").unwrap());
        // On a direct connection, the driver asks for what the node may be.
        assert!(mode.starts_with("primary"), "{look}");
    }
}
