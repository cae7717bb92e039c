//! A future that is polled once and then kept, as in a `select!`, a `buffered` stream or a struct, holds
//! up no other caller.

use std::{
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use mongo_lock_runtime::{LockClient, LockSpec, distributed_lock};
use tokio::{select, spawn, time::sleep};

use crate::support::{acquire, database, eventually, ms, spec, within};

/// Longer than the tests have patience: only a release frees the lock.
const TTL: Duration = Duration::from_secs(600);

fn job() -> LockSpec {
    LockSpec::new("job", TTL).unwrap()
}

/// Polls a future once, as far as it goes without being woken.
fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    let mut context = Context::from_waker(Waker::noop());
    Pin::new(future).poll(&mut context)
}

async fn clients() -> [(&'static str, LockClient); 2] {
    let (db, client) = database().await;
    // Kept for the test's own process; the server drops the database at its end.
    std::mem::forget(db);
    [("memory", LockClient::in_memory()), ("mongo", client)]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_that_is_polled_once_lets_the_waiters_in() {
    for (store, client) in clients().await {
        let guard = acquire(&client, &job()).await;
        let waiters: Vec<_> = (0..3)
            .map(|_| {
                let client = client.clone();
                spawn(async move { client.acquire(&job()).await.unwrap().release().await })
            })
            .collect();
        // So that they are in the queue, or nearly.
        sleep(ms(100)).await;
        let mut release = Box::pin(guard.release());
        let _ = poll_once(&mut release);
        for waiter in waiters {
            let served = eventually(waiter).await.unwrap();
            assert!(served.is_ok(), "{store}: {served:?}");
        }
        let later = within(ms(5000), client.acquire(&job())).await.unwrap();
        later.release().await.unwrap();
        drop(release);
    }
}

/// The callers come after the release was polled.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_that_is_polled_once_lets_later_callers_in() {
    for (store, client) in clients().await {
        for waits in [true, false] {
            let guard = acquire(&client, &job()).await;
            let mut release = Box::pin(guard.release());
            let _ = poll_once(&mut release);
            let later = async {
                if waits {
                    Some(client.acquire(&job()).await.unwrap())
                } else {
                    client.try_acquire(&job()).await.unwrap().acquired()
                }
            };
            let later = within(ms(5000), later).await;
            let later = later.unwrap_or_else(|| panic!("{store}: refused by itself"));
            later.release().await.unwrap();
            drop(release);
        }
    }
}

/// The release waits in one branch, while the other one works under the same lock.
#[tokio::test]
async fn a_release_in_a_select() {
    for (_, client) in clients().await {
        let guard = acquire(&client, &job()).await;
        let mut release = pin!(guard.release());
        let next = select! {
            biased;
            released = &mut release => {
                released.unwrap();
                eventually(client.acquire(&job())).await.unwrap()
            }
            () = std::future::ready(()) => {
                within(ms(5000), client.acquire(&job())).await.unwrap()
            }
        };
        next.release().await.unwrap();
    }
}

#[distributed_lock(name = "job", ttl = "10m", reuse)]
async fn body(ran: Arc<AtomicBool>) {
    ran.store(true, Relaxed);
}

/// The call is kept from when its body has run, while it releases the lock.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_of_an_annotated_function_in_mid_release() {
    for (store, client) in clients().await {
        let ran = Arc::new(AtomicBool::default());
        let mut call = Box::pin(client.scope(body(Arc::clone(&ran))));
        while !ran.load(Relaxed) {
            let _ = poll_once(&mut call);
            sleep(ms(5)).await;
        }
        let (wanted, limit) = (job(), ms(5000));
        let next = client.acquire_within(&wanted, limit);
        let next = within(2 * limit, next).await.unwrap().acquired();
        next.unwrap_or_else(|| panic!("{store}: it waits in vain"))
            .release()
            .await
            .unwrap();
        drop(call);
    }
}

/// A waiter that is never polled again does not hold up those behind it for longer than its own lease.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_waiter_that_is_polled_once_holds_up_nothing_but_its_own_turn() {
    for (_, client) in clients().await {
        let guard = acquire(&client, &job()).await;
        let short = spec("job", 1000);
        let mut first = Box::pin(client.acquire(&short));
        let _ = poll_once(&mut first);
        let second = {
            let client = client.clone();
            spawn(async move { client.acquire(&job()).await.unwrap() })
        };
        sleep(ms(100)).await;
        guard.release().await.unwrap();
        let second = within(ms(5000), second).await.unwrap();
        second.release().await.unwrap();
        drop(first);
    }
}
