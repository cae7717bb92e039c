//! Clients, specs and guards.

use std::time::Duration;

use mongo_lock_runtime::{
    Acquisition, Holder, LockClient, LockGuard, LockSpec, LockSpecBuilder, Skipped,
};
use mongo_lock_testkit::{Server, TestDb};

/// A fresh database on the shared server, and a client for it.
pub(crate) async fn database() -> (TestDb, LockClient) {
    let db = Server::shared().await.database().await;
    let client = client(&db).await;
    (db, client)
}

pub(crate) async fn client(db: &TestDb) -> LockClient {
    LockClient::connect(db.uri()).await.unwrap()
}

/// A fresh database on the shared server, and a number of instances of a service.
pub(crate) async fn instances<const N: usize>() -> (TestDb, [LockClient; N]) {
    let db = Server::shared().await.database().await;
    let mut clients = Vec::new();
    for _ in 0..N {
        clients.push(LockClient::connect(db.uri()).await.unwrap());
    }
    (db, clients.try_into().unwrap())
}

pub(crate) fn spec(name: &str, ttl_ms: u64) -> LockSpec {
    LockSpec::new(name, Duration::from_millis(ttl_ms)).unwrap()
}

/// A lock that is renewed while it is held.
pub(crate) fn renewed_spec(name: &str, ttl: Duration) -> LockSpec {
    LockSpec::builder(name, ttl).renew(true).build().unwrap()
}

/// A lock for a minute, for which a caller of the attribute waits as long.
pub(crate) fn patient(name: &str) -> LockSpecBuilder {
    LockSpec::builder(name, Duration::from_secs(60)).wait(Duration::from_secs(60))
}

/// Acquires a lock that must be free.
pub(crate) async fn acquire(client: &LockClient, spec: &LockSpec) -> LockGuard {
    match client.try_acquire(spec).await.unwrap() {
        Acquisition::Acquired(guard) => guard,
        Acquisition::Skipped(skipped) => panic!("{skipped}"),
    }
}

/// Asks for a lock that must be held.
pub(crate) async fn refused(client: &LockClient, spec: &LockSpec) -> Skipped {
    match client.try_acquire(spec).await.unwrap() {
        Acquisition::Acquired(guard) => panic!("acquired: {guard:?}"),
        Acquisition::Skipped(skipped) => skipped,
    }
}

/// The holder of a lock, by the answer to a call that is refused.
pub(crate) async fn holder_of(client: &LockClient, spec: &LockSpec) -> Holder {
    let skipped = refused(client, spec).await;
    skipped.holder().cloned().expect("the lock is held")
}

/// Asks for a lock until it is free.
pub(crate) async fn acquire_when_free(client: &LockClient, spec: &LockSpec) -> LockGuard {
    loop {
        if let Acquisition::Acquired(guard) = client.try_acquire(spec).await.unwrap() {
            return guard;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
