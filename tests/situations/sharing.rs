//! Readers of one client, which share a holder.

use std::task::{Context, Waker};

use mongo_lock_runtime::{LockClient, LockGuard, LockSpec, Release, simulation::Request};
use tokio::time::sleep;

use crate::server::{Fate, Server, What, acquired, ms, s, settle, skipped, spec, waits};

fn reader() -> LockSpec {
    let reader = LockSpec::builder("job", s(60)).shared(true);
    reader.build().unwrap()
}

/// Whether each release revokes its lease's id.
fn releases(server: &Server) -> Vec<bool> {
    let sent = server.sent(What::Release).into_iter();
    sent.map(|(_, request)| match request {
        Request::Release(release) => release.revoke,
        other => panic!("{other:?}"),
    })
    .collect()
}

async fn release(guard: LockGuard) {
    guard.release().await.unwrap();
}

/// Releases these readers; once all that is late has arrived, a writer has the lock at once.
async fn nothing_stays(readers: [LockGuard; 2], other: &LockClient) {
    for reader in readers {
        release(reader).await;
    }
    sleep(ms(400)).await;
    let _ = acquired(other, &spec(s(10))).await;
}

#[tokio::test(start_paused = true)]
async fn the_last_reader_releases_for_all() {
    let server = Server::start();
    let (a, b) = (server.client("a"), server.client("b"));
    let first = acquired(&a, &reader()).await;
    let second = acquired(&a, &reader()).await;
    let third = acquired(&a, &reader()).await;
    assert!(first.token() < second.token() && second.token() < third.token());
    release(first).await;
    drop(third);
    settle().await;
    assert_eq!(releases(&server), [false; 0]);
    skipped(b.try_acquire(&spec(s(10))).await.unwrap());
    release(second).await;
    assert_eq!(releases(&server), [false]);
    let _ = acquired(&b, &spec(s(10))).await;
}

#[tokio::test(start_paused = true)]
async fn a_reader_whose_lease_has_ended_says_so_although_others_keep_the_holder() {
    let server = Server::start();
    let (a, b) = (server.client("a"), server.client("b"));
    let early = acquired(&a, &reader()).await;
    sleep(s(30)).await;
    let late = acquired(&a, &reader()).await;
    sleep(s(40)).await;
    assert_eq!(early.release().await.unwrap(), Release::AlreadyGone);
    late.lease().check().unwrap();
    skipped(b.try_acquire(&spec(s(10))).await.unwrap());
    assert_eq!(late.release().await.unwrap(), Release::Freed);
}

#[tokio::test(start_paused = true)]
async fn readers_of_two_clients_share_nothing() {
    let server = Server::start();
    let (a, b) = (server.client("a"), server.client("b"));
    let (first, second) = (acquired(&a, &reader()).await, acquired(&b, &reader()).await);
    release(first).await;
    release(second).await;
    assert_eq!(releases(&server), [false, false]);
}

#[tokio::test(start_paused = true)]
async fn one_renewal_is_for_all_readers_of_a_holder() {
    let server = Server::start();
    let a = server.client("a");
    let renewed = LockSpec::builder("job", s(60)).shared(true).renew(true);
    let renewed = renewed.build().unwrap();
    let guards = [
        acquired(&a, &renewed).await,
        acquired(&a, &renewed).await,
        acquired(&a, &renewed).await,
    ];
    sleep(s(200)).await;
    for guard in &guards {
        guard.lease().check().unwrap();
    }
    let renewals = server.sent(What::Renew);
    assert!(!renewals.is_empty());
    for (_, renewal) in renewals {
        let Request::Renew(leases) = renewal else {
            panic!("{renewal:?}");
        };
        assert_eq!(leases.len(), 1);
    }
}

/// The one that asks to join keeps the holder until its own request is answered, and then lets go of it.
#[tokio::test(start_paused = true)]
async fn a_reader_that_may_not_join_releases_the_holder_that_all_others_have_left() {
    let server = Server::start();
    let (a, b) = (server.client("a"), server.client("b"));
    let first = acquired(&a, &reader()).await;
    server.next(What::Acquire, Fate::Slow(ms(100)));
    let joins = {
        let a = a.clone();
        tokio::spawn(async move { a.try_acquire(&reader()).await.unwrap() })
    };
    settle().await;
    let writer = waits(&b);
    settle().await;
    release(first).await;
    assert_eq!(releases(&server), [false; 0]);
    skipped(joins.await.unwrap());
    let writer = writer.await.unwrap().unwrap();
    assert!(server.at() < ms(200), "{:?}", server.at());
    release(writer).await;
}

/// It may arrive after the last release, which revokes no id.
#[tokio::test(start_paused = true)]
async fn a_holder_with_a_straggler_is_not_shared() {
    let server = Server::start();
    let (a, b) = (server.client("a"), server.client("b"));
    server.next(What::Acquire, Fate::CutLate(ms(300)));
    let first = acquired(&a, &reader()).await;
    let second = acquired(&a, &reader()).await;
    nothing_stays([first, second], &b).await;
    assert_eq!(releases(&server), [true, false]);
}

/// An earlier attempt may still make a holder of the reader's own.
#[tokio::test(start_paused = true)]
async fn a_reader_with_a_straggler_does_not_join() {
    let server = Server::start();
    let (a, b) = (server.client("a"), server.client("b"));
    server.next(What::Acquire, Fate::CutLate(ms(300)));
    let first = {
        let a = a.clone();
        tokio::spawn(async move { acquired(&a, &reader()).await })
    };
    settle().await;
    let second = acquired(&a, &reader()).await;
    let first = first.await.unwrap();
    nothing_stays([first, second], &b).await;
    assert_eq!(releases(&server), [true, false]);
}

/// An attempt to join that arrives late finds no holder, and makes none.
#[tokio::test(start_paused = true)]
async fn a_late_attempt_to_join_leaves_nothing_behind() {
    let server = Server::start();
    let (a, b) = (server.client("a"), server.client("b"));
    let first = acquired(&a, &reader()).await;
    server.next(What::Acquire, Fate::CutLate(ms(300)));
    let second = acquired(&a, &reader()).await;
    nothing_stays([first, second], &b).await;
}

/// The end of the holder depends on a reader that asks to join, whose caller no longer polls.
#[tokio::test(start_paused = true)]
async fn a_reader_that_is_left_unpolled_keeps_no_holder() {
    let server = Server::start();
    let (a, b) = (server.client("a"), server.client("b"));
    let first = acquired(&a, &reader()).await;
    let writer = waits(&b);
    settle().await;
    let reader = reader();
    server.next(What::Acquire, Fate::Slow(ms(10)));
    let mut joins = Box::pin(a.try_acquire(&reader));
    let mut polling = Context::from_waker(Waker::noop());
    assert!(joins.as_mut().poll(&mut polling).is_pending());
    settle().await;
    release(first).await;
    let writer = writer.await.unwrap().unwrap();
    assert!(server.at() < ms(100), "{:?}", server.at());
    release(writer).await;
    skipped(joins.await.unwrap());
}
