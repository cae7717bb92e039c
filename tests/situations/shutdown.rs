//! Shutting down.

use std::{future::poll_fn, task::Poll};

use mongo_lock_runtime::{Error, LossReason};
use tokio::time::sleep;

use crate::{
    log::Log,
    server::{Fate, LIMIT, Server, What, acquired, ms, renewed, s, settle, spec},
};

#[tokio::test(start_paused = true)]
async fn a_client_that_is_shut_down_takes_no_more_locks() {
    let server = Server::start();
    let a = server.client("a");
    assert!(a.shutdown().await.is_clean());
    let refused = a.try_acquire(&spec(s(9))).await;
    assert!(
        matches!(refused, Err(Error::ShutDown { .. })),
        "{refused:?}"
    );
    let refused = a.acquire(&spec(s(9))).await;
    assert!(
        matches!(refused, Err(Error::ShutDown { .. })),
        "{refused:?}"
    );
    assert_eq!(server.count(What::Acquire), 0);
}

#[tokio::test(start_paused = true)]
async fn waiters_hear_of_a_shutdown() {
    let server = Server::start();
    let (a, b) = (server.client("a"), server.client("b"));
    let _held = acquired(&a, &spec(s(60))).await;
    let waiter = tokio::spawn({
        let b = b.clone();
        async move { b.acquire(&spec(s(50))).await }
    });
    sleep(s(1)).await;
    assert!(b.shutdown().await.is_clean());
    let refused = waiter.await.unwrap();
    assert!(
        matches!(refused, Err(Error::ShutDown { .. })),
        "{refused:?}"
    );
    assert_eq!((server.count(What::Leave), server.at()), (1, s(1)));
}

#[tokio::test(start_paused = true)]
async fn leases_end_and_are_waited_for() {
    let log = Log::here();
    let server = Server::start();
    let (a, b) = (server.client("a"), server.client("b"));
    let held = acquired(&a, &renewed(s(60))).await;
    server.next(What::Release, Fate::AnsweredLate(s(1)));
    let holder = tokio::spawn(async move {
        let reason = held.lease().lost().await;
        drop(held);
        reason
    });
    let report = a.shutdown().wait_for_bodies(s(2)).await;
    assert!(report.is_clean(), "{report}");
    assert_eq!(server.at(), s(3));
    let Error::LeaseLost { reason, .. } = holder.await.unwrap() else {
        panic!("another error");
    };
    assert_eq!(reason, LossReason::ShutDown);
    assert!(log.warnings().is_empty(), "{:?}", log.warnings());
    assert_eq!(log.starting("INFO lease ended by the shutdown").len(), 1);
    let _ = acquired(&b, &spec(s(9))).await;
}

#[tokio::test(start_paused = true)]
async fn a_body_that_ends_in_time_is_left_alone() {
    let server = Server::start();
    let a = server.client("a");
    let held = acquired(&a, &spec(s(60))).await;
    let holder = tokio::spawn(async move {
        sleep(s(1)).await;
        held.lease().check().unwrap();
        held.release().await.unwrap();
    });
    settle().await;
    assert!(a.shutdown().wait_for_bodies(s(2)).await.is_clean());
    assert_eq!(server.at(), s(1));
    holder.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_guard_that_is_kept_is_reported() {
    let server = Server::start();
    let a = server.client("a");
    let held = acquired(&a, &spec(s(60))).await;
    let report = a.shutdown().await;
    assert_eq!(report.unreleased, [held.name().clone()]);
    assert_eq!(server.at(), LIMIT);
}

#[tokio::test(start_paused = true)]
async fn a_try_under_way_is_ended_and_cleaned_up() {
    let server = Server::start();
    let (a, b) = (server.client("a"), server.client("b"));
    server.next(What::Acquire, Fate::AnsweredLate(s(1)));
    let tried = tokio::spawn({
        let a = a.clone();
        async move { a.try_acquire(&spec(s(50))).await }
    });
    settle().await;
    assert!(a.shutdown().await.is_clean());
    let refused = tried.await.unwrap();
    assert!(
        matches!(refused, Err(Error::ShutDown { .. })),
        "{refused:?}"
    );
    assert_eq!(server.at(), s(1));
    let _ = acquired(&b, &spec(s(9))).await;
}

#[tokio::test(start_paused = true)]
async fn an_acquisition_in_an_outage_is_not_repeated_after_a_shutdown() {
    let server = Server::start();
    let a = server.client("a");
    server.always(What::Acquire, Fate::Cut);
    let tried = tokio::spawn({
        let a = a.clone();
        async move { a.try_acquire(&spec(s(50))).await }
    });
    sleep(ms(100)).await;
    assert!(a.shutdown().await.is_clean());
    let refused = tried.await.unwrap();
    assert!(
        matches!(refused, Err(Error::ShutDown { .. })),
        "{refused:?}"
    );
    assert!(server.at() < s(1), "{:?}", server.at());
}

#[tokio::test(start_paused = true)]
async fn a_try_that_is_not_polled_does_not_hold_up_a_shutdown() {
    let server = Server::start();
    let (a, b) = (server.client("a"), server.client("b"));
    server.next(What::Acquire, Fate::AnsweredLate(s(1)));
    let wanted = spec(s(50));
    let mut tried = Box::pin(a.try_acquire(&wanted));
    poll_fn(|cx| {
        assert!(tried.as_mut().poll(cx).is_pending());
        Poll::Ready(())
    })
    .await;
    assert!(a.shutdown().await.is_clean());
    assert_eq!(server.at(), s(1));
    let _ = acquired(&b, &spec(s(9))).await;
}
