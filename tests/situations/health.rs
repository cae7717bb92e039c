//! What a client says of its own health.

use std::ops::ControlFlow;

use mongo_lock_runtime::HeldLock;
use tokio::time::sleep;

use crate::server::{Fate, Server, What, acquired, ms, named, renewed, s, spec};

#[tokio::test(start_paused = true)]
async fn held_are_the_live_leases_under_which_callers_work() {
    let server = Server::start();
    let client = server.client("a");
    assert!(client.held().is_empty());
    let b = acquired(&client, &named("b", s(9))).await;
    let job = acquired(&client, &spec(s(20))).await;
    sleep(s(2)).await;
    let held = client.held();
    let names: Vec<_> = held.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["b", "job"]);
    let HeldLock {
        token,
        held: since,
        time_left,
        is_near_end,
        renewal_lag,
        leads,
        ..
    } = held[1];
    assert_eq!(token, job.token());
    assert_eq!((since, time_left), (s(2), s(17)));
    assert_eq!((is_near_end, renewal_lag, leads), (false, None, false));
    // Another owner has locks of its own.
    assert!(client.with_owner("c").unwrap().held().is_empty());
    b.release().await.unwrap();
    // 14.25 s of 19 s.
    sleep(ms(12_249)).await;
    assert!(!client.held()[0].is_near_end);
    sleep(ms(2)).await;
    assert!(client.held()[0].is_near_end);
    sleep(s(5)).await;
    // The guard lives, its lease does not.
    assert!(client.held().is_empty());
    drop(job);
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_is_late_shows() {
    let server = Server::start();
    let client = server.client("a");
    let guard = acquired(&client, &renewed(s(9))).await;
    sleep(s(10)).await;
    let health = client.health().await;
    assert!(health.is_reachable() && health.problem.is_none());
    assert_eq!(health.renewal_lag(), s(0));
    assert_eq!(health.near_end().count(), 0);
    // The last one was at 9 s, the next is due at 12 s.
    server.always(What::Renew, Fate::Lost);
    sleep(s(4)).await;
    let health = client.health().await;
    assert_eq!(health.renewal_lag(), s(2));
    assert_eq!(health.near_end().count(), 0);
    sleep(ms(1500)).await;
    let health = client.health().await;
    assert_eq!(health.near_end().count(), 1, "{health:?}");
    drop(guard);
    client.shutdown().await;
    assert!(client.health().await.is_shut_down);
}

#[tokio::test(start_paused = true)]
async fn a_leader_is_one_while_its_lease_lasts() {
    let server = Server::start();
    let (client, follower) = (server.client("a"), server.client("b"));
    let _guard = acquired(&client, &spec(s(60))).await;
    assert!(!client.is_leader("job"), "a holder is no leader");
    let leads = tokio::spawn({
        let client = client.clone();
        async move {
            let scheduler = named("scheduler", s(9));
            let task = |_| async { std::future::pending::<ControlFlow<()>>().await };
            client.lead(&scheduler, task).await
        }
    });
    sleep(s(1)).await;
    assert!(client.is_leader("scheduler") && !follower.is_leader("scheduler"));
    let health = client.health().await;
    let led: Vec<_> = health.led().map(|it| it.name.as_str()).collect();
    assert_eq!((led, health.held.len()), (vec!["scheduler"], 2));
    // A follower is as healthy as a leader.
    let health = follower.health().await;
    assert!(health.is_reachable() && health.held.is_empty());
    for what in [What::Renew, What::Acquire, What::HandOver] {
        server.always(what, Fate::Lost);
    }
    sleep(ms(6_990)).await;
    assert!(client.is_leader("scheduler"));
    sleep(ms(20)).await;
    assert!(!client.is_leader("scheduler"), "its lease is over");
    leads.abort();
}
