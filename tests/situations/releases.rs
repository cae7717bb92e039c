//! Releases: repeated, late, handed over.

use mongo_lock_runtime::{
    Error, LockSpec, Release,
    simulation::{Persistence, Request},
};
use tokio::time::sleep;

use crate::{
    log::Log,
    server::{Fate, LIMIT, Server, What, acquired, guard, ms, s, settle, spec},
};

#[tokio::test(start_paused = true)]
async fn a_release_is_repeated_until_it_is_done() {
    let server = Server::start();
    let a = server.client("a");
    let guard = acquired(&a, &spec(s(60))).await;
    for persistence in [Persistence::Transient, Persistence::Unknown] {
        server.next(What::Release, Fate::Failed(persistence));
    }
    assert_eq!(guard.release().await.unwrap(), Release::Freed);
    assert_eq!(server.count(What::Release), 3);
    let _ = acquired(&server.client("b"), &spec(s(60))).await;
}

#[tokio::test(start_paused = true)]
async fn a_release_that_cannot_succeed_is_given_up() {
    let log = Log::here();
    let server = Server::start();
    let a = server.client("a");
    let guard = acquired(&a, &spec(s(60))).await;
    server.next(What::Release, Fate::Failed(Persistence::Final));
    let failed = guard.release().await;
    assert!(matches!(failed, Err(Error::Database { .. })), "{failed:?}");
    assert_eq!(server.count(What::Release), 1);
    let warnings = log.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("release failed"));
    // Still taken, until the ttl ends.
    let report = a.shutdown().await;
    assert_eq!(report.unreleased.len(), 1);
    sleep(s(60)).await;
    assert!(a.shutdown().await.is_clean());
}

#[tokio::test(start_paused = true)]
async fn each_lock_that_stays_taken_is_reported() {
    let server = Server::start();
    let a = server.client("a");
    server.always(What::Release, Fate::Failed(Persistence::Final));
    for (name, ttl) in [("short", s(9)), ("job", s(60)), ("long", s(90))] {
        let guard = acquired(&a, &LockSpec::new(name, ttl).unwrap()).await;
        guard.release().await.unwrap_err();
    }
    assert_eq!(a.shutdown().await.unreleased.len(), 3);
    sleep(s(10)).await;
    assert_eq!(a.shutdown().await.unreleased.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_release_ends_with_the_lease() {
    let server = Server::start();
    let a = server.client("a");
    let guard = acquired(&a, &spec(s(10))).await;
    sleep(s(2)).await;
    server.always(What::Release, Fate::Failed(Persistence::Transient));
    let failed = guard.release().await;
    // The caller hears of the failure at its limit.
    assert!(matches!(failed, Err(Error::Database { .. })), "{failed:?}");
    assert_eq!(server.at(), s(2) + LIMIT);
    sleep(s(30)).await;
    let last = *server.times(What::Release).last().unwrap();
    // A timer ends at a full millisecond.
    assert!(last > s(10) && last <= s(12), "{last:?}");
}

#[tokio::test(start_paused = true)]
async fn a_try_waits_for_the_own_release() {
    let server = Server::start();
    let a = server.client("a");
    let held = acquired(&a, &spec(s(60))).await;
    server.next(What::Release, Fate::AnsweredLate(s(1)));
    drop(held);
    settle().await;
    let _ = acquired(&a, &spec(s(60))).await;
    assert_eq!(server.at(), s(1));
    assert_eq!(server.count(What::Acquire), 2);
}

#[tokio::test(start_paused = true)]
async fn a_try_waits_no_longer_than_half_its_limit() {
    let server = Server::start();
    let a = server.client("a");
    let held = acquired(&a, &spec(s(60))).await;
    server.next(What::Release, Fate::Unanswered);
    drop(held);
    settle().await;
    let _ = acquired(&a, &spec(s(60))).await;
    assert_eq!(server.at(), ms(1) + LIMIT / 2);
}

#[tokio::test(start_paused = true)]
async fn a_waiter_waits_for_the_own_release_for_half_a_limit() {
    let server = Server::start();
    let a = server.client("a");
    let held = acquired(&a, &spec(s(60))).await;
    server.next(What::Release, Fate::Unanswered);
    drop(held);
    settle().await;
    let waits = a.acquire_within(&spec(s(60)), s(30)).await.unwrap();
    let _ = guard(waits);
    assert_eq!(server.at(), ms(1) + LIMIT / 2);
}

#[tokio::test(start_paused = true)]
async fn a_release_in_trouble_holds_up_no_caller_of_the_own_client() {
    let server = Server::start();
    let a = server.client("a");
    let held = acquired(&a, &spec(s(60))).await;
    server.next(What::Release, Fate::Cut);
    server.next(What::Release, Fate::AnsweredLate(s(3)));
    drop(held);
    settle().await;
    let _ = acquired(&a, &spec(s(60))).await;
    assert!(server.at() < ms(100), "{:?}", server.at());
}

#[tokio::test(start_paused = true)]
async fn a_release_takes_the_first_waiter_along() {
    let server = Server::start();
    let a = server.client("a");
    let held = acquired(&a, &spec(s(60))).await;
    let waits = tokio::spawn({
        let a = a.clone();
        async move { a.acquire(&spec(s(50))).await.unwrap() }
    });
    sleep(s(1)).await;
    held.release().await.unwrap();
    let next = waits.await.unwrap();
    assert_eq!(next.time_left(), s(49));
    assert_eq!(server.at(), s(1));
    assert_eq!(
        (server.count(What::HandOver), server.count(What::Release)),
        (1, 0)
    );
    let (_, request) = server.sent(What::HandOver).remove(0);
    let Request::HandOver(_, acquisition) = request else {
        panic!("{request:?}");
    };
    assert_eq!(acquisition.ticket.unwrap().waited, s(1));
    drop(next);
    settle().await;
    assert_eq!(server.count(What::Release), 1);
}

#[tokio::test(start_paused = true)]
async fn a_failed_hand_over_is_a_release_and_a_request() {
    let server = Server::start();
    let a = server.client("a");
    let held = acquired(&a, &spec(s(60))).await;
    let waits = tokio::spawn({
        let a = a.clone();
        async move { a.acquire(&spec(s(50))).await.unwrap() }
    });
    sleep(s(1)).await;
    server.next(What::HandOver, Fate::Failed(Persistence::Transient));
    assert_eq!(held.release().await.unwrap(), Release::Freed);
    let _ = waits.await.unwrap();
    assert!(server.at() < ms(1_100), "{:?}", server.at());
    assert_eq!(server.count(What::Release), 1);
}

#[tokio::test(start_paused = true)]
async fn a_release_that_revokes_takes_no_waiter_along() {
    let server = Server::start();
    let a = server.client("a");
    // The first attempt is on its way for the whole test.
    server.next(What::Acquire, Fate::Cut);
    server.next(What::Acquire, Fate::Cut);
    let held = acquired(&a, &spec(s(60))).await;
    let waits = tokio::spawn({
        let a = a.clone();
        async move { a.acquire(&spec(s(50))).await.unwrap() }
    });
    sleep(s(1)).await;
    held.release().await.unwrap();
    let _ = waits.await.unwrap();
    assert_eq!(
        (server.count(What::HandOver), server.count(What::Release)),
        (0, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn min_hold_goes_with_the_release_of_a_body_that_ran() {
    let server = Server::start();
    let (a, b) = (server.client("a"), server.client("b"));
    let builder = LockSpec::builder("job", s(10)).min_hold(s(5));
    let held = acquired(&a, &builder.build().unwrap()).await;
    sleep(s(1)).await;
    held.release().await.unwrap();
    assert!(
        b.try_acquire(&spec(s(1)))
            .await
            .unwrap()
            .acquired()
            .is_none()
    );
    sleep(ms(3_999)).await;
    assert!(
        b.try_acquire(&spec(s(1)))
            .await
            .unwrap()
            .acquired()
            .is_none()
    );
    sleep(ms(1)).await;
    let _ = acquired(&b, &spec(s(1))).await;
}

#[tokio::test(start_paused = true)]
async fn the_release_of_a_contended_lock_says_so() {
    let server = Server::start();
    let (a, b) = (server.client("a"), server.client("b"));
    let contended = |request: &Request| match request {
        Request::Release(release) => release.contended,
        other => panic!("{other:?}"),
    };
    let held = acquired(&a, &spec(s(60))).await;
    let waits = tokio::spawn({
        let b = b.clone();
        async move { b.acquire(&spec(s(50))).await.unwrap() }
    });
    sleep(s(1)).await;
    held.release().await.unwrap();
    let next = waits.await.unwrap();
    next.release().await.unwrap();
    let flags: Vec<_> = server
        .sent(What::Release)
        .iter()
        .map(|(_, it)| contended(it))
        .collect();
    assert_eq!(flags, [false, true]);
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_was_handed_over_knows_of_the_queue_behind_it() {
    let server = Server::start();
    let (a, b) = (server.client("a"), server.client("b"));
    let held = acquired(&a, &spec(s(60))).await;
    let waits = |client: &mongo_lock_runtime::LockClient| {
        let client = client.clone();
        tokio::spawn(async move { client.acquire(&spec(s(50))).await.unwrap() })
    };
    let own = waits(&a);
    settle().await;
    let other = waits(&b);
    sleep(s(1)).await;
    held.release().await.unwrap();
    let own = own.await.unwrap();
    assert!(!other.is_finished());
    own.release().await.unwrap();
    let _ = other.await.unwrap();
    let (_, last) = server.sent(What::Release).remove(0);
    assert!(matches!(last, Request::Release(release) if release.contended));
}
