//! The first acquisitions of a name race for an upsert; one wins, the others are refused.

use mongo_lock_runtime::Acquisition;
use tokio::task::JoinSet;

use crate::support::{database, spec};

const CALLERS: usize = 16;
const NAMES: usize = 300;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_sixteen_at_once_exactly_one_wins() {
    let (_db, client) = database().await;
    for name in 0..NAMES {
        let spec = spec(&format!("fresh-{name}"), 60_000);
        let mut callers = JoinSet::new();
        for _ in 0..CALLERS {
            let (client, spec) = (client.clone(), spec.clone());
            callers.spawn(async move { client.try_acquire(&spec).await });
        }
        let mut winner = None;
        let mut skipped = Vec::new();
        for answer in callers.join_all().await {
            match answer.unwrap() {
                Acquisition::Acquired(guard) => {
                    assert!(winner.replace(guard).is_none(), "two winners of {name}");
                }
                Acquisition::Skipped(by) => skipped.push(by),
            }
        }
        let winner = winner.expect("a winner");
        assert_eq!(skipped.len(), CALLERS - 1);
        let mut holders = skipped.iter().map(|by| by.holder().unwrap());
        assert!(holders.all(|by| by.token == winner.token()));
    }
}
