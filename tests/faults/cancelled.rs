//! Callers that go away at a random moment leave no lease behind.

use std::{
    hash::{BuildHasher as _, RandomState},
    time::Duration,
};

use mongo_lock_runtime::distributed_lock;
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::support::{Fixture, all_free, all_live, eventually, ms, spec};

const CALLERS: u64 = 300;

/// <https://en.wikipedia.org/wiki/Xorshift>: enough for moments, and the same again for a seed.
struct Random(u64);

impl Random {
    fn new() -> Self {
        Self(RandomState::new().hash_one(0) | 1)
    }

    fn up_to(&mut self, most: Duration) -> Duration {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let most = u64::try_from(most.as_micros()).unwrap();
        Duration::from_micros(self.0 % most)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_they_acquire() {
    let Fixture { db, client } = Fixture::new().await;
    let mut random = Random::new();
    let seed = random.0;
    let mut callers = JoinSet::new();
    for number in 0..CALLERS {
        let (client, moment) = (client.clone(), random.up_to(ms(3)));
        callers.spawn(async move {
            // Much longer than the test: what stays behind is found.
            let spec = spec(&format!("lock-{number}"), 60_000);
            let acquired = timeout(moment, client.try_acquire(&spec)).await;
            acquired.is_ok()
        });
        // Not all at once: some get their answer in time.
        if number % 10 == 0 {
            sleep(ms(5)).await;
        }
    }
    let answered = callers
        .join_all()
        .await
        .into_iter()
        .filter(|ok| *ok)
        .count();
    let cancelled = CALLERS - u64::try_from(answered).unwrap();
    assert!(cancelled > CALLERS / 10, "{cancelled}, seed {seed}");
    eventually(all_free(&db)).await;
    let report = client.shutdown().await;
    assert!(report.is_clean(), "{report}, seed {seed}");
    assert_eq!(all_live(&db).await, [], "seed {seed}");
}

#[distributed_lock(name = "job", ttl = "1m", renew, reuse)]
async fn job() {
    sleep(ms(1)).await;
}

/// While they acquire, in mid-body, and while they release.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_any_await() {
    let Fixture { db, client } = Fixture::new().await;
    let mut random = Random::new();
    let seed = random.0;
    let mut callers = JoinSet::new();
    for number in 0..CALLERS {
        let (client, moment) = (client.clone(), random.up_to(ms(8)));
        callers.spawn(async move { timeout(moment, client.scope(job())).await.is_ok() });
        if number % 10 == 0 {
            sleep(ms(5)).await;
        }
    }
    callers.join_all().await;
    eventually(all_free(&db)).await;
    let report = client.shutdown().await;
    assert!(report.is_clean(), "{report}, seed {seed}");
    assert_eq!(all_live(&db).await, [], "seed {seed}");
}
