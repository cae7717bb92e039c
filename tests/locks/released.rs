//! A release ends the lease for every task that watches it.

use mongo_lock_runtime::{Error, Lease, LockClient, LossReason};
use tokio::spawn;

use crate::support::{acquire, database, eventually, ms, renewed_spec, spec};

fn check(ended: &Error) {
    let fits = matches!(
        ended,
        Error::LeaseLost {
            reason: LossReason::Released,
            ..
        }
    );
    assert!(fits, "{ended}");
}

/// A task that waits for the end of the lease.
fn watch(lease: &Lease) -> tokio::task::JoinHandle<Error> {
    let lease = lease.clone();
    spawn(async move { lease.lost().await })
}

#[tokio::test]
async fn lost_resolves_at_a_release_and_says_so() {
    let (_db, mongo) = database().await;
    for client in [mongo, LockClient::in_memory()] {
        for spec in [spec("a", 60_000), renewed_spec("b", ms(60_000))] {
            for by_drop in [false, true] {
                let guard = acquire(&client, &spec).await;
                let lease = guard.lease().clone();
                let watcher = watch(&lease);
                tokio::task::yield_now().await;
                assert!(!watcher.is_finished());
                if by_drop {
                    drop(guard);
                } else {
                    guard.release().await.unwrap();
                }
                check(&eventually(watcher).await.unwrap());
                // Also for a later question.
                check(&eventually(lease.lost()).await);
                check(&lease.check().unwrap_err());
            }
        }
    }
}
