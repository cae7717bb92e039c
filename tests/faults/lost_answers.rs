//! An attempt that was granted although its answer is lost: the lease counts from that attempt, and no
//! way to leave the call leaves it behind.

use std::{ops::ControlFlow, time::Duration};

use mongo_lock_runtime::{Acquisition, LockClient, LockSpec};
use mongo_lock_testkit::{Proxy, ProxyMode, Server};
use mongodb::bson::{Document, doc};
use tokio::time::{Instant, sleep};

use crate::support::{
    Fixture, PATIENCE, acquire, eventually, free, live, ms, named, only, renewed_spec, spec, until,
    within,
};

const ACQUIRE: &str = "findAndModify";
const TTL: Duration = ms(6000);
const LOST: Duration = ms(1500);

/// The moment at which a lease of the lock is live, at the latest.
async fn granted(fixture: &Fixture) -> Instant {
    let is_live = async || !live(&fixture.db, "job").await.is_empty();
    eventually(until(is_live)).await;
    Instant::now()
}

/// The ways to acquire the lock `job`; each gives the time left of its lease when it has the lease.
#[derive(Debug, Clone, Copy)]
enum Way {
    Try,
    Within,
    Acquire,
    All,
    Lead,
}

impl Way {
    const ALL: [Self; 5] = [
        Self::Try,
        Self::Within,
        Self::Acquire,
        Self::All,
        Self::Lead,
    ];

    /// When the lease is over, and its token.
    async fn acquire(self, client: &LockClient) -> (Instant, i64) {
        let spec = renewed_spec("job", TTL);
        let plain = LockSpec::new("job", TTL).unwrap();
        let guard = match self {
            Self::Try => client.try_acquire(&plain).await.unwrap().acquired(),
            Self::Within => {
                let acquired = client.acquire_within(&plain, PATIENCE).await;
                acquired.unwrap().acquired()
            }
            Self::Acquire => Some(client.acquire(&plain).await.unwrap()),
            Self::All => {
                let set = client.acquire_all(std::slice::from_ref(&plain)).await;
                let set = set.unwrap().acquired().unwrap();
                set.into_guards().pop()
            }
            Self::Lead => {
                let led = client.lead(&spec, async |lease| {
                    // In this order, the sum is never too small.
                    let now = Instant::now();
                    ControlFlow::Break((now + lease.time_left(), lease.token()))
                });
                return led.await.unwrap();
            }
        };
        let guard = guard.unwrap();
        let now = Instant::now();
        (now + guard.time_left(), guard.token())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_counts_from_the_attempt_that_was_granted() {
    for way in Way::ALL {
        let (fixture, proxy) = Fixture::behind_a_proxy(PATIENCE).await;
        proxy.set(ProxyMode::HoldReplies).await.unwrap();
        let fault = async {
            let granted = granted(&fixture).await;
            let token = only(&live(&fixture.db, "job").await).token;
            sleep(LOST).await;
            proxy.set(ProxyMode::Refuse).await.unwrap();
            proxy.set(ProxyMode::Forward).await.unwrap();
            (granted, token)
        };
        let ((ends, token), (granted, first)) = tokio::join!(way.acquire(&fixture.client), fault);
        assert_eq!(token, first, "{way:?}: one lease, not two");
        let lasts = ends.duration_since(granted);
        assert!(lasts <= TTL, "{way:?}: {lasts:?} of a ttl of {TTL:?}");
    }
}

/// As while a primary steps down: each attempt is applied, and reported as perhaps not to last.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_counts_from_the_first_of_many_write_concern_errors() {
    for way in Way::ALL {
        let fixture = Fixture::with_limit(PATIENCE).await;
        let effect = doc! { "writeConcernError": { "code": 91, "errmsg": "on purpose" } };
        let fails = fixture.fails(ACQUIRE, "alwaysOn", effect).await;
        let fault = async {
            let granted = granted(&fixture).await;
            sleep(LOST).await;
            fails.off().await.unwrap();
            granted
        };
        let ((ends, _), granted) = tokio::join!(way.acquire(&fixture.client), fault);
        let lasts = ends.duration_since(granted);
        assert!(lasts <= TTL, "{way:?}: {lasts:?} of a ttl of {TTL:?}");
    }
}

/// A release that takes a waiter of this client along, and whose answer is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_that_was_handed_over_counts_from_the_hand_over() {
    let (fixture, proxy) = Fixture::behind_a_proxy(PATIENCE).await;
    let Fixture { db, client } = &fixture;
    let held = acquire(client, &spec("job", 60_000)).await;
    let earlier = held.token();
    let waits = {
        let client = client.clone();
        tokio::spawn(async move {
            let guard = client.acquire(&LockSpec::new("job", TTL).unwrap()).await;
            let now = Instant::now();
            let guard = guard.unwrap();
            (now + guard.time_left(), guard)
        })
    };
    // In the queue of this client, of which the server is told nothing.
    sleep(ms(100)).await;
    proxy.set(ProxyMode::HoldReplies).await.unwrap();
    let release = tokio::spawn(held.release());
    let handed_over = async || {
        let leases = live(db, "job").await;
        !leases.is_empty() && only(&leases).token > earlier
    };
    eventually(until(handed_over)).await;
    let granted = Instant::now();
    sleep(LOST).await;
    proxy.set(ProxyMode::Refuse).await.unwrap();
    proxy.set(ProxyMode::Forward).await.unwrap();
    let (ends, guard) = eventually(waits).await.unwrap();
    let lasts = ends.duration_since(granted);
    assert!(lasts <= TTL, "{lasts:?} of a ttl of {TTL:?}");
    drop(guard);
    eventually(release).await.unwrap().unwrap();
    eventually(free(db, "job")).await;
}

/// A client behind a proxy whose driver soon gives up the search for a server.
async fn impatient() -> (Fixture, Proxy) {
    let server = Server::shared().await;
    let db = server.database().await;
    let proxy = server.proxy().await.unwrap();
    let uri = format!("{}&serverSelectionTimeoutMS=800", proxy.uri_for(&db));
    let client = named(&uri, &db).build().await.unwrap();
    (Fixture { db, client }, proxy)
}

/// An acquisition for ten minutes that was granted, whose answer is lost, and whose second attempt finds
/// no server.
async fn unaccounted(
    fixture: &Fixture,
    proxy: &Proxy,
    waits: bool,
) -> tokio::task::JoinHandle<bool> {
    proxy.set(ProxyMode::HoldReplies).await.unwrap();
    let client = fixture.client.clone();
    let call = tokio::spawn(async move {
        let spec = spec("job", 600_000);
        if waits {
            client.acquire(&spec).await.is_ok()
        } else {
            let acquired = client.try_acquire(&spec).await;
            matches!(acquired, Ok(Acquisition::Acquired(_)))
        }
    });
    granted(fixture).await;
    proxy.set(ProxyMode::Refuse).await.unwrap();
    sleep(ms(300)).await;
    call
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_call_is_cleaned_up_whichever_attempt_was_granted() {
    for waits in [true, false] {
        let (fixture, proxy) = impatient().await;
        let Fixture { db, client } = &fixture;
        let call = unaccounted(&fixture, &proxy, waits).await;
        call.abort();
        let _ = call.await;
        // Attempts at the clean-up fail as well.
        sleep(ms(1000)).await;
        proxy.set(ProxyMode::Forward).await.unwrap();
        eventually(free(db, "job")).await;
        let report = eventually(client.shutdown()).await;
        assert!(report.is_clean(), "{report}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_reports_an_attempt_that_may_have_been_granted() {
    for waits in [true, false] {
        let (fixture, proxy) = impatient().await;
        let Fixture { db, client } = &fixture;
        let call = unaccounted(&fixture, &proxy, waits).await;
        let report = client.shutdown().limit(ms(1000)).await;
        assert_eq!(live(db, "job").await.len(), 1, "no release has arrived");
        assert_eq!(report.to_string(), "left until their ttl ends: job");
        proxy.set(ProxyMode::Forward).await.unwrap();
        eventually(free(db, "job")).await;
        assert!(!eventually(call).await.unwrap(), "not acquired");
        let report = eventually(client.shutdown().limit(PATIENCE)).await;
        assert!(report.is_clean(), "{report}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_releases_what_may_have_been_granted() {
    for waits in [true, false] {
        let (fixture, proxy) = impatient().await;
        let Fixture { db, client } = &fixture;
        let call = unaccounted(&fixture, &proxy, waits).await;
        let client = client.clone();
        let shutdown = tokio::spawn(async move { client.shutdown().limit(PATIENCE).await });
        sleep(ms(1000)).await;
        proxy.set(ProxyMode::Forward).await.unwrap();
        let report = eventually(shutdown).await.unwrap();
        assert!(report.is_clean(), "{report}");
        assert_eq!(live(db, "job").await, Vec::<Document>::new());
        assert!(!eventually(call).await.unwrap(), "not acquired");
    }
}

/// The first attempt is delayed inside the server, its connection is lost, the second attempt is granted
/// and released, and then the first one goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_that_arrives_after_the_release_is_not_granted() {
    for waits in [false, true] {
        let (fixture, proxy) = Fixture::behind_a_proxy(PATIENCE).await;
        let db = &fixture.db;
        let effect = doc! { "blockConnection": true, "blockTimeMS": 1500 };
        let blocks = fixture.fails(ACQUIRE, doc! { "times": 1 }, effect).await;
        let client = fixture.client.clone();
        let call = tokio::spawn(async move {
            let spec = spec("job", 600_000);
            let guard = if waits {
                client.acquire(&spec).await.unwrap()
            } else {
                acquire(&client, &spec).await
            };
            guard.release().await.unwrap()
        });
        blocks.hit(1).await.unwrap();
        proxy.set(ProxyMode::Refuse).await.unwrap();
        proxy.set(ProxyMode::Forward).await.unwrap();
        within(ms(10_000), call).await.unwrap();
        // Time is the subject: the straggler arrives meanwhile.
        let started = Instant::now();
        while started.elapsed() < ms(2500) {
            assert_eq!(live(db, "job").await, Vec::<Document>::new());
            sleep(ms(50)).await;
        }
        blocks.off().await.unwrap();
    }
}
