//! Locks in memory: the store protocol as a pure state machine, and a clock to run the machine by.

mod confirm;
mod document;
mod join;
pub(crate) mod locks;
mod skipped;
mod turn;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use tokio::{sync::broadcast, task::yield_now, time::Instant};

use self::{document::millis, locks::Locks};
use super::protocol::{Reply, Request, Wakeup};

/// The number of wake-ups that a listener may be behind before it takes one for all.
const BACKLOG: usize = 256;

/// The state machine, on tokio's clock, which a test can pause.
pub(crate) struct MemoryStore {
    locks: Mutex<Locks>,
    /// One moment on both clocks.
    epoch: (Instant, SystemTime),
    wakeups: broadcast::Sender<Wakeup>,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self {
            locks: Mutex::default(),
            epoch: (Instant::now(), SystemTime::now()),
            wakeups: broadcast::Sender::new(BACKLOG),
        }
    }
}

impl MemoryStore {
    /// Applies the request between two yields, as if there were a network: other tasks of a test run
    /// while the request and the reply are on their way.
    pub(super) async fn call(&self, request: &Request) -> (Reply, Vec<Arc<str>>) {
        yield_now().await;
        let reply = self.apply(request);
        yield_now().await;
        reply
    }

    /// The reply, and the waiters that are to be woken.
    pub(super) fn apply(&self, request: &Request) -> (Reply, Vec<Arc<str>>) {
        let now = self.epoch.1 + self.epoch.0.elapsed();
        let now = now.duration_since(SystemTime::UNIX_EPOCH);
        let now = now.map_or(0, millis);
        if let Request::Wake(wakeup) = request {
            self.wake(wakeup.clone());
        }
        let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        (locks.apply(now, request), locks.take_turn())
    }

    /// Without a listener, the wake-up is lost.
    pub(super) fn wake(&self, wakeup: Wakeup) {
        drop(self.wakeups.send(wakeup));
    }

    pub(super) fn wakeups(&self) -> broadcast::Receiver<Wakeup> {
        self.wakeups.subscribe()
    }
}
