//! Renewal: its times, its batches, its failures.

use mongo_lock_runtime::{
    Error, LossReason,
    simulation::{Persistence, Request},
};
use tokio::time::sleep;

use crate::{
    log::Log,
    server::{Fate, Server, What, acquired, ms, named, renewed, s, spec},
};

const BROKEN: Fate = Fate::Failed(Persistence::Transient);

fn batches(server: &Server) -> Vec<(u128, usize)> {
    let sent = server.sent(What::Renew).into_iter();
    sent.map(|(at, request)| match request {
        Request::Renew(leases) => (at.as_millis(), leases.len()),
        other => panic!("{other:?}"),
    })
    .collect()
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_renewed_every_third_of_its_ttl() {
    let server = Server::start();
    let guard = acquired(&server.client("a"), &renewed(s(9))).await;
    sleep(s(31)).await;
    guard.lease().check().unwrap();
    assert_eq!(guard.time_left(), s(7));
    let expected: Vec<_> = (1..=10).map(|n| (3000 * n, 1)).collect();
    assert_eq!(batches(&server), expected);
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_half_due_goes_along() {
    let server = Server::start();
    let client = server.client("a");
    let _short = acquired(&client, &named("short", s(6))).await;
    let _long = acquired(&client, &named("long", s(9))).await;
    let _longest = acquired(&client, &named("longest", s(60))).await;
    sleep(ms(8_500)).await;
    assert_eq!(
        batches(&server),
        [(2000, 2), (4000, 2), (6000, 2), (8000, 2)]
    );
    sleep(s(2)).await;
    assert_eq!(batches(&server).last(), Some(&(10_000, 3)));
}

#[tokio::test(start_paused = true)]
async fn a_later_lease_may_be_due_sooner() {
    let server = Server::start();
    let client = server.client("a");
    let _long = acquired(&client, &named("long", s(60))).await;
    sleep(s(1)).await;
    let _short = acquired(&client, &named("short", s(3))).await;
    sleep(ms(1_500)).await;
    assert_eq!(batches(&server), [(2000, 1)]);
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_not_renewed_goes_along_with_none() {
    let server = Server::start();
    let client = server.client("a");
    let _renewed = acquired(&client, &renewed(s(9))).await;
    let other = acquired(
        &client,
        &mongo_lock_runtime::LockSpec::new("b", s(9)).unwrap(),
    )
    .await;
    other.lease().lost().await;
    assert_eq!(server.at(), s(8));
    assert_eq!(batches(&server), [(3000, 1), (6000, 1)]);
}

#[tokio::test(start_paused = true)]
async fn a_failed_renewal_is_tried_again_soon_and_reported_once() {
    let log = Log::here();
    let server = Server::start();
    let guard = acquired(&server.client("a"), &renewed(s(9))).await;
    server.next(What::Renew, BROKEN);
    server.next(What::Renew, BROKEN);
    sleep(s(4)).await;
    // An eighth of the interval later, again and again.
    assert_eq!(batches(&server), [(3000, 1), (3375, 1), (3750, 1)]);
    assert_eq!(guard.time_left() + s(4), ms(3750) + s(8));
    let warnings = log.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].contains("leases=1 error=no quorum"),
        "{warnings:?}"
    );
    assert_eq!(log.starting("DEBUG renewal failed again").len(), 1);
    let well = log.starting("INFO renewal works again");
    assert_eq!(well.len(), 1, "{well:?}");
    assert!(well[0].contains("leases=1 after_ms=750"), "{well:?}");
    log.take();
    // The next outage is another one.
    server.next(What::Renew, BROKEN);
    sleep(s(4)).await;
    assert_eq!(log.warnings().len(), 1, "{:?}", log.warnings());
    assert!(log.starting("INFO renewal works again")[0].contains("after_ms=375"));
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_goes_well_says_nothing_new() {
    let log = Log::here();
    let server = Server::start();
    let _guard = acquired(&server.client("a"), &renewed(s(9))).await;
    sleep(s(7)).await;
    assert!(log.warnings().is_empty(), "{:?}", log.warnings());
    assert!(log.starting("INFO").is_empty());
    assert_eq!(log.starting("DEBUG renewed").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_hung_renewal_does_not_hold_up_the_next() {
    let server = Server::start();
    let guard = acquired(&server.client("a"), &renewed(s(9))).await;
    server.next(What::Renew, Fate::Lost);
    sleep(s(9)).await;
    guard.lease().check().unwrap();
    assert_eq!(batches(&server)[..2], [(3000, 1), (6000, 1)]);
}

#[tokio::test(start_paused = true)]
async fn a_renewal_counts_from_its_sending() {
    let server = Server::start();
    let guard = acquired(&server.client("a"), &renewed(s(9))).await;
    server.next(What::Renew, Fate::AnsweredLate(s(2)));
    sleep(ms(5_500)).await;
    assert_eq!(guard.time_left(), ms(5_500));
}

#[tokio::test(start_paused = true)]
async fn an_answer_after_the_deadline_revives_nothing() {
    let server = Server::start();
    let guard = acquired(&server.client("a"), &renewed(s(3))).await;
    server.always(What::Renew, Fate::AnsweredLate(s(3)));
    guard.lease().lost().await;
    assert_eq!(server.at(), ms(2400));
    sleep(s(2)).await;
    assert!(guard.lease().check().is_err());
}

#[tokio::test(start_paused = true)]
async fn no_renewal_after_the_release() {
    let server = Server::start();
    let client = server.client("a");
    let guard = acquired(&client, &renewed(s(9))).await;
    sleep(s(4)).await;
    guard.release().await.unwrap();
    sleep(s(20)).await;
    assert_eq!(server.count(What::Renew), 1);
    // The keeper of the next lease is another one.
    let guard = acquired(&client, &renewed(s(9))).await;
    sleep(s(20)).await;
    guard.lease().check().unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_extension_prolongs_at_once_and_never_shortens() {
    let server = Server::start();
    let guard = acquired(&server.client("a"), &spec(s(10))).await;
    sleep(s(5)).await;
    guard.lease().extend(s(30)).await.unwrap();
    assert_eq!(guard.time_left(), s(29));
    guard.lease().extend(s(10)).await.unwrap();
    assert_eq!(guard.time_left(), s(29));
    let LossReason::Deadline { ttl, .. } = (match guard.lease().lost().await {
        Error::LeaseLost { reason, .. } => reason,
        other => panic!("{other}"),
    }) else {
        panic!("another reason");
    };
    assert_eq!(ttl, s(30));
}

#[tokio::test(start_paused = true)]
async fn an_extension_that_fails_says_why() {
    let server = Server::start();
    let guard = acquired(&server.client("a"), &spec(s(10))).await;
    server.next(What::Renew, BROKEN);
    match guard.lease().extend(s(30)).await {
        Err(Error::Database { problem, .. }) => assert_eq!(problem, "no quorum"),
        other => panic!("{other:?}"),
    }
    server.next(What::Renew, Fate::Lost);
    let failed = guard.lease().extend(s(30)).await;
    assert!(matches!(failed, Err(Error::Timeout { .. })), "{failed:?}");
    assert_eq!(server.at(), s(4));
    for bad in [ms(0), s(400 * 24 * 60 * 60)] {
        let refused = guard.lease().extend(bad).await;
        assert!(matches!(refused, Err(Error::InvalidArgument { .. })));
    }
    server.delete("job");
    match guard.lease().extend(s(30)).await {
        Err(Error::LeaseLost { reason, .. }) => assert_eq!(reason, LossReason::Gone),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_after_the_end_revives_nothing() {
    let server = Server::start();
    let a = server.client("a");
    let guard = acquired(&a, &renewed(s(30))).await;
    server.next(What::Renew, Fate::AnsweredLate(s(2)));
    sleep(s(11)).await;
    let _ = a.shutdown().limit(ms(1)).await;
    assert!(guard.lease().check().is_err());
    sleep(s(60)).await;
    assert_eq!(batches(&server), [(10_000, 1)]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_at_the_deadline_revives_nothing() {
    let server = Server::start();
    let guard = acquired(&server.client("a"), &renewed(s(3))).await;
    server.always(What::Renew, Fate::AnsweredLate(ms(1400)));
    sleep(ms(2400)).await;
    assert!(guard.lease().check().is_err());
    sleep(s(1)).await;
    assert!(guard.lease().check().is_err());
}

#[tokio::test(start_paused = true)]
async fn leases_that_were_not_prolonged_are_reported_and_then_renewed_one_by_one() {
    let log = Log::here();
    let server = Server::start();
    let client = server.client("a");
    let one = acquired(&client, &named("one", s(9))).await;
    let _two = acquired(&client, &named("two", s(9))).await;
    server.next(What::Renew, Fate::NotProlonged(s(6)));
    sleep(ms(3_500)).await;
    let alone = server.sent(What::Renew).into_iter().map(|(_, request)| {
        let Request::Renew(leases) = request else {
            panic!("{request:?}");
        };
        leases.iter().map(|it| it.alone).collect()
    });
    assert_eq!(
        alone.collect::<Vec<Vec<bool>>>(),
        [[false, false], [true, true]]
    );
    let warnings = log.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    let says = "leases=2 error=the server did not prolong it";
    assert!(warnings[0].contains(says), "{warnings:?}");
    // From then on they go together again.
    sleep(s(3)).await;
    one.lease().check().unwrap();
    let (_, last) = server.sent(What::Renew).pop().unwrap();
    let Request::Renew(leases) = last else {
        panic!("{last:?}");
    };
    assert_eq!(leases.iter().filter(|it| it.alone).count(), 0);
}
