//! How long one waits, and for what one does not.

use std::time::{Duration, Instant};

use mongo_lock_runtime::{Error, LockClient, LockSpec};
use mongo_lock_testkit::{ProxyMode, Server};

use crate::support::{acquire, eventually, instances, ms, patient, places, spec, until};

#[tokio::test]
async fn a_waiter_at_its_limit_is_told_the_holder() {
    let (db, [one, other]) = instances().await;
    let held = acquire(&one, &spec("lock", 60_000)).await;
    let waits = LockSpec::builder("lock", ms(1000))
        .wait(ms(300))
        .build()
        .unwrap();
    for client in [&other, &one] {
        let started = Instant::now();
        let skipped = eventually(client.acquire_within(&waits, waits.wait().unwrap()))
            .await
            .unwrap()
            .skipped();
        assert!(started.elapsed() >= ms(300));
        assert!(started.elapsed() < Duration::from_secs(4));
        assert_eq!(skipped.unwrap().holder().unwrap().token, held.token());
    }
    eventually(until(async || places(&db, "lock").await == 0)).await;
}

#[tokio::test]
async fn a_task_does_not_wait_for_itself() {
    let (_db, [client]) = instances().await;
    let held = acquire(&client, &spec("lock", 60_000)).await;
    let waits = patient("lock").build().unwrap();
    let inside = held.lease().clone().scope(client.acquire(&waits));
    let error = eventually(inside).await.unwrap_err();
    assert!(matches!(error, Error::WouldDeadlock { .. }), "{error}");
}

#[tokio::test]
async fn a_server_that_does_not_answer_ends_the_waiting_with_an_error() {
    let server = Server::shared().await;
    let db = server.database().await;
    let proxy = server.proxy().await.unwrap();
    let client = LockClient::builder()
        .uri(proxy.uri_for(&db))
        .operation_timeout(ms(700))
        .build()
        .await
        .unwrap();
    let one = LockClient::connect(db.uri()).await.unwrap();
    let held = acquire(&one, &spec("lock", 60_000)).await;
    let waits = patient("lock").build().unwrap();
    let fault = async {
        eventually(until(async || places(&db, "lock").await == 1)).await;
        proxy.set(ProxyMode::Hang).await.unwrap();
        Instant::now()
    };
    let (first, second, hung) =
        eventually(async { tokio::join!(client.acquire(&waits), client.acquire(&waits), fault) })
            .await;
    // A waiter looks every two seconds at the latest.
    assert!(hung.elapsed() < Duration::from_secs(10));
    for error in [first.unwrap_err(), second.unwrap_err()] {
        let told = matches!(error, Error::Timeout { .. } | Error::Database { .. });
        assert!(told, "{error}");
    }
    held.release().await.unwrap();
    proxy.set(ProxyMode::Forward).await.unwrap();
    let _ = eventually(client.acquire(&waits)).await.unwrap();
}

#[tokio::test]
async fn a_shutdown_ends_the_waiting() {
    let (db, [one, other]) = instances().await;
    let _held = acquire(&one, &spec("lock", 60_000)).await;
    let waits = patient("lock").build().unwrap();
    let waiting = other.acquire(&waits);
    let shutdown = async {
        eventually(until(async || places(&db, "lock").await == 1)).await;
        eventually(other.shutdown()).await
    };
    let (ended, report) = tokio::join!(waiting, shutdown);
    assert!(matches!(ended, Err(Error::ShutDown { .. })), "{ended:?}");
    assert!(report.is_clean(), "{report}");
    assert_eq!(places(&db, "lock").await, 0);
    let ended = other.acquire(&waits).await;
    assert!(matches!(ended, Err(Error::ShutDown { .. })), "{ended:?}");
}

#[tokio::test(start_paused = true)]
async fn waiting_works_in_memory_on_a_clock_that_the_test_moves() {
    let one = LockClient::in_memory();
    let other = one.with_owner("other").unwrap();
    let held = acquire(&one, &spec("lock", 60_000)).await;
    let waits = LockSpec::builder("lock", ms(1000))
        .wait(ms(90_000))
        .build()
        .unwrap();
    let started = tokio::time::Instant::now();
    let guard = other
        .acquire_within(&waits, waits.wait().unwrap())
        .await
        .unwrap()
        .acquired()
        .unwrap();
    assert!(started.elapsed() >= ms(60_000) && started.elapsed() < ms(65_000));
    assert!(held.lease().check().is_err());
    drop(guard);
}
