//! Locks in memory: the store protocol as a pure state machine, and a clock to run the machine by.

mod document;
pub(crate) mod locks;

use std::{
    sync::{Mutex, PoisonError},
    time::SystemTime,
};

use tokio::{sync::watch, task::yield_now, time::Instant};

use self::{document::millis, locks::Locks};
use super::protocol::{Reply, Request};

/// The state machine, on tokio's clock, which a test can pause.
pub(crate) struct MemoryStore {
    locks: Mutex<Locks>,
    /// One moment on both clocks.
    epoch: (Instant, SystemTime),
    /// Changes with each wake-up.
    wakeups: watch::Sender<()>,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self {
            locks: Mutex::default(),
            epoch: (Instant::now(), SystemTime::now()),
            wakeups: watch::Sender::new(()),
        }
    }
}

impl MemoryStore {
    /// Applies the request between two yields, as if there were a network: other tasks of a test run
    /// while the request and the reply are on their way.
    pub(super) async fn call(&self, request: &Request) -> Reply {
        yield_now().await;
        let reply = self.apply(request);
        yield_now().await;
        reply
    }

    pub(super) fn apply(&self, request: &Request) -> Reply {
        let now = self.epoch.1 + self.epoch.0.elapsed();
        let now = now.duration_since(SystemTime::UNIX_EPOCH);
        let now = now.map_or(0, millis);
        let (reply, wakes) = {
            let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
            (locks.apply(now, request), locks.take_wakeup())
        };
        if wakes {
            self.wakeups.send_replace(());
        }
        reply
    }

    pub(super) fn wakeups(&self) -> watch::Receiver<()> {
        self.wakeups.subscribe()
    }
}
