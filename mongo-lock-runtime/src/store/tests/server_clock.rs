//! The rules that depend on time, on the clocks of production: `$$NOW` on the server, tokio's in
//! memory. No assertion depends on how fast the test runs: all times in them are the store's own.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::{sleep, timeout};

use super::{
    super::{
        Store,
        protocol::{AcquireReply, AcquireRequest, Grant, ReleaseRequest},
    },
    Mongo, START,
    fixture::{Fixture, Released, Renew, Slot},
};
use crate::outcome::{Holder, SkipReason, Skipped};

macro_rules! on_both_stores {
    ($($case:ident)*) => {
        mod memory {
            $(#[tokio::test] async fn $case() {
                super::$case(super::StoreFixture::memory()).await;
            })*
        }
        mod mongo {
            $(#[tokio::test] async fn $case() {
                let super::Mongo { store, database: _database, .. } = super::Mongo::start().await;
                super::$case(super::StoreFixture::mongo(store)).await;
            })*
        }
        mod router {
            $(#[tokio::test] async fn $case() {
                let super::Mongo { store, database: _database, _router, .. } =
                    super::Mongo::behind_router().await;
                super::$case(super::StoreFixture::mongo(store)).await;
            })*
        }
    };
}

on_both_stores! {
    a_lease_lasts_its_ttl_and_passes_on
    a_release_frees_at_once
    a_renewal_prolongs_and_never_shortens
    a_lease_that_was_not_renewed_in_time_stays_gone
    a_lock_stays_taken_until_min_hold_is_over
}

async fn a_lease_lasts_its_ttl_and_passes_on(store: StoreFixture) {
    let first = store.granted(A, SHORT).await;
    assert!(first.acquired_at > UNIX_EPOCH + Duration::from_millis(START.unsigned_abs()));
    assert_eq!(first.token, millis(first.acquired_at));
    assert_eq!(first.expires_at, first.acquired_at + SHORT);
    let (refusals, second) = store.passes_on(B).await;
    for refusal in refusals {
        assert_eq!(refusal.until, first.expires_at);
        assert_eq!(
            (refusal.since, refusal.token),
            (first.acquired_at, first.token)
        );
    }
    assert!(second.acquired_at >= first.expires_at);
    assert_eq!(second.token, millis(second.acquired_at));
}

async fn a_release_frees_at_once(store: StoreFixture) {
    let first = store.granted(A, LONG).await;
    assert!(store.release(A, None).await);
    let second = store.granted(B, LONG).await;
    assert!(second.token > first.token && second.acquired_at >= first.acquired_at);
    assert!(second.acquired_at < first.expires_at);
    assert!(!store.release(A, None).await);
    store.refused(C).await;
}

async fn a_renewal_prolongs_and_never_shortens(store: StoreFixture) {
    let first = store.granted(A, LONG).await;
    assert!(store.renewed(A, 2 * LONG).await);
    let until = store.refused(B).await.until;
    assert!(until >= first.acquired_at + 2 * LONG);
    assert!(store.renewed(A, SHORT).await);
    let refusal = store.refused(B).await;
    assert_eq!(refusal.until, until);
    assert_eq!(
        (refusal.since, refusal.token),
        (first.acquired_at, first.token)
    );
}

async fn a_lease_that_was_not_renewed_in_time_stays_gone(store: StoreFixture) {
    let first = store.granted(A, SHORT).await;
    // Too little to keep the lease alive from one look to the next, so that the lease ends some time.
    until(async || !store.renewed(A, Duration::from_millis(1)).await).await;
    assert!(!store.renewed(A, LONG).await);
    let second = store.granted(B, LONG).await;
    assert!(second.acquired_at >= first.expires_at);
    assert!(!store.renewed(A, 2 * LONG).await);
    assert_eq!(store.refused(C).await.until, second.expires_at);
}

async fn a_lock_stays_taken_until_min_hold_is_over(store: StoreFixture) {
    let first = store.granted(A, LONG).await;
    assert!(store.release(A, Some(SHORT)).await);
    let (refusals, second) = store.passes_on(B).await;
    let free_at = first.acquired_at + SHORT;
    assert!(refusals.iter().all(|refusal| refusal.until == free_at));
    assert!(second.acquired_at >= free_at);
    assert!(second.acquired_at < first.expires_at);
}

const A: Slot = Slot { name: 0, nth: 0 };
const B: Slot = Slot { name: 0, nth: 1 };
const C: Slot = Slot { name: 0, nth: 2 };

/// A ttl that a test waits for.
const SHORT: Duration = Duration::from_millis(150);
/// A ttl that is never over while a test runs, however slow the machine.
const LONG: Duration = Duration::from_secs(600);

fn holder(skipped: Skipped) -> Holder {
    match skipped.reason {
        SkipReason::Held(holder) => holder,
        SkipReason::Reserved(next) => panic!("{next:?}"),
    }
}

struct StoreFixture {
    store: Store,
    fixture: Fixture,
}

impl StoreFixture {
    fn memory() -> Self {
        Self {
            store: Store::in_memory(),
            fixture: Fixture::new(),
        }
    }

    fn mongo(store: super::MongoStore) -> Self {
        Self {
            store: Store::Mongo(store),
            fixture: Fixture::new(),
        }
    }

    async fn acquire(&self, lease: Slot, ttl: Duration) -> AcquireReply {
        let request = AcquireRequest {
            ttl,
            ..self.fixture.request(lease, 0, 0)
        };
        self.store.acquire(&request).await.unwrap().0
    }

    async fn granted(&self, lease: Slot, ttl: Duration) -> Grant {
        match self.acquire(lease, ttl).await {
            AcquireReply::Granted(grant) => grant,
            other => panic!("{other:?}"),
        }
    }

    async fn refused(&self, lease: Slot) -> Holder {
        match self.acquire(lease, LONG).await {
            AcquireReply::Refused(skipped) => holder(skipped),
            other => panic!("{other:?}"),
        }
    }

    /// Sends the request until it is granted.
    async fn passes_on(&self, lease: Slot) -> (Vec<Holder>, Grant) {
        let (mut refusals, mut grant) = (Vec::new(), None);
        until(async || {
            match self.acquire(lease, LONG).await {
                AcquireReply::Granted(granted) => grant = Some(granted),
                AcquireReply::Refused(skipped) => refusals.push(holder(skipped)),
                other => panic!("{other:?}"),
            }
            grant.is_some()
        })
        .await;
        (refusals, grant.unwrap())
    }

    async fn release(&self, lease: Slot, min_hold: Option<Duration>) -> bool {
        let released = Released {
            lease,
            min_hold: None,
            revoke: false,
        };
        let request = ReleaseRequest {
            min_hold,
            ..self.fixture.release(released)
        };
        self.store.release(&request).await.unwrap().0
    }

    /// Whether the lease was still there.
    async fn renewed(&self, lease: Slot, ttl: Duration) -> bool {
        let renew = Renew {
            lease,
            ttl: ttl.as_millis().try_into().unwrap(),
            alone: false,
        };
        let renewed = self
            .store
            .renew(&self.fixture.renewals(&[renew]))
            .await
            .unwrap();
        renewed.gone.is_empty()
    }
}

async fn until(mut done: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !done().await {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(60), wait)
        .await
        .expect("it does not come true");
}

fn millis(time: SystemTime) -> i64 {
    i64::try_from(time.duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}
