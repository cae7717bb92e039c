//! What is known of the collection for wake-ups.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, Instant},
};

use crate::store::failure::AttemptError;

/// The time for which no wake-up is sent after a failure that lasts.
const MUTED: Duration = Duration::from_secs(30);

/// What is known of the collection for wake-ups.
#[derive(Debug)]
pub(in crate::store::mongo) struct WakeupState {
    /// Whether the collection is known to be there.
    pub(super) prepared: AtomicBool,
    /// Whether the lack of wake-ups was reported.
    pub(super) reported: AtomicBool,
    start: Instant,
    /// The end of a time without wake-ups, in milliseconds after `start`.
    muted_until: AtomicU64,
}

impl Default for WakeupState {
    fn default() -> Self {
        Self {
            prepared: AtomicBool::default(),
            reported: AtomicBool::default(),
            start: Instant::now(),
            muted_until: AtomicU64::default(),
        }
    }
}

impl WakeupState {
    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    pub(super) fn is_muted(&self) -> bool {
        self.elapsed_ms() < self.muted_until.load(Ordering::Relaxed)
    }

    /// Takes note of a failure, after which the collection may not be what it was.
    pub(super) fn failed(&self, error: &AttemptError) {
        self.prepared.store(false, Ordering::Relaxed);
        if !error.is_transient() {
            let until = self
                .elapsed_ms()
                .saturating_add(u64::try_from(MUTED.as_millis()).unwrap_or(u64::MAX));
            self.muted_until.store(until, Ordering::Relaxed);
        }
    }
}
