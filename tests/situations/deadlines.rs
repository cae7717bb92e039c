//! The end of a lease for its holder, and its reason.

use std::time::{Duration, UNIX_EPOCH};

use mongo_lock_runtime::{Error, LockSpec, LossReason, simulation::Persistence};
use tokio::time::sleep;

use crate::{
    log::Log,
    server::{Fate, START, Server, What, acquired, ms, renewed, s, skipped, spec},
};

fn lost(error: Error) -> (Duration, LossReason) {
    match error {
        Error::LeaseLost { held, reason, .. } => (held, reason),
        other => panic!("{other}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_ends_at_its_ttl_less_the_margin() {
    let log = Log::here();
    let guard = acquired(&Server::start().client("a"), &spec(s(10))).await;
    assert_eq!(guard.time_left(), s(9));
    sleep(ms(8_999)).await;
    guard.lease().check().unwrap();
    assert_eq!(guard.time_left(), ms(1));
    sleep(ms(1)).await;
    let (held, reason) = lost(guard.lease().check().unwrap_err());
    assert_eq!(held, s(9));
    let (ttl, margin) = (s(10), s(1));
    assert_eq!(reason, LossReason::Deadline { ttl, margin });
    assert_eq!(guard.time_left(), Duration::ZERO);
    let warnings = log.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("lease lost") && warnings[0].contains("held_ms=9000"));
}

#[tokio::test(start_paused = true)]
async fn the_keeper_ends_a_lease_that_is_not_asked() {
    let server = Server::start();
    let guard = acquired(&server.client("a"), &spec(s(10))).await;
    let (held, _) = lost(guard.lease().lost().await);
    assert_eq!(held, s(9));
    assert_eq!(server.at(), s(9));
}

#[tokio::test(start_paused = true)]
async fn the_time_on_the_way_counts() {
    let server = Server::start();
    server.next(What::Acquire, Fate::AnsweredLate(s(3)));
    let guard = acquired(&server.client("a"), &spec(s(10))).await;
    assert_eq!(guard.time_left(), s(6));
}

#[tokio::test(start_paused = true)]
async fn a_grant_that_comes_after_its_end_is_an_error() {
    let server = Server::start();
    let log = Log::here();
    server.next(What::Acquire, Fate::AnsweredLate(s(3)));
    let client = server.client("a");
    match client.try_acquire(&spec(s(3))).await {
        Err(Error::GrantedTooLate {
            took, ttl, margin, ..
        }) => assert_eq!((took, ttl, margin), (s(3), s(3), ms(600))),
        other => panic!("{other:?}"),
    }
    // No caller ever worked under the lease.
    assert!(log.warnings().is_empty(), "{:?}", log.warnings());
    let _ = acquired(&client, &spec(s(3))).await;
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_cannot_be_renewed_says_so() {
    let server = Server::start();
    server.always(What::Renew, Fate::Failed(Persistence::Transient));
    let guard = acquired(&server.client("a"), &renewed(s(10))).await;
    let (held, reason) = lost(guard.lease().lost().await);
    assert_eq!(held, s(9));
    let expected = LossReason::NotRenewed {
        ttl: s(10),
        margin: s(1),
        problem: Some("no quorum".into()),
    };
    assert_eq!(reason, expected);
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_ends_before_its_max_hold_was_not_renewed() {
    let server = Server::start();
    let builder = LockSpec::builder("job", s(9)).renew(true);
    let spec = builder.max_hold(s(25)).build().unwrap();
    let guard = acquired(&server.client("a"), &spec).await;
    server.always(What::Renew, Fate::Failed(Persistence::Transient));
    let (_, reason) = lost(guard.lease().lost().await);
    let expected = matches!(reason, LossReason::NotRenewed { .. });
    assert!(expected, "{reason:?}");
}

#[tokio::test(start_paused = true)]
async fn max_hold_ends_a_lease_that_is_renewed() {
    let server = Server::start();
    let builder = LockSpec::builder("job", s(10)).renew(true);
    let spec = builder.max_hold(s(25)).build().unwrap();
    let guard = acquired(&server.client("a"), &spec).await;
    let (held, reason) = lost(guard.lease().lost().await);
    assert_eq!(held, s(25));
    assert_eq!(reason, LossReason::MaxHold { max_hold: s(25) });
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_an_operator_deleted_is_gone() {
    let log = Log::here();
    let server = Server::start();
    let guard = acquired(&server.client("a"), &renewed(s(9))).await;
    server.delete("job");
    let (held, reason) = lost(guard.lease().lost().await);
    assert_eq!((held, reason), (s(3), LossReason::Gone));
    drop(guard);
    sleep(ms(10)).await;
    assert_eq!(log.warnings().len(), 1, "{:?}", log.warnings());
    assert_eq!(log.starting("DEBUG lost lease was gone").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_was_gone_unnoticed_is_a_warning_at_its_release() {
    let log = Log::here();
    let server = Server::start();
    let guard = acquired(&server.client("a"), &spec(s(9))).await;
    server.delete("job");
    guard.release().await.unwrap();
    let warnings = log.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("lease was gone before its release"));
}

#[tokio::test(start_paused = true)]
async fn a_release_ends_the_lease() {
    let log = Log::here();
    let server = Server::start();
    let guard = acquired(&server.client("a"), &spec(s(9))).await;
    let lease = guard.lease().clone();
    sleep(s(1)).await;
    let waits = tokio::spawn({
        let lease = lease.clone();
        async move { lease.lost().await }
    });
    sleep(ms(1)).await;
    guard.release().await.unwrap();
    let (held, reason) = lost(waits.await.unwrap());
    assert_eq!((held, reason), (ms(1001), LossReason::Released));
    assert!(lease.check().is_err());
    assert!(log.warnings().is_empty(), "{:?}", log.warnings());
    assert_eq!(log.starting("DEBUG released").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_holder_is_named_with_its_times() {
    let server = Server::start();
    let (a, b) = (server.client("a"), server.client("b"));
    sleep(s(2)).await;
    let guard = acquired(&a, &renewed(s(9))).await;
    let since = UNIX_EPOCH + ms(START) + s(2);
    sleep(s(1)).await;
    for (client, own) in [(&a, true), (&b, false)] {
        let skipped = skipped(client.try_acquire(&spec(s(5))).await.unwrap());
        let holder = skipped.holder().unwrap();
        assert_eq!((holder.owner.as_str(), holder.token), ("a", guard.token()));
        assert_eq!((holder.since, holder.until), (since, since + s(9)));
        assert_eq!(holder.is_this_client, own);
    }
    // After a renewal: the last moment at which the lease can end on the server.
    sleep(ms(2_500)).await;
    let skipped = skipped(a.try_acquire(&spec(s(5))).await.unwrap());
    assert_eq!(skipped.holder().unwrap().until, since + s(3) + s(9));
}
