//! A client on connections that the service shares lasts no longer than their runtime. When that one is
//! gone, calls on another one get an error that says so, and bodies still end in time.
//! (`tests/independence/runtimes.rs` has the clients with connections of their own.)

use std::{thread, time::Duration};

use mongo_lock_runtime::{Error, LockClient, LossReason, distributed_lock};
use mongo_lock_testkit::{Server, TestDb};
use mongodb::Client;
use tokio::{
    runtime::{self, Runtime},
    task::spawn_blocking,
    time::timeout,
};

use crate::support::{SOON, acquire, block_on, body, eventually, free, live, ms, spec, within};

fn runtime() -> Runtime {
    runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
}

/// A client on connections of another runtime than this.
async fn elsewhere(db: &TestDb) -> (Runtime, LockClient) {
    let other = runtime();
    let (uri, name) = (db.uri(), db.name().to_owned());
    let build = async move {
        let driver = Client::with_uri_str(uri).await.unwrap();
        let builder = LockClient::builder().client(driver).database(name);
        builder.build().await.unwrap()
    };
    let client = other.spawn(build).await.unwrap();
    (other, client)
}

#[distributed_lock(name = "job", ttl = "2s", reuse)]
async fn job<F: Future>(body: F) -> F::Output {
    body.await
}

#[tokio::test]
async fn a_body_ends_in_time_when_the_clients_runtime_ends() {
    let db = Server::shared().await.database().await;
    let (other, client) = elsewhere(&db).await;
    let (body, hand) = body();
    let job = tokio::spawn(async move { client.scope(job(body)).await });
    hand.started().await;
    other.shutdown_background();
    let error = within(ms(2000) + SOON, job).await.unwrap().unwrap_err();
    assert!(
        matches!(error, Error::LeaseLost { .. } | Error::RuntimeGone { .. }),
        "{error}"
    );
    eventually(free(&db, "job")).await;
}

#[tokio::test]
async fn every_call_says_that_the_clients_runtime_is_gone() {
    let db = Server::shared().await.database().await;
    let (other, client) = elsewhere(&db).await;
    let held = acquire(&client, &spec("held", 1000)).await;
    let dropped = acquire(&client, &spec("dropped", 1000)).await;
    let lease = held.lease().clone();
    // Waits for its end.
    spawn_blocking(move || drop(other)).await.unwrap();

    let gone = |error: &Error| matches!(error, Error::RuntimeGone { .. });
    let error = client.try_acquire(&spec("more", 1000)).await.unwrap_err();
    assert!(gone(&error), "{error}");
    let error = lease.extend(ms(2000)).await.unwrap_err();
    let lost = matches!(
        error,
        Error::LeaseLost {
            reason: LossReason::RuntimeGone,
            ..
        }
    );
    assert!(gone(&error) || lost, "{error}");
    let error = held.release().await.unwrap_err();
    assert!(gone(&error), "{error}");
    let error = within(ms(1000), lease.lost()).await;
    assert!(matches!(error, Error::LeaseLost { .. }), "{error}");
    drop(dropped);
    let report = within(ms(6000), client.shutdown()).await;
    assert_eq!(report.unreleased.len(), 2, "{report}");
    drop(client);
    eventually(free(&db, "dropped")).await;
}

#[tokio::test]
async fn the_end_of_a_held_lease_is_noticed_without_the_clients_runtime() {
    let db = Server::shared().await.database().await;
    let (other, client) = elsewhere(&db).await;
    let guard = acquire(&client, &spec("held", 1000)).await;
    let lease = guard.lease().clone();
    let lost = tokio::spawn(async move { lease.lost().await });
    other.shutdown_background();
    let error = within(ms(1000) + SOON, lost).await.unwrap();
    assert!(matches!(error, Error::LeaseLost { .. }), "{error}");
}

#[tokio::test]
async fn a_guard_can_be_dropped_on_another_runtime_and_on_none() {
    let db = Server::shared().await.database().await;
    let (other, client) = elsewhere(&db).await;
    let guard = acquire(&client, &spec("here", 60_000)).await;
    drop(guard);
    within(SOON, free(&db, "here")).await;

    let guard = acquire(&client, &spec("nowhere", 60_000)).await;
    // The last handle on the client, too.
    drop(client);
    thread::spawn(move || drop(guard)).join().unwrap();
    within(SOON, free(&db, "nowhere")).await;
    assert!(live(&db, "nowhere").await.is_empty());
    other.shutdown_background();
}

/// Begun on the connections' runtime, and finished where there is none: the caller's executor is the
/// caller's business.
#[tokio::test]
async fn a_call_may_move_to_another_executor() {
    let db = Server::shared().await.database().await;
    let (other, client) = elsewhere(&db).await;
    let moves = spec("moves", 60_000);
    let travelling = client.clone();
    let mut call = Box::pin(async move { travelling.try_acquire(&moves).await });
    let begun = other.spawn(async move {
        let early = timeout(Duration::ZERO, &mut call).await;
        assert!(early.is_err(), "it was not to be done yet");
        (call,)
    });
    let (call,) = begun.await.unwrap();
    let guard = thread::spawn(move || block_on(call)).join().unwrap();
    let guard = guard.unwrap().acquired().unwrap();
    assert_eq!(live(&db, "moves").await.len(), 1);

    // The same, and the runtime on which it was begun is gone.
    let lost = spec("moves-on", 60_000);
    let travelling = client.clone();
    let mut call = Box::pin(async move { travelling.try_acquire(&lost).await });
    let begun = other.spawn(async move {
        let _ = timeout(Duration::ZERO, &mut call).await;
        (call,)
    });
    let (call,) = begun.await.unwrap();
    drop(guard);
    within(SOON, free(&db, "moves")).await;
    thread::spawn(move || drop(other)).join().unwrap();
    let error = thread::spawn(move || block_on(call)).join().unwrap();
    let error = error.unwrap_err();
    let fits = matches!(error, Error::RuntimeGone { .. } | Error::LeaseLost { .. });
    assert!(fits, "{error}");
}
