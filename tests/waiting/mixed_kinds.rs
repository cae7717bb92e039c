//! One name with permits, readers and writers: no kind of request is overtaken for ever.

use mongo_lock_runtime::{LockClient, LockSpec};
use tokio::{
    spawn,
    time::{Instant, sleep},
};

use crate::support::{database, eventually, ms};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Reader,
    Permit,
    Writer,
}

impl Kind {
    fn spec(self) -> LockSpec {
        let spec = LockSpec::builder("job", ms(60_000));
        let spec = match self {
            Self::Reader => spec.shared(true),
            Self::Permit => spec.permits(3),
            Self::Writer => spec,
        };
        spec.build().unwrap()
    }
}

/// The number of overlapping acquisitions of a kind that went ahead of a waiter of another kind.
async fn overtaken(client: &LockClient, waits: Kind, comes: Kind, comers_wait: bool) -> u32 {
    let one = client.with_owner("one").unwrap();
    let two = client.with_owner("two").unwrap();
    let waiter = client.with_owner("waiter").unwrap();
    let spec = comes.spec();
    let mut held = Some(one.acquire(&spec).await.unwrap());
    let waiter = spawn(async move {
        let guard = waiter.acquire(&waits.spec()).await.unwrap();
        guard.release().await.unwrap();
    });
    sleep(ms(200)).await;
    assert!(!waiter.is_finished(), "{waits:?} beside {comes:?}");
    let started = Instant::now();
    let mut ahead = 0;
    while !waiter.is_finished() && started.elapsed() < ms(5000) {
        let (taken, limit) = (held.take(), if comers_wait { ms(50) } else { ms(0) });
        // The next one comes before the last one goes.
        let next = two.acquire_within(&spec, limit).await.unwrap().acquired();
        if next.is_some() && !waiter.is_finished() {
            ahead += 1;
        }
        if let Some(last) = taken {
            last.release().await.unwrap();
        }
        held = next;
        sleep(ms(10)).await;
    }
    drop(held);
    eventually(waiter).await.unwrap();
    ahead
}

async fn none_is_overtaken_for_ever(client: &LockClient) {
    for (waits, comes) in [
        (Kind::Reader, Kind::Permit),
        (Kind::Permit, Kind::Reader),
        (Kind::Writer, Kind::Permit),
        (Kind::Writer, Kind::Reader),
    ] {
        for comers_wait in [false, true] {
            let ahead = overtaken(client, waits, comes, comers_wait).await;
            assert!(
                ahead <= 2,
                "{ahead} times {comes:?} (that wait: {comers_wait}) went ahead of {waits:?}"
            );
            sleep(ms(50)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_memory() {
    none_is_overtaken_for_ever(&LockClient::in_memory()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_server() {
    let (_db, client) = database().await;
    none_is_overtaken_for_ever(&client).await;
}
