//! Where an annotated function finds its client.

use mongo_lock_runtime::{Error, LockClient, Outcome, distributed_lock};
use mongo_lock_testkit::Server;

use crate::support::{Worker, database, worker_input};

#[distributed_lock(name = "somewhere", ttl = "1m")]
async fn job() -> Result<(), Error> {
    Ok(())
}

// No test of this binary installs a global client: that is for processes of their own.
#[tokio::test]
async fn without_a_client_the_error_says_how_to_configure_one() {
    let error = job().await.unwrap_err();
    assert!(matches!(error, Error::NoClient));
    assert!(error.to_string().contains("install_global"), "{error}");
    assert!(matches!(LockClient::global(), Err(Error::NoClient)));
}

#[tokio::test]
async fn a_scope_holds_for_its_task_and_ends_with_it() {
    let (_db, client) = database().await;
    client
        .scope(async {
            assert!(job().await.unwrap().is_executed());
            // A spawned task is not in the scope.
            let spawned = tokio::spawn(job()).await.unwrap();
            assert!(matches!(spawned, Err(Error::NoClient)));
        })
        .await;
    assert!(matches!(job().await, Err(Error::NoClient)));
}

#[tokio::test]
async fn an_inner_scope_replaces_an_outer_one() {
    let (_db, outer) = database().await;
    let (db, _) = database().await;
    let inner = LockClient::builder()
        .uri(db.uri())
        .owner("inner")
        .build()
        .await
        .unwrap();
    let seen = outer
        .scope(inner.scope(async { LockClient::current().unwrap().owner().to_owned() }))
        .await;
    assert_eq!(seen, "inner");
}

#[tokio::test]
async fn a_second_global_client_is_refused() {
    let db = Server::shared().await.database().await;
    let worker = Worker::start("global::worker", &db.uri());
    let (status, output) = worker.finish();
    assert!(status.success(), "{output}");
}

#[tokio::test]
#[ignore = "the process of the test above"]
async fn worker() {
    let Some(uri) = worker_input() else { return };
    let connect = async |owner| {
        let builder = LockClient::builder().uri(&uri).owner(owner);
        builder.build().await.unwrap()
    };
    connect("first").await.install_global().unwrap();
    let error = connect("second").await.install_global().unwrap_err();
    assert!(matches!(error, Error::AlreadyInstalled));
    assert!(error.to_string().contains("installed already"), "{error}");
    assert_eq!(LockClient::global().unwrap().owner(), "first");
    // Tasks of all kinds find it.
    let spawned = tokio::spawn(job()).await.unwrap();
    assert_eq!(spawned.unwrap(), Outcome::Executed(()));
}
