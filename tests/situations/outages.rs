//! Waiters and a server that fails, or says nothing.

use mongo_lock_runtime::{Error, simulation::Persistence};
use tokio::time::sleep;

use crate::server::{Fate, LIMIT, Server, What, acquired, ms, s, settle, spec, waits};

#[tokio::test(start_paused = true)]
async fn a_server_that_says_nothing_fails_a_waiter_at_the_limit_of_an_operation() {
    let server = Server::start();
    let b = server.client("b");
    server.always(What::Acquire, Fate::Lost);
    let (first, second) = (waits(&b), waits(&b));
    for waiter in [first, second] {
        let failed = waiter.await.unwrap();
        assert!(matches!(failed, Err(Error::Timeout { .. })), "{failed:?}");
    }
    assert_eq!(server.at(), LIMIT);
    server.mend();
    sleep(s(5)).await;
    let _ = b.acquire(&spec(s(10))).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn one_that_has_just_come_is_not_failed_for_an_earlier_silence() {
    let server = Server::start();
    let b = server.client("b");
    server.next(What::Acquire, Fate::Lost);
    let first = waits(&b);
    sleep(s(3)).await;
    let second = waits(&b);
    assert!(matches!(first.await.unwrap(), Err(Error::Timeout { .. })));
    let _ = second.await.unwrap().unwrap();
    assert!(server.at() < s(3) + LIMIT, "{:?}", server.at());
}

#[tokio::test(start_paused = true)]
async fn a_short_outage_is_waited_out() {
    let server = Server::start();
    let b = server.client("b");
    for _ in 0..3 {
        server.next(What::Acquire, Fate::Failed(Persistence::Transient));
    }
    let _ = b.acquire(&spec(s(10))).await.unwrap();
    assert_eq!(server.count(What::Acquire), 4);
    assert!(server.at() < ms(120), "{:?}", server.at());
}

#[tokio::test(start_paused = true)]
async fn a_long_outage_fails_a_waiter_with_its_error() {
    let server = Server::start();
    let b = server.client("b");
    server.always(What::Acquire, Fate::Failed(Persistence::Transient));
    match b.acquire(&spec(s(10))).await {
        Err(Error::Database { problem, .. }) => assert_eq!(problem, "no quorum"),
        other => panic!("{other:?}"),
    }
    assert_eq!(server.at(), LIMIT);
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_does_not_pass_fails_one_waiter_at_once() {
    let server = Server::start();
    let b = server.client("b");
    server.next(What::Acquire, Fate::Failed(Persistence::Unknown));
    let (first, second) = (waits(&b), waits(&b));
    let failed = first.await.unwrap();
    assert!(matches!(failed, Err(Error::Database { .. })), "{failed:?}");
    let _ = second.await.unwrap().unwrap();
    assert!(server.at() < ms(50), "{:?}", server.at());
}

#[tokio::test(start_paused = true)]
async fn an_outage_that_has_passed_is_forgotten() {
    let server = Server::start();
    let (a, b) = (server.client("a"), server.client("b"));
    let held = acquired(&a, &spec(s(60))).await;
    server.next(What::Acquire, Fate::Failed(Persistence::Transient));
    let waiter = waits(&b);
    sleep(s(20)).await;
    held.release().await.unwrap();
    let _ = waiter.await.unwrap().unwrap();
    assert_eq!(server.at(), s(20));
}

/// A waiter without a limit is never skipped.
#[tokio::test(start_paused = true)]
async fn a_server_that_falls_silent_fails_a_waiter_that_has_seen_the_holder() {
    let server = Server::start();
    let (a, b) = (server.client("a"), server.client("b"));
    let _held = acquired(&a, &spec(s(60))).await;
    let waiter = waits(&b);
    settle().await;
    server.always(What::Confirm, Fate::Lost);
    let failed = waiter.await.unwrap();
    assert!(
        matches!(failed, Err(Error::Timeout { .. } | Error::Database { .. })),
        "{failed:?}"
    );
}
