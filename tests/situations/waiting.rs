//! Waiting: limits, order, wake-ups, refusals.

use mongo_lock_runtime::{Error, LockSpec, simulation::Persistence};
use tokio::time::sleep;

use crate::{
    log::Log,
    server::{Fate, LIMIT, Server, What, acquired, guard, ms, s, settle, skipped, spec, waits},
};

#[tokio::test(start_paused = true)]
async fn a_free_lock_is_not_waited_for() {
    let server = Server::start();
    let a = server.client("a");
    let _ = guard(a.acquire_within(&spec(s(10)), s(5)).await.unwrap());
    let _ = a.acquire(&spec(s(10))).await.unwrap();
    assert_eq!(server.at(), s(0));
}

#[tokio::test(start_paused = true)]
async fn a_waiter_is_woken_by_the_release() {
    let log = Log::here();
    let server = Server::start();
    let (a, b) = (server.client("a"), server.client("b"));
    let held = acquired(&a, &spec(s(60))).await;
    let waiter = waits(&b);
    sleep(ms(10_300)).await;
    held.release().await.unwrap();
    let next = waiter.await.unwrap().unwrap();
    assert_eq!(server.at(), ms(10_300));
    assert_eq!(next.time_left(), s(49));
    assert_eq!(log.starting("DEBUG waiting").len(), 1);
    // The holder, the waiter, the waiter again once it hears of its turns, and at its turn.
    assert_eq!(server.count(What::Acquire), 4);
    // The client keeps its entry alive, and no more: every 1.6 s, 25 % more or less.
    let kept = server.count(What::Confirm);
    assert!((5..=8).contains(&kept), "{kept}");
    assert_eq!(server.count(What::Wake), 1);
}

#[tokio::test(start_paused = true)]
async fn a_waiter_that_is_not_woken_looks_at_the_end_of_the_lease() {
    let server = Server::start();
    let (a, b) = (server.client("a"), server.client("b"));
    server.wake_no_more();
    let held = acquired(&a, &spec(ms(1_200))).await;
    let _ = b.acquire(&spec(s(50))).await.unwrap();
    let late = server.at();
    assert!(late >= ms(1_200) && late < ms(1_220), "{late:?}");
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn a_waiter_is_skipped_at_its_limit() {
    let server = Server::start();
    let (a, b) = (server.client("a"), server.client("b"));
    let held = acquired(&a, &spec(s(60))).await;
    for (client, own) in [(&a, true), (&b, false)] {
        let began = server.at();
        let skipped = skipped(client.acquire_within(&spec(s(9)), s(5)).await.unwrap());
        assert_eq!(server.at(), began + s(5));
        let holder = skipped.holder().unwrap();
        assert_eq!((holder.token, holder.is_this_client), (held.token(), own));
    }
    settle().await;
    // The place in the queue is given up; without one, there is none to give up.
    assert_eq!(server.count(What::Leave), 1);
}

#[tokio::test(start_paused = true)]
async fn each_waiter_has_its_own_limit() {
    let server = Server::start();
    let (a, b) = (server.client("a"), server.client("b"));
    let _held = acquired(&a, &spec(s(60))).await;
    let limited = |limit: u64| {
        let (b, server) = (b.clone(), server.clone());
        tokio::spawn(async move {
            skipped(b.acquire_within(&spec(s(9)), s(limit)).await.unwrap());
            server.at()
        })
    };
    let all = [limited(7), limited(2), limited(5)];
    let mut ends = Vec::new();
    for one in all {
        ends.push(one.await.unwrap());
    }
    assert_eq!(ends, [s(7), s(2), s(5)]);
}

#[tokio::test(start_paused = true)]
async fn waiters_of_one_client_come_in_order() {
    let server = Server::start();
    let (a, b) = (server.client("a"), server.client("b"));
    let held = acquired(&a, &spec(s(60))).await;
    let (first, second) = (waits(&b), waits(&b));
    sleep(s(1)).await;
    drop(held);
    let first = first.await.unwrap().unwrap();
    assert!(!second.is_finished());
    sleep(s(1)).await;
    drop(first);
    let _ = second.await.unwrap().unwrap();
    assert_eq!(server.at(), s(2));
}

#[tokio::test(start_paused = true)]
async fn the_next_waiter_takes_the_place_of_one_that_left() {
    let server = Server::start();
    let (a, b) = (server.client("a"), server.client("b"));
    let held = acquired(&a, &spec(s(60))).await;
    let (first, second) = (waits(&b), waits(&b));
    sleep(s(1)).await;
    first.abort();
    sleep(ms(10)).await;
    assert_eq!(server.count(What::Leave), 0);
    drop(held);
    let _ = second.await.unwrap().unwrap();
    assert_eq!(server.at(), ms(1_010));
}

#[tokio::test(start_paused = true)]
async fn a_try_beside_the_own_waiter_is_refused_at_once() {
    let server = Server::start();
    let (a, b) = (server.client("a"), server.client("b"));
    let _held = acquired(&a, &spec(s(60))).await;
    let _waiter = waits(&b);
    sleep(s(1)).await;
    skipped(b.try_acquire(&spec(s(9))).await.unwrap());
    assert_eq!(server.at(), s(1));
}

#[tokio::test(start_paused = true)]
async fn a_waiter_whose_lease_ends_unreleased_is_asked_for() {
    let server = Server::start();
    let a = server.client("a");
    let held = acquired(&a, &spec(s(10))).await;
    let _ = a.acquire(&spec(s(50))).await.unwrap();
    // The own client counts on the lease until its deadline, and the server until the ttl.
    let at = server.at();
    assert!(at >= s(10) && at < ms(10_100), "{at:?}");
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn a_call_takes_no_longer_than_its_limit_and_one_operation() {
    let server = Server::start();
    let (a, b) = (server.client("a"), server.client("b"));
    let _held = acquired(&a, &spec(s(60))).await;
    server.next(What::Acquire, Fate::AnsweredLate(s(1)));
    // Still under way at the limit, and skipped when the answer is there.
    skipped(b.acquire_within(&spec(s(9)), ms(500)).await.unwrap());
    assert_eq!(server.at(), s(1));
    server.always(What::Acquire, Fate::Lost);
    let failed = b.acquire_within(&spec(s(9)), ms(500)).await;
    assert!(matches!(failed, Err(Error::Timeout { .. })), "{failed:?}");
    assert_eq!(server.at(), s(1) + LIMIT);
}

#[tokio::test(start_paused = true)]
async fn a_task_does_not_wait_for_the_lock_that_it_holds() {
    let server = Server::start();
    let a = server.client("a");
    let held = acquired(&a, &spec(s(60))).await;
    let other = LockSpec::new("other", s(9)).unwrap();
    let within = async {
        let refused = a.acquire(&spec(s(9))).await;
        assert!(
            matches!(refused, Err(Error::WouldDeadlock { .. })),
            "{refused:?}"
        );
        let refused = server.client("b").acquire(&spec(s(9))).await;
        assert!(
            matches!(refused, Err(Error::WouldDeadlock { .. })),
            "{refused:?}"
        );
        // Another lock, or a lease that has ended, is no reason.
        a.acquire(&other).await.unwrap()
    };
    let lease = held.lease().clone();
    let inner = lease.scope(within).await;
    held.lease()
        .clone()
        .scope(inner.lease().clone().scope(async {
            for name in ["job", "other"] {
                let spec = LockSpec::new(name, s(9)).unwrap();
                let refused = a.acquire(&spec).await;
                assert!(
                    matches!(refused, Err(Error::WouldDeadlock { .. })),
                    "{refused:?}"
                );
            }
        }))
        .await;
    let lease = held.lease().clone();
    held.release().await.unwrap();
    let _ = lease
        .scope(async { a.acquire(&spec(s(9))).await.unwrap() })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_task_that_holds_the_guard_is_warned() {
    let log = Log::here();
    let server = Server::start();
    let a = server.client("a");
    let holds = tokio::spawn(async move {
        let held = acquired(&a, &spec(s(10))).await;
        let _ = a.acquire_within(&spec(s(9)), s(1)).await.unwrap();
        held
    });
    drop(holds.await.unwrap());
    assert_eq!(log.warnings().len(), 1, "{:?}", log.warnings());
}

#[tokio::test(start_paused = true)]
async fn a_request_under_way_at_the_limit_is_waited_for() {
    let server = Server::start();
    let (a, b) = (server.client("a"), server.client("b"));
    let held = acquired(&a, &spec(s(60))).await;
    let waiter = {
        let b = b.clone();
        tokio::spawn(async move { b.acquire_within(&spec(s(9)), s(5)).await })
    };
    sleep(s(4)).await;
    server.next(What::Acquire, Fate::Slow(s(2)));
    held.release().await.unwrap();
    let _ = guard(waiter.await.unwrap().unwrap());
    assert_eq!(server.at(), s(6));
}

#[tokio::test(start_paused = true)]
async fn a_waiter_that_leaves_takes_no_request_of_another_along() {
    let server = Server::start();
    let (a, b) = (server.client("a"), server.client("b"));
    let held = acquired(&a, &spec(s(60))).await;
    let (first, second) = (waits(&b), waits(&b));
    sleep(s(4)).await;
    server.next(What::Acquire, Fate::Slow(s(2)));
    held.release().await.unwrap();
    let before = server.count(What::Acquire);
    sleep(s(1)).await;
    second.abort();
    let _ = first.await.unwrap().unwrap();
    assert_eq!(server.at(), s(6));
    assert_eq!(server.count(What::Acquire), before);
}

/// The first attempt may have been granted: the lease is given back before the caller hears that the lock is
/// held.
#[tokio::test(start_paused = true)]
async fn a_skip_comes_after_the_clean_up_of_what_may_be_granted() {
    let server = Server::start();
    let (a, b) = (server.client("a"), server.client("b"));
    let _held = acquired(&a, &spec(s(60))).await;
    server.next(What::Acquire, Fate::CutLate(s(60)));
    let began = server.at();
    let skipped = skipped(b.acquire_within(&spec(s(9)), s(5)).await.unwrap());
    assert_eq!(skipped.holder().unwrap().owner, "a");
    assert_eq!(server.count(What::Release), 1);
    assert!(server.at() >= began + s(5));
}

/// Its own request has been granted the lock, and not answered yet.
#[tokio::test(start_paused = true)]
async fn a_try_after_a_waiter_that_left_is_not_refused_by_itself() {
    let server = Server::start();
    let b = server.client("b");
    server.next(What::Acquire, Fate::AnsweredLate(s(2)));
    let waiter = waits(&b);
    sleep(s(1)).await;
    waiter.abort();
    drop(waiter.await);
    let _ = guard(b.try_acquire(&spec(s(9))).await.unwrap());
    assert!(server.at() >= s(2));
}

/// Without a wake-up: the client knows of its own release.
#[tokio::test(start_paused = true)]
async fn a_release_after_a_hand_over_that_failed_wakes_the_own_waiter() {
    let server = Server::start();
    let a = server.client("a");
    server.wake_no_more();
    let held = acquired(&a, &spec(s(60))).await;
    let waiter = waits(&a);
    sleep(s(1)).await;
    server.next(What::HandOver, Fate::Failed(Persistence::Transient));
    server.next(What::Release, Fate::Slow(ms(300)));
    held.release().await.unwrap();
    let _ = waiter.await.unwrap().unwrap();
    assert_eq!(server.count(What::HandOver), 1);
    let at = server.at();
    assert!(at >= ms(1_300) && at < ms(1_350), "{at:?}");
}

/// The next waiter does not wait for the end of another's place.
#[tokio::test(start_paused = true)]
async fn a_place_whose_end_hangs_holds_up_no_waiter() {
    let server = Server::start();
    let (a, b) = (server.client("a"), server.client("b"));
    let held = acquired(&a, &spec(s(60))).await;
    let waiter = waits(&b);
    sleep(s(1)).await;
    server.always(What::Leave, Fate::Lost);
    waiter.abort();
    drop(waiter.await);
    sleep(ms(100)).await;
    assert_eq!(server.count(What::Leave), 1);
    let began = server.at();
    skipped(b.acquire_within(&spec(s(9)), ms(300)).await.unwrap());
    assert_eq!(server.at(), began + ms(300));
    // And is served as soon as the lock is free.
    let waiter = waits(&b);
    sleep(ms(100)).await;
    let began = server.at();
    drop(held);
    let _ = waiter.await.unwrap().unwrap();
    assert_eq!(server.at(), began);
}

/// The grant takes the client's entry out, and a request whose caller is gone makes another after that; the
/// answers come the other way round.
#[tokio::test(start_paused = true)]
async fn an_entry_that_was_made_after_a_grant_is_given_up() {
    let server = Server::start();
    let (a, b) = (server.client("a"), server.client("b"));
    server.next(What::Acquire, Fate::Slow(ms(600)));
    let gone = waits(&a);
    settle().await;
    gone.abort();
    server.next(What::Acquire, Fate::AnsweredLate(ms(700)));
    let guard = waits(&a).await.unwrap().unwrap();
    assert!(server.at() > ms(700), "{:?}", server.at());
    settle().await;
    assert_eq!(server.count(What::Leave), 1);
    guard.release().await.unwrap();
    let _ = acquired(&b, &spec(s(10))).await;
}
