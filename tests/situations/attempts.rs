//! The account of the attempts of one acquisition.

use mongo_lock_runtime::{
    Error,
    simulation::{Persistence, Request},
};
use tokio::time::sleep;

use crate::server::{Fate, LIMIT, Server, What, acquired, ms, renewed, s, settle, skipped, spec};

fn release_revokes(server: &Server) -> Vec<bool> {
    let sent = server.sent(What::Release).into_iter();
    sent.map(|(_, request)| match request {
        Request::Release(release) => release.revoke,
        other => panic!("{other:?}"),
    })
    .collect()
}

#[tokio::test(start_paused = true)]
async fn a_refusal_leaves_nothing_to_clean_up() {
    let server = Server::start();
    let (a, b) = (server.client("a"), server.client("b"));
    let _held = acquired(&a, &spec(s(10))).await;
    skipped(b.try_acquire(&spec(s(10))).await.unwrap());
    settle().await;
    assert_eq!(
        (server.count(What::Acquire), server.count(What::Release)),
        (2, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn the_own_client_is_refused_without_a_request() {
    let server = Server::start();
    let a = server.client("a");
    let _held = acquired(&a, &spec(s(10))).await;
    skipped(a.try_acquire(&spec(s(10))).await.unwrap());
    assert_eq!(server.count(What::Acquire), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_costs_no_second_lease_and_no_time() {
    let server = Server::start();
    let a = server.client("a");
    server.next(What::Acquire, Fate::Cut);
    let guard = acquired(&a, &spec(s(10))).await;
    // From the first attempt, which was granted.
    assert_eq!(guard.time_left() + server.at(), s(9));
    guard.release().await.unwrap();
    // Both attempts are accounted for: one was granted, and one answered.
    assert_eq!(release_revokes(&server), [false]);
}

#[tokio::test(start_paused = true)]
async fn a_straggler_is_revoked_with_the_release() {
    let server = Server::start();
    let a = server.client("a");
    server.next(What::Acquire, Fate::Failed(Persistence::Transient));
    let guard = acquired(&a, &spec(s(10))).await;
    guard.release().await.unwrap();
    assert_eq!(release_revokes(&server), [false]);

    server.next(What::Acquire, Fate::Late(s(30)));
    let (b, late) = (server.client("b"), renewed(s(100)));
    let failed = b.try_acquire(&late).await;
    assert!(matches!(failed, Err(Error::Timeout { .. })), "{failed:?}");
    sleep(s(2)).await;
    assert_eq!(release_revokes(&server), [false, true]);
    // The attempt arrives, and is granted no lease.
    sleep(s(40)).await;
    let _ = acquired(&a, &spec(s(10))).await;
}

#[tokio::test(start_paused = true)]
async fn attempts_are_repeated_until_the_limit() {
    let server = Server::start();
    let a = server.client("a");
    server.always(What::Acquire, Fate::Failed(Persistence::Transient));
    match a.try_acquire(&spec(s(10))).await {
        Err(Error::Database { problem, .. }) => assert_eq!(problem, "no quorum"),
        other => panic!("{other:?}"),
    }
    let took = server.at();
    assert!(took + s(1) > LIMIT && took <= LIMIT, "{took:?}");
    let times = server.times(What::Acquire);
    let pauses: Vec<_> = times
        .windows(2)
        .map(|two| two[1].abs_diff(two[0]))
        .collect();
    assert!(pauses[0] >= ms(7) && pauses[0] <= ms(13), "{pauses:?}");
    assert!(*pauses.iter().max().unwrap() >= ms(500), "{pauses:?}");
    // No attempt has an effect that is unknown.
    settle().await;
    assert_eq!(server.count(What::Release), 0);
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_does_not_pass_is_reported_at_once() {
    let server = Server::start();
    let a = server.client("a");
    for persistence in [Persistence::Unknown, Persistence::Final] {
        server.next(What::Acquire, Fate::Failed(persistence));
        let failed = a.try_acquire(&spec(s(10))).await;
        assert!(matches!(failed, Err(Error::Database { .. })), "{failed:?}");
    }
    assert_eq!((server.count(What::Acquire), server.at()), (2, s(0)));
    let _ = acquired(&a, &spec(s(10))).await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_nothing_is_a_timeout() {
    let server = Server::start();
    server.next(What::Acquire, Fate::Lost);
    let failed = server.client("a").try_acquire(&spec(s(10))).await;
    match failed {
        Err(Error::Timeout { limit, .. }) => assert_eq!(limit, LIMIT),
        other => panic!("{other:?}"),
    }
    assert_eq!(server.at(), LIMIT);
    // Given up a second later, and cleaned up.
    sleep(ms(1_500)).await;
    assert_eq!(server.times(What::Release), [LIMIT + s(1)]);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_waits_for_the_clean_up_of_an_earlier_attempt() {
    let server = Server::start();
    let (a, b) = (server.client("a"), server.client("b"));
    let _held = acquired(&b, &spec(s(60))).await;
    server.next(What::Acquire, Fate::Cut);
    server.next(What::Release, Fate::AnsweredLate(s(1)));
    skipped(a.try_acquire(&spec(s(10))).await.unwrap());
    assert_eq!(release_revokes(&server), [true]);
    assert!(server.at() >= s(1));
}

/// The release revokes the lease's id, and is repeated for as long as an attempt may be on its way: longer
/// than the lease.
#[tokio::test(start_paused = true)]
async fn an_attempt_that_arrives_long_after_the_lease_is_revoked() {
    let server = Server::start();
    let a = server.client("a");
    server.next(What::Acquire, Fate::CutLate(s(40)));
    let guard = acquired(&a, &spec(s(9))).await;
    server.always(What::Release, Fate::Failed(Persistence::Transient));
    drop(guard);
    sleep(s(30)).await;
    server.mend();
    sleep(s(20)).await;
    let _ = acquired(&server.client("b"), &spec(s(9))).await;
}
