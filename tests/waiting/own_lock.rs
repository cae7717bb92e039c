//! A task that waits for a lock which it holds itself would wait for ever, and hears of it.

use mongo_lock_runtime::{Error, LockClient, distributed_lock};
use mongo_lock_testkit::Server;
use tokio::spawn;

use crate::support::{Log, acquire, database, eventually, ms, spec, within};

#[distributed_lock(name = "own", ttl = "60s", reuse)]
async fn under<F: Future>(body: F) -> F::Output {
    body.await
}

#[distributed_lock(name = "own", ttl = "60s", wait = "20s", reuse)]
async fn waits() {}

/// Every way to wait for the lock, under it.
async fn ways_end(outer: &LockClient, inner: &LockClient) {
    let wanted = spec("own", 60_000);
    for way in 0..4 {
        let body = async {
            match way {
                0 => inner.acquire(&wanted).await.map(drop),
                1 => inner.acquire_within(&wanted, ms(20_000)).await.map(drop),
                2 => inner.scope(waits()).await.map(drop),
                _ => {
                    let patient = mongo_lock_runtime::LockSpec::builder("own", ms(60_000));
                    let patient = patient.wait(ms(20_000)).build().unwrap();
                    inner.acquire_all(&[patient]).await.map(drop)
                }
            }
        };
        let ended = within(ms(5000), outer.scope(under(body))).await.unwrap();
        let ended = ended.executed().unwrap();
        let fits = matches!(ended, Err(Error::WouldDeadlock { .. }));
        assert!(fits, "{way}: {ended:?}");
    }
}

#[tokio::test]
async fn through_another_client_of_the_collection() {
    let db = Server::shared().await.database().await;
    // Through a router, two clients do not know that they are on one server.
    let connect = || LockClient::connect(db.direct_uri());
    let (one, other) = (connect().await.unwrap(), connect().await.unwrap());
    ways_end(&one, &one).await;
    ways_end(&one, &other).await;
    ways_end(&one, &one.with_owner("a label of its own").unwrap()).await;
    let memory = LockClient::in_memory();
    ways_end(&memory, &memory.with_owner("second").unwrap()).await;
}

#[tokio::test]
async fn but_a_lock_of_another_collection_is_another_lock() {
    let (db, client) = database().await;
    let elsewhere = LockClient::builder().uri(db.uri()).collection("elsewhere");
    let elsewhere = elsewhere.build().await.unwrap();
    for other in [&elsewhere, &LockClient::in_memory()] {
        let wanted = spec("own", 60_000);
        let body = async { eventually(other.acquire(&wanted)).await.map(drop) };
        let ended = client.scope(under(body)).await.unwrap();
        ended.executed().unwrap().unwrap();
    }
}

/// A guard can go to another task, so it is no error; but it deserves attention.
#[tokio::test]
async fn a_task_that_holds_a_guard_gets_a_warning() {
    const WARNING: &str = "WARN a task waits for a lock whose guard it acquired itself";
    let log = Log::here();
    let (_db, client) = database().await;
    for client in [client, LockClient::in_memory()] {
        let waiting = client.clone();
        let task = async move {
            let guard = acquire(&waiting, &spec("own", 60_000)).await;
            let refused = waiting.acquire_within(&spec("own", 60_000), ms(100)).await;
            assert!(refused.unwrap().acquired().is_none());
            guard
        };
        log.take();
        let guard = spawn(task).await.unwrap();
        assert_eq!(log.starting(WARNING).len(), 1, "{:?}", log.take());
        // A task that waits for another task's guard is what a queue is for.
        log.take();
        let waiting = client.clone();
        let waiter = spawn(async move { waiting.acquire(&spec("own", 60_000)).await.map(drop) });
        tokio::time::sleep(ms(100)).await;
        guard.release().await.unwrap();
        eventually(waiter).await.unwrap().unwrap();
        assert_eq!(log.warnings(), Vec::<String>::new());
    }
}
