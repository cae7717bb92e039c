//! What a client keeps running while its callers wait, and when it ends: the listener for wake-ups, and the
//! confirmation of places.

use mongo_lock_runtime::{
    LockClient, LockName, LockSpec,
    simulation::{Confirmation, Persistence, Request, Wakeup},
};
use tokio::{runtime::Handle, time::sleep};

use crate::server::{Fate, Server, What, acquired, ms, s, settle, spec, waits};

/// The time after which there is no listener, no refresher, and no look at the leases that have been released.
const AT_REST: std::time::Duration = s(70);

fn tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

/// Has `b` wait for a while, behind `a`, and acquire.
async fn has_waited(a: &LockClient, b: &LockClient) {
    let held = acquired(a, &spec(s(60))).await;
    let waiter = waits(b);
    sleep(s(5)).await;
    held.release().await.unwrap();
    waiter.await.unwrap().unwrap().release().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_client_at_rest_has_no_task() {
    let server = Server::start();
    let (a, b) = (server.client("a"), server.client("b"));
    acquired(&b, &spec(s(60))).await.release().await.unwrap();
    sleep(AT_REST).await;
    let before = tasks();
    for _ in 0..2 {
        has_waited(&a, &b).await;
        assert!(tasks() > before);
        sleep(AT_REST).await;
        assert_eq!(tasks(), before);
    }
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_ends_the_listener() {
    let server = Server::start();
    let (a, b) = (server.client("a"), server.client("b"));
    has_waited(&a, &b).await;
    assert_eq!(server.listeners(), 1);
    assert!(b.shutdown().await.is_clean());
    assert_eq!(server.listeners(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_last_client_that_is_dropped_ends_the_listener() {
    let server = Server::start();
    let (a, b) = (server.client("a"), server.client("b"));
    let tenant = b.with_owner("tenant").unwrap();
    has_waited(&a, &b).await;
    drop(b);
    settle().await;
    assert_eq!(server.listeners(), 1);
    drop(tenant);
    settle().await;
    assert_eq!(server.listeners(), 0);
}

/// It had started to confirm the places of both.
#[tokio::test(start_paused = true)]
async fn a_client_that_is_dropped_leaves_the_places_of_its_tenants() {
    let server = Server::start();
    let (a, b) = (server.client("a"), server.client("b"));
    let tenant = b.with_owner("tenant").unwrap();
    let _held = acquired(&a, &spec(s(60))).await;
    let first = waits(&b);
    settle().await;
    let second = waits(&tenant);
    sleep(s(5)).await;
    first.abort();
    drop((first.await, b));
    sleep(s(5)).await;
    let kept = server.sent(What::Confirm);
    sleep(s(10)).await;
    let kept = server.count(What::Confirm) - kept.len();
    assert!((5..=8).contains(&kept), "{kept}");
    second.abort();
}

/// While another one is.
#[tokio::test(start_paused = true)]
async fn a_place_is_confirmed_soon_and_not_before_it_is_there() {
    let server = Server::start();
    let (a, b) = (server.client("a"), server.client("b"));
    let other = LockSpec::new("other", s(60)).unwrap();
    let (held, _other) = (acquired(&a, &spec(s(60))).await, acquired(&a, &other).await);
    let waits_for_other = {
        let b = b.clone();
        tokio::spawn(async move { b.acquire(&other).await.map(drop) })
    };
    settle().await;
    server.next(What::Acquire, Fate::AnsweredLate(ms(3_500)));
    let waiter = waits(&b);
    let confirmed = || {
        let all = server.sent(What::Confirm).into_iter();
        let locks = all.flat_map(|(_, request)| match request {
            Request::Confirm(places) => places,
            other => panic!("{other:?}"),
        });
        let is_ours = |place: &Confirmation| place.name.as_str() == "job";
        let (ours, others): (Vec<_>, Vec<_>) = locks.partition(is_ours);
        (ours.len(), others.len())
    };
    sleep(ms(3_400)).await;
    let (ours, others) = confirmed();
    assert!(ours == 0 && others > 0, "{ours}, {others}");
    sleep(ms(2_200)).await;
    // The pauses between confirmations are 1.6 s, a quarter more or less.
    assert!((1..=2).contains(&confirmed().0), "{:?}", confirmed());
    drop(held);
    let _ = waiter.await.unwrap().unwrap();
    waits_for_other.abort();
}

#[tokio::test(start_paused = true)]
async fn a_confirmation_that_fails_for_good_is_not_repeated_before_the_next() {
    let server = Server::start();
    let (a, b) = (server.client("a"), server.client("b"));
    let held = acquired(&a, &spec(s(60))).await;
    server.always(What::Confirm, Fate::Failed(Persistence::Final));
    let waiter = waits(&b);
    sleep(s(3)).await;
    let sent = server.count(What::Confirm);
    assert!((1..=2).contains(&sent), "{sent}");
    server.mend();
    drop(held);
    let _ = waiter.await.unwrap().unwrap();
}

/// With so many at once, its own may be among those that the stream has no room for.
#[tokio::test(start_paused = true)]
async fn a_listener_that_missed_wake_ups_asks() {
    let server = Server::start();
    let (a, b) = (server.client("a"), server.client("b"));
    server.wake_no_more();
    let held = acquired(&a, &spec(s(60))).await;
    let waiter = waits(&b);
    sleep(s(5)).await;
    held.release().await.unwrap();
    for _ in 0..100 {
        let lock = LockName::new("other").unwrap();
        let waiters = vec!["elsewhere:1".into()];
        server.wake(Wakeup { lock, waiters });
    }
    let _ = waiter.await.unwrap().unwrap();
    assert_eq!(server.at(), s(5));
}

/// A renewal that is on its way may still prolong the lease.
#[tokio::test(start_paused = true)]
async fn a_release_is_repeated_until_a_ttl_from_its_beginning() {
    let server = Server::start();
    let a = server.client("a");
    let held = acquired(&a, &spec(s(60))).await;
    sleep(s(40)).await;
    server.always(What::Release, Fate::Failed(Persistence::Transient));
    drop(held);
    sleep(s(59)).await;
    let before = server.count(What::Release);
    sleep(s(10)).await;
    let after = server.count(What::Release);
    assert!(after <= before + 3, "{before}, {after}");
    assert!(*server.times(What::Release).last().unwrap() > s(95));
}

#[tokio::test(start_paused = true)]
async fn the_listener_ends_some_time_after_the_last_waiter() {
    let server = Server::start();
    let (a, b) = (server.client("a"), server.client("b"));
    for _ in 0..2 {
        let held = acquired(&a, &spec(s(60))).await;
        let waiter = waits(&b);
        sleep(s(20)).await;
        assert_eq!(server.listeners(), 1);
        held.release().await.unwrap();
        let next = waiter.await.unwrap().unwrap();
        next.release().await.unwrap();
        // The next waiter comes soon, as a rule.
        sleep(ms(9_900)).await;
        assert_eq!(server.listeners(), 1);
        sleep(ms(200)).await;
        assert_eq!(server.listeners(), 0);
    }
}
