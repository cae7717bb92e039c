//! What observers hear: one beginning and one end of each acquisition, one end of each run and of each lease,
//! and how near its deadline a run came.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex},
    time::Duration,
};

use mongo_lock_runtime::{
    Error, LockClient, LockSpec, LossReason, current_lease, distributed_lock,
    observe::{AcquisitionFailure, AcquisitionOutcome, Event, Observer, RunOutcome},
    simulation::Persistence,
};
use tokio::time::{sleep, timeout};

use crate::{
    heard::Heard,
    log::Log,
    server::{Fate, Server, What, acquired, ms, renewed, s, settle, skipped, spec},
};

fn observed(server: &Server) -> (LockClient, Heard) {
    let heard = Heard::default();
    (server.observed("a", heard.clone()), heard)
}

#[distributed_lock(name = "invoice-{id}", ttl = "10s")]
async fn pay(id: u32, takes: Duration) -> Result<(), Error> {
    sleep(takes).await;
    match id {
        0 => Err(Error::NoClient),
        1 => panic!("this is not paid"),
        _ => Ok(()),
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_has_one_end_whatever_becomes_of_it() {
    let server = Server::start();
    let (client, heard) = observed(&server);
    let begins = ["asks waits=false", "acquired after 0"];
    let released = [
        "lease ended Released after 900",
        "run succeeded after 900, used 0.10, late 0 of 1000",
        "released Freed",
    ];

    let _ = client.scope(pay(7, ms(900))).await.unwrap();
    let words = heard.words();
    assert_eq!(words[..2], begins);
    assert_eq!(words[2..], released);

    client.scope(pay(0, ms(900))).await.unwrap_err();
    assert_eq!(
        heard.words()[3],
        "run failed after 900, used 0.10, late 0 of 1000"
    );

    let panics = tokio::spawn({
        let client = client.clone();
        async move { client.scope(pay(1, ms(900))).await }
    });
    assert!(panics.await.unwrap_err().is_panic());
    settle().await;
    assert_eq!(
        heard.words()[3],
        "run panicked after 900, used 0.10, late 0 of 1000"
    );

    let stopped = timeout(ms(900), client.scope(pay(7, s(5)))).await;
    assert!(stopped.is_err());
    settle().await;
    assert_eq!(
        heard.words()[3],
        "run cancelled after 900, used 0.10, late 0 of 1000"
    );

    // At its deadline.
    let lost = client.scope(pay(7, s(50))).await.unwrap_err();
    assert!(lost.is_lease_lost());
    settle().await;
    assert_eq!(
        heard.words()[2..],
        [
            "lease ended Deadline after 9000",
            "run lost after 9000, used 1.00, late 0 of 1000",
            "released Freed",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_panic_that_is_caught_beside_the_future_is_no_cancellation() {
    let server = Server::start();
    let (client, heard) = observed(&server);
    let mut call = Box::pin(client.scope(pay(1, ms(900))));
    let polled = std::future::poll_fn(|cx| {
        let poll = std::panic::catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(cx)));
        match poll {
            Ok(poll) => poll.map(|_| false),
            Err(_) => std::task::Poll::Ready(true),
        }
    });
    assert!(polled.await);
    drop(call);
    settle().await;
    let words = heard.words();
    assert!(words[3].starts_with("run panicked"), "{words:?}");
}

#[tokio::test(start_paused = true)]
async fn an_acquisition_has_one_end_whatever_becomes_of_it() {
    let server = Server::start();
    let (client, heard) = observed(&server);
    let other = server.client("b");
    let held = acquired(&other, &spec(s(60))).await;

    skipped(client.try_acquire(&spec(s(9))).await.unwrap());
    assert_eq!(heard.words(), ["asks waits=false", "skipped after 0"]);

    skipped(client.acquire_within(&spec(s(9)), s(3)).await.unwrap());
    assert_eq!(heard.words(), ["asks waits=true", "skipped after 3000"]);

    let patient = spec(s(9));
    assert!(timeout(s(2), client.acquire(&patient)).await.is_err());
    assert_eq!(heard.words(), ["asks waits=true", "cancelled after 2000"]);

    server.next(What::Acquire, Fate::Failed(Persistence::Final));
    client.try_acquire(&spec(s(9))).await.unwrap_err();
    let events = heard.take();
    match &events[..] {
        [
            Event::AcquisitionBegan { lock, .. },
            Event::AcquisitionEnded {
                outcome: AcquisitionOutcome::Failed { kind, error, .. },
                ..
            },
        ] => {
            assert_eq!(*kind, AcquisitionFailure::Database);
            assert!(error.contains("no quorum"), "{error}");
            assert_eq!((&*lock.owner, lock.label), ("a", "(dynamic)"));
        }
        other => panic!("{other:?}"),
    }

    // Granted, but too late to be of use: neither a run nor a lease that a caller had.
    held.release().await.unwrap();
    server.next(What::Acquire, Fate::AnsweredLate(s(3)));
    let late = client.try_acquire(&spec(ms(2000))).await.unwrap_err();
    assert!(matches!(late, Error::GrantedTooLate { .. }), "{late:?}");
    settle().await;
    assert_eq!(heard.words(), ["asks waits=false", "failed after 3000"]);
}

#[distributed_lock(name = "fixed", ttl = "9s")]
async fn fixed() {}

#[tokio::test(start_paused = true)]
async fn the_label_is_the_template() {
    let server = Server::start();
    let (client, heard) = observed(&server);
    let labels = |events: Vec<Event>| -> Vec<(String, &'static str)> {
        let locks = events.iter().filter_map(Event::lock);
        let mut labels: Vec<_> = locks.map(|it| (it.name.to_string(), it.label)).collect();
        labels.dedup();
        labels
    };
    let _ = client.scope(pay(7, ms(0))).await.unwrap();
    assert_eq!(labels(heard.take()), [("invoice-7".into(), "invoice-{id}")]);
    let by_hand = LockSpec::builder("invoice-8", s(9));
    let by_hand = by_hand.label("invoice-{id}").build().unwrap();
    drop(acquired(&client, &by_hand).await);
    settle().await;
    assert_eq!(labels(heard.take()), [("invoice-8".into(), "invoice-{id}")]);
    let by_hand = LockSpec::new("fixed", s(9)).unwrap();
    drop(acquired(&client, &by_hand).await);
    settle().await;
    assert_eq!(labels(heard.take()), [("fixed".into(), "fixed")]);
    let _ = client.scope(fixed()).await.unwrap();
    assert_eq!(labels(heard.take()), [("fixed".into(), "fixed")]);
}

#[tokio::test(start_paused = true)]
async fn a_run_tells_how_near_its_deadline_it_came() {
    let server = Server::start();
    let (client, heard) = observed(&server);
    let end = |heard: &Heard| heard.words().into_iter().find(|it| it.starts_with("run"));

    // Of a ttl of 9 s, a guard has 8 s. It is renewed after 3 s, and every 3 s then.
    let guard = acquired(&client, &renewed(s(9))).await;
    sleep(s(20)).await;
    guard.release().await.unwrap();
    let healthy = "run succeeded after 20000, used 0.38, late 0 of 1000";
    assert_eq!(end(&heard).unwrap(), healthy);

    // Two renewals fail: the third comes after 3.75 s of 8 s.
    server.next(What::Renew, Fate::Failed(Persistence::Transient));
    server.next(What::Renew, Fate::Failed(Persistence::Transient));
    let guard = acquired(&client, &renewed(s(9))).await;
    sleep(s(20)).await;
    guard.release().await.unwrap();
    let troubled = "run succeeded after 20000, used 0.47, late 0 of 1000";
    assert_eq!(end(&heard).unwrap(), troubled);

    // A guard that goes on half a second beyond its deadline uses half of the margin.
    let guard = acquired(&client, &spec(s(9))).await;
    sleep(ms(8500)).await;
    drop(guard);
    let late = "run lost after 8500, used 1.06, late 500 of 1000";
    assert_eq!(end(&heard).unwrap(), late);
}

#[tokio::test(start_paused = true)]
async fn a_renewal_tells_its_lag() {
    let server = Server::start();
    let (client, heard) = observed(&server);
    let _guard = acquired(&client, &renewed(s(9))).await;
    server.next(What::Renew, Fate::AnsweredLate(ms(70)));
    server.next(What::Renew, Fate::Failed(Persistence::Transient));
    sleep(s(8)).await;
    let lags: Vec<_> = heard
        .take()
        .iter()
        .filter_map(|event| match event {
            Event::Renewed { lag, .. } => Some(lag.as_millis()),
            _ => None,
        })
        .collect();
    // The first waits for its answer, the second is the repetition of a failed one, an eighth of 3 s later.
    assert_eq!(lags, [70, 375]);
}

struct Panics;

impl Observer for Panics {
    fn event(&self, _: &Event) {
        panic!("an observer's fault");
    }
}

/// Wherever the panic happens: in a call, in a task of the library, in a drop.
#[tokio::test(start_paused = true)]
async fn an_observer_that_panics_costs_no_caller_its_result() {
    let log = Log::here();
    let server = Server::start();
    let client = server.observed("a", Panics);
    assert!(client.scope(pay(7, ms(5))).await.unwrap().is_executed());
    // While the panic of a body unwinds, too.
    let panics = tokio::spawn({
        let client = client.clone();
        async move { client.scope(pay(1, ms(5))).await }
    });
    let panic = panics.await.unwrap_err().into_panic();
    assert_eq!(*panic.downcast_ref::<&str>().unwrap(), "this is not paid");
    settle().await;
    let guard = acquired(&client, &renewed(s(9))).await;
    let waiter = tokio::spawn({
        let client = client.clone();
        async move { client.acquire(&spec(s(50))).await }
    });
    sleep(s(20)).await;
    guard.lease().check().unwrap();
    drop(guard);
    drop(waiter.await.unwrap().unwrap());
    server.always(What::Renew, Fate::Lost);
    let lost = acquired(&client, &renewed(s(9))).await;
    assert!(lost.lease().lost().await.is_lease_lost());
    drop(lost);
    assert!(client.shutdown().await.is_clean());
    let warnings = log.starting("WARN an observer panicked");
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("Panics") && warnings[0].contains("an observer's fault"));
}

/// Uses the library in each event, on whatever thread it comes.
struct Asks(Mutex<Option<LockClient>>, Arc<Mutex<usize>>);

impl Observer for Asks {
    fn event(&self, event: &Event) {
        let client = self.0.lock().unwrap().clone();
        let Some(client) = client else { return };
        for held in client.held() {
            assert!(held.time_left <= s(50));
        }
        let _ = client.is_leader("job");
        if let Some(lease) = current_lease() {
            let _ = (lease.check().is_ok(), lease.time_left());
        }
        if let Event::LeaseEnded { lock, .. } = event
            && lock.name.as_str() != "of-the-observer"
        {
            // A task that lets others in, and a command in memory.
            let runtime = tokio::runtime::Handle::current();
            let spec = LockSpec::new("of-the-observer", s(9)).unwrap();
            runtime.spawn(async move { drop(client.try_acquire(&spec).await) });
        }
        *self.1.lock().unwrap() += 1;
    }
}

#[tokio::test(start_paused = true)]
async fn an_observer_may_use_the_client() {
    let server = Server::start();
    let count = Arc::new(Mutex::new(0));
    let asks = Arc::new(Asks(Mutex::default(), Arc::clone(&count)));
    let client = server.observed("a", Arc::clone(&asks));
    *asks.0.lock().unwrap() = Some(client.clone());
    assert!(client.scope(pay(7, ms(5))).await.unwrap().is_executed());
    let guard = acquired(&client, &renewed(s(9))).await;
    let patient = spec(s(50));
    let next = tokio::join!(client.acquire(&patient), async {
        sleep(s(4)).await;
        guard.release().await.unwrap()
    });
    drop(next.0.unwrap());
    client.scope(pay(7, s(50))).await.unwrap_err();
    *asks.0.lock().unwrap() = None;
    client.shutdown().await;
    assert!(*count.lock().unwrap() > 15);
}

#[tokio::test(start_paused = true)]
async fn each_client_of_several_owners_says_which_it_is() {
    let server = Server::start();
    let (client, heard) = observed(&server);
    let other = client.with_owner("b").unwrap();
    drop(acquired(&other, &spec(s(9))).await);
    settle().await;
    let events = heard.take();
    let owners: Vec<_> = events.iter().filter_map(Event::lock).collect();
    assert!(owners.len() >= 4 && owners.iter().all(|lock| &*lock.owner == "b"));
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_ends_leases_and_runs() {
    let server = Server::start();
    let (client, heard) = observed(&server);
    let guard = acquired(&client, &spec(s(60))).await;
    client.shutdown().await;
    drop(guard);
    settle().await;
    let events = heard.take();
    let ends: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::LeaseEnded { reason, .. } => Some(format!("{reason:?}")),
            Event::RunEnded { outcome, .. } => Some(outcome.as_str().to_owned()),
            _ => None,
        })
        .collect();
    assert_eq!(ends, [&format!("{:?}", LossReason::ShutDown), "lost"]);
    assert!(events.iter().any(
        |event| matches!(event, Event::RunEnded { outcome, .. } if *outcome == RunOutcome::Lost)
    ));
}
