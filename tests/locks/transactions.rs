//! Transactions under a lease: all or nothing, and never after a newer holder has begun its own.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use mongo_lock_runtime::{
    Error, FencedTransaction, FencedWrite, LockClient, LockGuard, TransactionSession,
    current_lease, distributed_lock,
};
use mongo_lock_testkit::{Server, TestDb, Topology};
use mongodb::{
    Client, ClientSession, Collection,
    bson::{Document, doc},
};
use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};

use crate::support::{acquire, acquire_when_free, client, spec};

const FENCES: &str = "distributed_locks_fences";

/// Two accounts, in two collections.
struct Bank {
    db: TestDb,
    client: Client,
    from: Collection<Document>,
    to: Collection<Document>,
}

impl Bank {
    async fn open(server: &Server) -> Self {
        let db = server.database().await;
        let client = Client::with_uri_str(db.uri()).await.unwrap();
        let books = client.default_database().unwrap();
        let (from, to) = (books.collection("from"), books.collection("to"));
        for account in [&from, &to] {
            let account: &Collection<Document> = account;
            account
                .insert_one(doc! { "_id": 1, "sum": 100 })
                .await
                .unwrap();
        }
        Self {
            db,
            client,
            from,
            to,
        }
    }

    async fn transfer(&self, session: &mut ClientSession, sum: i32) -> anyhow::Result<()> {
        let change = |sum: i32| doc! { "$inc": { "sum": sum } };
        let account = doc! { "_id": 1 };
        let less = self.from.update_one(account.clone(), change(-sum));
        less.session(&mut *session).await?;
        let more = self.to.update_one(account, change(sum));
        more.session(&mut *session).await?;
        Ok(())
    }

    /// A transfer in a transaction of its own.
    async fn transact(&self, guard: &LockGuard, sum: i32) -> FencedTransaction<()> {
        let writes = async |mut session: TransactionSession| self.transfer(&mut session, sum).await;
        let written = guard.lease().transaction(&self.client, writes).await;
        written.unwrap()
    }

    async fn sums(&self) -> (i32, i32) {
        let sum = async |account: &Collection<Document>| {
            let found = account.find_one(doc! { "_id": 1 }).await.unwrap();
            found.unwrap().get_i32("sum").unwrap()
        };
        (sum(&self.from).await, sum(&self.to).await)
    }
}

async fn bank() -> (Bank, LockClient) {
    let bank = Bank::open(Server::shared().await).await;
    let locks = client(&bank.db).await;
    (bank, locks)
}

/// A holder that believes in its lease for a second, and its successor.
async fn two_holders(bank: &Bank, locks: &LockClient) -> (LockGuard, LockGuard) {
    let old = acquire(locks, &spec("books", 60_000)).await;
    let lock = doc! { "_id": "books" };
    let empty = doc! { "$set": { "holders": [] } };
    let documents = bank.db.collection::<Document>("distributed_locks");
    documents.update_one(lock, empty).await.unwrap();
    let other = client(&bank.db).await;
    let new = acquire_when_free(&other, &spec("books", 60_000)).await;
    (old, new)
}

#[tokio::test]
async fn all_writes_are_committed_together() {
    let (bank, locks) = bank().await;
    let guard = acquire(&locks, &spec("books", 60_000)).await;
    for _ in 0..2 {
        let outcome = guard
            .lease()
            .transaction(&bank.client, async |mut session| {
                bank.transfer(&mut session, 5).await?;
                anyhow::Ok("done")
            })
            .await
            .unwrap();
        assert_eq!(outcome, FencedTransaction::Committed("done"));
    }
    assert_eq!(bank.sums().await, (90, 110));
    let fences = bank.db.collection::<Document>(FENCES);
    let fence = fences.find_one(doc! { "_id": "books" }).await.unwrap();
    let fence = fence.unwrap();
    assert_eq!(fence.get_i64("token").unwrap(), guard.token());
    assert_eq!(fence.get_i64("transactions").unwrap(), 2);
}

#[tokio::test]
async fn the_bodys_own_error_aborts() {
    let (bank, locks) = bank().await;
    let guard = acquire(&locks, &spec("books", 60_000)).await;
    let runs = AtomicU32::new(0);
    let outcome = guard
        .lease()
        .transaction(&bank.client, async |mut session| {
            runs.fetch_add(1, Ordering::Relaxed);
            bank.transfer(&mut session, 5).await?;
            Err::<(), _>(anyhow::anyhow!("no money"))
        })
        .await;
    assert_eq!(outcome.unwrap_err().to_string(), "no money");
    assert_eq!(runs.into_inner(), 1);
    assert_eq!(bank.sums().await, (100, 100));
}

#[tokio::test]
async fn an_older_holder_is_refused() {
    let (bank, locks) = bank().await;
    let (old, new) = two_holders(&bank, &locks).await;
    // Until the newer one has begun, the older one does no harm.
    for (holder, sum) in [(&old, 1), (&new, 10)] {
        let committed = bank.transact(holder, sum).await;
        assert_eq!(committed, FencedTransaction::Committed(()));
    }
    let refused = FencedTransaction::Refused { newer: new.token() };
    assert_eq!(bank.transact(&old, 50).await, refused);
    assert_eq!(bank.sums().await, (89, 111));
}

#[tokio::test]
async fn a_raised_fence_shuts_older_holders_out() {
    let (bank, locks) = bank().await;
    let (old, new) = two_holders(&bank, &locks).await;
    assert_eq!(
        old.lease().raise_fence(&bank.client).await.unwrap(),
        FencedWrite::Applied
    );
    for _ in 0..2 {
        assert_eq!(
            new.lease().raise_fence(&bank.client).await.unwrap(),
            FencedWrite::Applied
        );
    }
    let newer = new.token();
    let refused = old.lease().raise_fence(&bank.client).await.unwrap();
    assert_eq!(refused, FencedWrite::Refused { newer });
    let late = bank.transact(&old, 50).await;
    assert_eq!(late, FencedTransaction::Refused { newer });
    assert_eq!(bank.sums().await, (100, 100));
}

/// The older holder's transaction is open when the newer one's begins: one of the two meets a conflict, and the
/// older one never commits after the newer one.
#[tokio::test]
async fn of_two_that_are_open_at_once_the_older_commits_first_or_never() {
    for there_is_a_fence in [true, false] {
        let (bank, locks) = bank().await;
        let (old, new) = two_holders(&bank, &locks).await;
        if there_is_a_fence {
            let raised = old.lease().raise_fence(&bank.client).await.unwrap();
            assert_eq!(raised, FencedWrite::Applied);
        }
        let (begun, go_on) = (Notify::new(), Notify::new());
        let older = async {
            let writes = old.lease().transaction(&bank.client, async |mut session| {
                begun.notify_one();
                go_on.notified().await;
                go_on.notify_one();
                bank.transfer(&mut session, 1).await
            });
            writes.await.unwrap()
        };
        let newer = async {
            begun.notified().await;
            let attempts = AtomicU32::new(0);
            let writes = new.lease().transaction(&bank.client, async |mut session| {
                attempts.fetch_add(1, Ordering::Relaxed);
                bank.transfer(&mut session, 10).await
            });
            let mut writes = Box::pin(writes);
            let at_once = timeout(Duration::from_millis(300), &mut writes).await;
            if there_is_a_fence {
                // The older one's transaction is in the way, so that not even the body begins.
                assert!(at_once.is_err());
                assert_eq!(attempts.load(Ordering::Relaxed), 0);
            }
            go_on.notify_one();
            match at_once {
                Ok(done) => done.unwrap(),
                Err(_) => writes.await.unwrap(),
            }
        };
        let (older, newer) = tokio::join!(older, newer);
        assert_eq!(newer, FencedTransaction::Committed(()));
        match older {
            FencedTransaction::Committed(()) => assert_eq!(bank.sums().await, (89, 111)),
            refused => {
                assert!(!there_is_a_fence);
                let newer = new.token();
                assert_eq!(refused, FencedTransaction::Refused { newer });
                assert_eq!(bank.sums().await, (90, 110));
            }
        }
    }
}

#[tokio::test]
async fn a_conflict_in_the_body_is_tried_again() {
    let (bank, locks) = bank().await;
    let guard = acquire(&locks, &spec("books", 60_000)).await;
    let runs = AtomicU32::new(0);
    let outcome = guard
        .lease()
        .transaction(&bank.client, async |mut session| {
            let run = 1 + runs.fetch_add(1, Ordering::Relaxed);
            if run < 3 {
                // The snapshot is older than this write, which is not a part of the transaction.
                let found = bank.from.find_one(doc! { "_id": 1 });
                found.session(&mut *session).await?;
                let other = doc! { "$inc": { "other": 1 } };
                bank.from.update_one(doc! { "_id": 1 }, other).await?;
            }
            bank.transfer(&mut session, 5).await?;
            anyhow::Ok(())
        })
        .await
        .unwrap();
    assert_eq!(outcome, FencedTransaction::Committed(()));
    assert_eq!(runs.into_inner(), 3);
    assert_eq!(bank.sums().await, (95, 105));
}

#[tokio::test]
async fn a_lease_that_ends_aborts() {
    let (bank, locks) = bank().await;
    let guard = acquire(&locks, &spec("books", 1_500)).await;
    let outcome = guard
        .lease()
        .transaction(&bank.client, async |mut session| {
            bank.transfer(&mut session, 5).await?;
            sleep(Duration::from_secs(20)).await;
            anyhow::Ok(())
        })
        .await;
    let error = outcome.unwrap_err();
    let lost = error
        .downcast_ref::<Error>()
        .is_some_and(Error::is_lease_lost);
    assert!(lost, "{error}");
    assert_eq!(bank.sums().await, (100, 100));
    let error = guard
        .lease()
        .transaction(&bank.client, async |_| anyhow::Ok(()))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("ended after"), "{error}");
}

/// The document of the lock is no part of a transaction.
#[tokio::test]
async fn renewals_go_on_during_a_long_transaction() {
    let (bank, locks) = bank().await;
    let long = mongo_lock_runtime::LockSpec::builder("books", Duration::from_secs(1));
    let guard = acquire(&locks, &long.renew(true).build().unwrap()).await;
    let outcome = guard
        .lease()
        .transaction(&bank.client, async |mut session| {
            bank.transfer(&mut session, 5).await?;
            sleep(Duration::from_secs(4)).await;
            anyhow::Ok(())
        })
        .await
        .unwrap();
    assert_eq!(outcome, FencedTransaction::Committed(()));
    guard.lease().check().unwrap();
    assert_eq!(bank.sums().await, (95, 105));
}

#[tokio::test]
async fn a_dropped_future_aborts() {
    let (bank, locks) = bank().await;
    let guard = acquire(&locks, &spec("books", 60_000)).await;
    let writes = guard
        .lease()
        .transaction(&bank.client, async |mut session| {
            bank.transfer(&mut session, 5).await?;
            sleep(Duration::from_secs(60)).await;
            anyhow::Ok(())
        });
    assert!(timeout(Duration::from_millis(500), writes).await.is_err());
    // Not before the server has let go of the accounts.
    let other = doc! { "$inc": { "other": 1 } };
    let free = bank.from.update_one(doc! { "_id": 1 }, other);
    timeout(Duration::from_secs(20), free)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(bank.sums().await, (100, 100));
}

#[tokio::test]
async fn a_standalone_server_says_what_is_missing() {
    let server = Server::builder().topology(Topology::Standalone);
    let server = server.start().await.unwrap();
    let bank = Bank::open(&server).await;
    let locks = client(&bank.db).await;
    let guard = acquire(&locks, &spec("books", 60_000)).await;
    let outcome = guard
        .lease()
        .transaction(&bank.client, async |_| Ok::<_, Error>(()));
    let error = outcome.await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "lock `books`: transaction failed: transactions need a replica set or a sharded cluster, and \
         this is a standalone server"
    );
    // The fence alone needs no transaction.
    assert_eq!(
        guard.lease().raise_fence(&bank.client).await.unwrap(),
        FencedWrite::Applied
    );
}

#[tokio::test]
async fn a_fence_that_was_edited_is_an_error() {
    let (bank, locks) = bank().await;
    let guard = acquire(&locks, &spec("books", 60_000)).await;
    let fences = bank.db.collection::<Document>(FENCES);
    let edited = doc! { "_id": "books", "token": "seven" };
    fences.insert_one(edited).await.unwrap();
    let outcome = guard
        .lease()
        .transaction(&bank.client, async |_| Ok::<_, Error>(()));
    let error = outcome.await.unwrap_err().to_string();
    assert!(error.contains("not a fencing token"), "{error}");
}

#[distributed_lock(name = "annotated-books", ttl = "1m", client = locks)]
async fn settle(locks: LockClient, bank: Arc<Bank>) -> anyhow::Result<()> {
    let lease = current_lease().expect("this runs under a lock");
    let transfer = async |mut session: TransactionSession| {
        bank.transfer(&mut session, 5).await?;
        anyhow::Ok(())
    };
    let settled = lease.transaction(&bank.client, transfer).await?;
    anyhow::ensure!(
        settled.committed().is_some(),
        "a newer holder has taken over"
    );
    Ok(())
}

/// The future is `Send`, in a task as in a body.
#[tokio::test]
async fn runs_in_a_body_that_is_spawned() {
    let (bank, locks) = bank().await;
    let bank = Arc::new(bank);
    let settled = tokio::spawn(settle(locks, Arc::clone(&bank)))
        .await
        .unwrap();
    assert!(settled.unwrap().is_executed());
    assert_eq!(bank.sums().await, (95, 105));
}
