//! Bodies that make it hard to stop them: always busy, or blocking. At their deadline they are not
//! polled any more.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use mongo_lock_runtime::{Error, LossReason, Outcome, distributed_lock};
use tokio::task::{consume_budget, yield_now};

use crate::support::{Fixture, SOON, ServerClock, acquire_when_free, live, ms, only, spec, within};

const TTL: Duration = ms(800);
const MAX_HOLD: Duration = ms(1200);

/// Never waits for anything: it is ready to go on each time that it is asked.
#[distributed_lock(name = "busy", ttl = TTL)]
async fn busy(polls: Arc<AtomicU64>) {
    loop {
        polls.fetch_add(1, Relaxed);
        yield_now().await;
    }
}

/// Gives way only when tokio makes it.
#[distributed_lock(name = "greedy", ttl = TTL)]
async fn greedy(polls: Arc<AtomicU64>) {
    loop {
        polls.fetch_add(1, Relaxed);
        consume_budget().await;
    }
}

#[tokio::test]
async fn a_busy_body_is_stopped_in_time() {
    let Fixture { db, client } = Fixture::new().await;
    for greedily in [false, true] {
        let clock = ServerClock::read(&db).await;
        let polls = Arc::new(AtomicU64::new(0));
        let before = clock.at_most(tokio::time::Instant::now());
        let result = if greedily {
            client.scope(greedy(polls.clone())).await
        } else {
            client.scope(busy(polls.clone())).await
        };
        let ended = clock.at_most(tokio::time::Instant::now());
        // Its lease began later than `before`.
        assert!(ended < before + TTL);
        let error = result.unwrap_err();
        let fits = matches!(
            error,
            Error::LeaseLost {
                reason: LossReason::Deadline { .. },
                ..
            }
        );
        assert!(fits, "{error}");
        assert!(polls.load(Relaxed) > 100, "it was busy");
        assert_eq!(Arc::strong_count(&polls), 1, "it is dropped");
    }
}

/// Blocks its thread beyond its lease, which no library can prevent; it does not get to its next
/// step.
#[distributed_lock(name = "blocks", ttl = TTL)]
async fn blocks(until: Instant) {
    thread::sleep(until.saturating_duration_since(Instant::now()));
    yield_now().await;
    panic!("polled after its lease");
}

/// The same, with renewals that went on meanwhile, as long as they may.
#[distributed_lock(name = "blocks-renewed", ttl = TTL, renew, max_hold = MAX_HOLD)]
async fn blocks_renewed(until: Instant) {
    thread::sleep(until.saturating_duration_since(Instant::now()));
    yield_now().await;
    panic!("polled after its lease");
}

/// On one thread, on which no other task can stop the body.
#[tokio::test]
async fn a_body_that_blocked_beyond_its_lease_does_not_go_on() {
    let fixture = Fixture::new().await;
    let client = &fixture.client;
    let late = Instant::now() + TTL * 3 / 2;
    let error = client.scope(blocks(late)).await.unwrap_err();
    assert!(matches!(error, Error::LeaseLost { .. }), "{error}");
    let late = Instant::now() + TTL * 2;
    let error = client.scope(blocks_renewed(late)).await.unwrap_err();
    assert!(matches!(error, Error::LeaseLost { .. }), "{error}");
    let next = spec("blocks-renewed", 60_000);
    let _ = within(SOON, acquire_when_free(client, &next)).await;
}

#[distributed_lock(name = "last-step", ttl = TTL)]
async fn last_step() -> u32 {
    thread::sleep(TTL);
    7
}

/// It finished late, in a step that began in time: its result is not thrown away.
#[tokio::test]
async fn a_result_counts_however_late_it_is() {
    let fixture = Fixture::new().await;
    let other = fixture.other().await;
    let done = fixture.client.scope(last_step()).await.unwrap();
    assert_eq!(done, Outcome::Executed(7));
    let next = acquire_when_free(&other, &spec("last-step", 60_000)).await;
    assert_eq!(
        only(&live(&fixture.db, "last-step").await).token,
        next.token()
    );
}
