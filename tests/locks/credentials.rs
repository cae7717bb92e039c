//! Who may not log in, and who may log in but not do what locks need: told at start-up.

use mongo_lock_runtime::{Error, LockClient, Operation};
use mongo_lock_testkit::Server;
use mongodb::bson::doc;

use crate::support::{acquire, spec};

const PASSWORD: &str = "hunter2";

fn check(error: &Error, says: &[&str]) {
    assert!(matches!(error, Error::StartUp { .. }), "{error}");
    for says in says {
        assert!(error.to_string().contains(says), "{says}: {error}");
    }
    let all = format!("{error} {error:?}");
    assert!(!all.contains(PASSWORD), "{all}");
}

#[tokio::test]
async fn are_told_apart_at_start_up() {
    let server = Server::builder()
        .auth("root", PASSWORD)
        .start()
        .await
        .unwrap();
    let db = server.database().await;
    LockClient::connect(db.uri()).await.unwrap();
    let user = async |name, actions| db.create_user(name, PASSWORD, actions).await.unwrap();

    let wrong = db.uri().replace(PASSWORD, "hunter2x");
    let error = LockClient::connect(wrong).await.unwrap_err();
    check(&error, &["refused the credentials"]);

    let anonymous = db.uri().replace(&format!("root:{PASSWORD}@"), "");
    let error = LockClient::connect(anonymous).await.unwrap_err();
    check(&error, &["may not"]);

    let writer = user("writer", &["find", "insert", "update"][..]).await;
    let error = LockClient::connect(&writer).await.unwrap_err();
    check(
        &error,
        &[
            "`createIndex`",
            "create_index(false)",
            "db.getCollection(\"distributed_locks\").createIndex(",
        ],
    );
    // As the message says.
    let client = LockClient::builder()
        .uri(&writer)
        .create_index(false)
        .build()
        .await
        .unwrap();
    let guard = acquire(&client, &spec("written", 60_000)).await;
    guard.release().await.unwrap();

    let reader = user("reader", &["find", "createIndex"][..]).await;
    let error = LockClient::connect(reader).await.unwrap_err();
    check(&error, &["may not find, insert and update"]);

    let updater = user("updater", &["find", "update", "createIndex"][..]).await;
    let error = LockClient::connect(updater).await.unwrap_err();
    check(&error, &["may not find, insert and update"]);
}

#[tokio::test]
async fn a_privilege_taken_away_later_is_an_error_of_the_call() {
    let server = Server::builder()
        .auth("root", PASSWORD)
        .start()
        .await
        .unwrap();
    let db = server.database().await;
    let actions = &["find", "insert", "update", "createIndex"];
    let uri = db.create_user("short", PASSWORD, actions).await.unwrap();
    let client = LockClient::connect(uri).await.unwrap();
    let spec = spec("taken-away", 60_000);
    let guard = acquire(&client, &spec).await;
    db.run_command(doc! { "dropRole": "short" }).await.unwrap();

    let other = client.with_owner("other").unwrap();
    let error = other.try_acquire(&spec).await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::Database {
                operation: Operation::Acquire,
                ..
            }
        ),
        "{error}"
    );
    assert!(error.to_string().contains("taken-away"), "{error}");
    let error = guard.release().await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::Database {
                operation: Operation::Release,
                ..
            }
        ),
        "{error}"
    );
}
