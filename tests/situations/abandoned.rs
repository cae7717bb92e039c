//! Callers that are gone: cancelled, or not polled.

use std::{future::poll_fn, task::Poll};

use mongo_lock_runtime::{Error, LockClient, LockGuard, simulation::Persistence};
use tokio::{task::JoinHandle, time::sleep};

use crate::server::{Fate, LIMIT, Server, What, acquired, ms, s, settle, spec};

fn waits(client: &LockClient) -> JoinHandle<LockGuard> {
    let client = client.clone();
    tokio::spawn(async move { client.acquire(&spec(s(50))).await.unwrap() })
}

fn tries(client: &LockClient) -> JoinHandle<bool> {
    let client = client.clone();
    tokio::spawn(async move {
        let tried = client.try_acquire(&spec(s(50))).await.unwrap();
        tried.acquired().is_some()
    })
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_waiter_gives_up_its_place() {
    let server = Server::start();
    let (a, b, c) = (server.client("a"), server.client("b"), server.client("c"));
    let held = acquired(&a, &spec(s(60))).await;
    let waiter = waits(&b);
    sleep(s(1)).await;
    waiter.abort();
    settle().await;
    assert_eq!(server.count(What::Leave), 1);
    drop(held);
    settle().await;
    // No client is in the queue.
    let _ = acquired(&c, &spec(s(9))).await;
}

#[tokio::test(start_paused = true)]
async fn a_try_waits_until_the_own_place_is_given_up() {
    let server = Server::start();
    let (a, b) = (server.client("a"), server.client("b"));
    let held = acquired(&a, &spec(s(60))).await;
    let waiter = waits(&b);
    sleep(s(1)).await;
    server.next(What::Leave, Fate::Slow(s(1)));
    server.wake_no_more();
    waiter.abort();
    settle().await;
    held.release().await.unwrap();
    let _ = acquired(&b, &spec(s(9))).await;
    let at = server.at();
    assert!(at < s(1) + LIMIT / 2, "{at:?}");
}

#[tokio::test(start_paused = true)]
async fn a_waiter_that_comes_while_the_place_is_given_up_gets_another() {
    let server = Server::start();
    let (a, b) = (server.client("a"), server.client("b"));
    let held = acquired(&a, &spec(s(60))).await;
    let waiter = waits(&b);
    sleep(s(1)).await;
    server.next(What::Leave, Fate::AnsweredLate(ms(500)));
    waiter.abort();
    settle().await;
    let waiter = waits(&b);
    sleep(s(2)).await;
    held.release().await.unwrap();
    let _ = waiter.await.unwrap();
    assert_eq!(server.at(), ms(3_001));
}

#[tokio::test(start_paused = true)]
async fn a_waiter_cancelled_under_way_leaves_no_lease() {
    let server = Server::start();
    let (a, b) = (server.client("a"), server.client("b"));
    server.next(What::Acquire, Fate::AnsweredLate(s(1)));
    let waiter = waits(&b);
    settle().await;
    waiter.abort();
    sleep(s(2)).await;
    let _ = acquired(&a, &spec(s(9))).await;
    assert_eq!(server.count(What::Release), 1);
}

#[tokio::test(start_paused = true)]
async fn a_place_that_a_late_answer_brings_is_given_up() {
    let server = Server::start();
    let (a, b) = (server.client("a"), server.client("b"));
    let _held = acquired(&a, &spec(s(60))).await;
    server.next(What::Acquire, Fate::AnsweredLate(s(1)));
    let waiter = waits(&b);
    settle().await;
    waiter.abort();
    sleep(ms(500)).await;
    assert_eq!(server.count(What::Leave), 0);
    sleep(s(1)).await;
    assert_eq!(server.times(What::Leave), [s(1)]);
}

#[tokio::test(start_paused = true)]
async fn a_lease_for_a_caller_that_is_not_polled_ends_unused() {
    for (limit, shuts_down) in [(s(49), false), (s(1), true)] {
        let server = Server::start();
        let (a, b) = (server.client("a"), server.client("b"));
        let held = acquired(&a, &spec(s(60))).await;
        let wanted = spec(s(50));
        let mut waits = Box::pin(b.acquire(&wanted));
        poll_fn(|cx| {
            assert!(waits.as_mut().poll(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        settle().await;
        held.release().await.unwrap();
        settle().await;
        sleep(limit).await;
        if shuts_down {
            let report = b.shutdown().limit(s(1)).await;
            assert_eq!(report.unreleased.len(), 1);
        }
        let failed = waits.await;
        match failed {
            Err(Error::ShutDown { .. }) if shuts_down => {}
            Err(Error::GrantedTooLate { took, .. }) if !shuts_down => {
                assert!(took >= limit, "{took:?}");
            }
            other => panic!("{other:?}"),
        }
        settle().await;
        let _ = acquired(&a, &spec(s(9))).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_clean_up_is_repeated_while_the_attempt_can_arrive() {
    let server = Server::start();
    let a = server.client("a");
    server.next(What::Acquire, Fate::Lost);
    server.always(What::Release, Fate::Failed(Persistence::Transient));
    let failed = a.try_acquire(&spec(s(20))).await;
    assert!(matches!(failed, Err(Error::Timeout { .. })), "{failed:?}");
    sleep(s(200)).await;
    let last = *server.times(What::Release).last().unwrap();
    // The ttl, and a minute, after the end of the attempt.
    let end = LIMIT + s(1) + s(20) + s(60);
    assert!(last <= end && last + s(3) > end, "{last:?}");
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_try_leaves_no_lease() {
    let server = Server::start();
    let (a, b) = (server.client("a"), server.client("b"));
    server.next(What::Acquire, Fate::AnsweredLate(s(1)));
    let tried = tries(&b);
    settle().await;
    tried.abort();
    sleep(s(2)).await;
    assert_eq!(server.count(What::Release), 1);
    let _ = acquired(&a, &spec(s(9))).await;
}

#[tokio::test(start_paused = true)]
async fn a_try_after_a_cancelled_one_waits_for_its_end() {
    let server = Server::start();
    let b = server.client("b");
    server.next(What::Acquire, Fate::AnsweredLate(s(1)));
    let tried = tries(&b);
    settle().await;
    tried.abort();
    settle().await;
    assert!(tries(&b).await.unwrap());
    assert_eq!(server.at(), s(1));
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_try_is_not_repeated() {
    let server = Server::start();
    let b = server.client("b");
    server.next(What::Acquire, Fate::AnsweredLate(s(1)));
    server.always(What::Acquire, Fate::Failed(Persistence::Transient));
    let tried = tries(&b);
    let other = {
        let b = b.clone();
        tokio::spawn(async move {
            let other = mongo_lock_runtime::LockSpec::new("other", s(9)).unwrap();
            b.try_acquire(&other).await
        })
    };
    sleep(ms(100)).await;
    other.abort();
    let before = server.count(What::Acquire);
    sleep(s(3)).await;
    assert!(server.count(What::Acquire) <= before + 1);
    tried.abort();
}

#[tokio::test(start_paused = true)]
async fn a_waiter_is_not_held_up_by_a_request_without_a_caller() {
    let server = Server::start();
    let b = server.client("b");
    server.next(What::Acquire, Fate::Lost);
    let tried = tries(&b);
    settle().await;
    tried.abort();
    settle().await;
    let _ = waits(&b).await.unwrap();
    assert!(server.at() < LIMIT / 2, "{:?}", server.at());
}

#[tokio::test(start_paused = true)]
async fn a_release_that_is_not_polled_goes_on() {
    let server = Server::start();
    let (a, b) = (server.client("a"), server.client("b"));
    let held = acquired(&a, &spec(s(60))).await;
    let waiter = waits(&a);
    sleep(s(1)).await;
    server.next(What::HandOver, Fate::AnsweredLate(s(1)));
    let mut release = Box::pin(held.release());
    poll_fn(|cx| {
        assert!(release.as_mut().poll(cx).is_pending());
        Poll::Ready(())
    })
    .await;
    let _ = waiter.await.unwrap();
    assert_eq!(server.at(), s(2));
    settle().await;
    drop(release);
    let _ = acquired(&b, &spec(s(9))).await;
}
