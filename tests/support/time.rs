//! Time limits, and the server's clock.

use std::{
    panic::Location,
    time::{Duration, SystemTime},
};

use mongo_lock_testkit::TestDb;
use mongodb::bson::doc;
use tokio::time::{Instant, sleep, timeout};

/// The limit for events that no promise limits. It passes in full only when a test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// What the promises call "at once", on a machine with other work.
pub(crate) const SOON: Duration = Duration::from_secs(1);

pub(crate) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Waits for an event that must happen at some time.
#[track_caller]
pub(crate) fn eventually<F: IntoFuture>(event: F) -> impl Future<Output = F::Output> {
    within(PATIENCE, event)
}

/// Waits for an event that must happen in time.
#[track_caller]
pub(crate) fn within<F: IntoFuture>(limit: Duration, event: F) -> impl Future<Output = F::Output> {
    let caller = Location::caller();
    let event = event.into_future();
    async move {
        let Ok(output) = timeout(limit, event).await else {
            panic!("not within {limit:?}: {caller}");
        };
        output
    }
}

/// Polls a condition until it holds, for conditions that no event announces.
pub(crate) async fn until(is_so: impl AsyncFn() -> bool) {
    while !is_so().await {
        sleep(ms(5)).await;
    }
}

/// The server's clock, told by this machine's monotonic one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ServerClock {
    before: Instant,
    now: SystemTime,
}

impl ServerClock {
    pub(crate) async fn read(db: &TestDb) -> Self {
        let before = Instant::now();
        let hello = db.run_command(doc! { "hello": 1 }).await.unwrap();
        let now = hello.get_datetime("localTime").unwrap().to_system_time();
        Self { before, now }
    }

    /// The latest time that the server's clock can have shown at `then`.
    pub(crate) fn at_most(&self, then: Instant) -> SystemTime {
        self.now + then.saturating_duration_since(self.before)
    }
}
