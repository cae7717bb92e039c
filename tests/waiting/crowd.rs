//! Many callers of few processes: all of them are served.

use mongo_lock_runtime::{Acquisition, LockClient, LockGuard, LockSpec};
use mongo_lock_testkit::{Server, TestDb};
use mongodb::bson::{Document, doc};
use tokio::task::JoinSet;

use crate::support::{Worker, acquire, document, eventually, patient, say, spec, worker_input};

const PROCESSES: usize = 2;
const CALLERS: usize = 200;

#[tokio::test]
async fn four_hundred_waiters_of_two_processes() {
    let db = Server::shared().await.database().await;
    let client = LockClient::connect(db.uri()).await.unwrap();
    let held = acquire(&client, &spec("job", 600_000)).await;
    let mut workers: Vec<_> = (0..PROCESSES)
        .map(|_| Worker::start("crowd::worker", &db.uri()))
        .collect();
    for worker in &mut workers {
        worker.wait_for("waits");
    }
    held.release().await.unwrap();
    for worker in workers {
        let (status, output) = worker.finish();
        assert!(status.success(), "{output}");
    }
    let served = db.collection::<Document>("served");
    let served = served.count_documents(doc! {}).await.unwrap();
    assert_eq!(served, (PROCESSES * CALLERS) as u64);
}

#[tokio::test]
#[ignore = "one of the processes of the test above"]
async fn worker() {
    let Some(uri) = worker_input() else { return };
    let client = LockClient::connect(&uri).await.unwrap();
    let driver = mongodb::Client::with_uri_str(&uri).await.unwrap();
    let served = driver.default_database().unwrap();
    let served = served.collection::<Document>("served");
    let spec = patient("job").build().unwrap();
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let (client, spec, served) = (client.clone(), spec.clone(), served.clone());
        callers.spawn(async move {
            let guard = client.acquire(&spec).await.unwrap();
            // A token for each: no two are let in by one grant.
            let turn = doc! { "_id": guard.token() };
            served.insert_one(turn).await.unwrap();
            guard.release().await.unwrap();
        });
    }
    say("waits");
    while let Some(caller) = eventually(callers.join_next()).await {
        caller.unwrap();
    }
    assert!(client.shutdown().await.is_clean());
}

async fn holders(db: &TestDb, name: &str) -> usize {
    let document = document(db, name).await;
    document.get_array("holders").unwrap().len()
}

#[tokio::test]
async fn a_thousand_readers_of_one_process() {
    const READERS: usize = 1000;
    let db = Server::shared().await.database().await;
    let client = LockClient::connect(db.uri()).await.unwrap();
    let readers = LockSpec::builder("shared", std::time::Duration::from_secs(60));
    let readers = readers.shared(true).build().unwrap();
    let mut callers = JoinSet::new();
    for _ in 0..READERS {
        let (client, readers) = (client.clone(), readers.clone());
        callers.spawn(async move { client.acquire(&readers).await.unwrap() });
    }
    let mut guards = eventually(callers.join_all()).await;
    let together = holders(&db, "shared").await;
    assert!((1..=READERS).contains(&together), "{together}");
    // Those that come later join a holder that is there.
    for _ in 0..10 {
        guards.push(client.acquire(&readers).await.unwrap());
    }
    assert_eq!(holders(&db, "shared").await, together);
    let token = |guard: &LockGuard| guard.lease().token();
    let mut tokens: Vec<_> = guards.iter().map(token).collect();
    tokens.sort_unstable();
    tokens.dedup();
    assert_eq!(tokens.len(), guards.len(), "one token each");
    // The last one keeps a writer out.
    let last = guards.pop().unwrap();
    drop(guards);
    let other = LockClient::connect(db.uri()).await.unwrap();
    let writer = spec("shared", 60_000);
    assert!(matches!(
        other.try_acquire(&writer).await.unwrap(),
        Acquisition::Skipped(_)
    ));
    last.release().await.unwrap();
    assert!(client.shutdown().await.is_clean());
    assert_eq!(holders(&db, "shared").await, 0);
    acquire(&other, &writer).await.release().await.unwrap();
}
