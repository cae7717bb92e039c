//! Wake-ups: one change stream per client, while callers of the client wait.
//!
//! A release writes the ids of the next waiters into the lock's document. The stream brings a client the
//! changes that name the client, and no others. Where there can be no stream, waiters ask now and then;
//! so an event that is missed, or a stream that broke, costs time and nothing else.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;

use super::queues::WaitQueues;
use crate::{
    events,
    operation::Backoff,
    store::{StoreError, Wakeup, WakeupStream},
};

/// The number of looks in a row for which a stream is kept while no caller waits.
const IDLE_LOOKS: u32 = 5;

/// The time for which the server keeps a request for wake-ups while there is no wake-up.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);

/// The pause before another attempt: the first, and the longest.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(30));

/// The pause from which an outage counts as lasting: the attempts have failed for some seconds then.
const LASTING: Duration = Duration::from_secs(3);

/// Starts the listener, unless there is one.
pub(super) fn watch(queues: &Arc<WaitQueues>) {
    if queues.watch.begins() {
        let listener = Listener {
            queues: Arc::clone(queues),
            idle: 0,
        };
        // Not one of the client's tasks: no shutdown waits for it.
        queues.context.spawn_aside(listener.run());
    }
}

struct Listener {
    queues: Arc<WaitQueues>,
    /// The number of looks in a row at which no caller waited.
    idle: u32,
}

impl Listener {
    async fn run(mut self) {
        let (first, longest) = PAUSE;
        let mut pause = Backoff::new(first, longest);
        loop {
            let store = &self.queues.context.store;
            match store.news(&self.queues.id, LOOK_INTERVAL).await {
                Ok(stream) => {
                    pause = Backoff::new(first, longest);
                    let end = self.listen(stream).await;
                    self.queues.watch.set_open(false);
                    // The queues are to ask for themselves again.
                    self.queues.wake_all();
                    match end {
                        None => return,
                        Some(error) => events::wakeups_interrupted(&error),
                    }
                }
                Err(error) => {
                    // A short outage is not worth a warning.
                    let lasting = !error.is_transient() || pause.has_reached(LASTING);
                    if lasting && self.queues.watch.reports() {
                        events::no_wakeups(&error.cause);
                    }
                    if !error.is_transient() {
                        pause = Backoff::new(longest, longest);
                    }
                }
            }
            sleep(pause.next()).await;
            self.idle = IDLE_LOOKS;
            if self.stops() {
                return;
            }
        }
    }

    /// Listens until no caller waits any more, or the stream ends with an error.
    async fn listen(&mut self, mut stream: WakeupStream) -> Option<StoreError> {
        self.queues.watch.set_open(true);
        // Changes from before the opening are not in the stream.
        self.queues.wake_all();
        loop {
            match stream.next().await {
                Ok(Wakeup::Lock(name)) => self.queues.wake(&name),
                Ok(Wakeup::All) => self.queues.wake_all(),
                Ok(Wakeup::Idle) if self.stops() => return None,
                Ok(Wakeup::Idle) => {}
                Err(error) => return Some(error.cause),
            }
        }
    }

    /// Whether to stop, since no caller has waited for some time. From then on, the next one starts a
    /// listener anew.
    fn stops(&mut self) -> bool {
        let is_empty = self.queues.is_empty();
        self.idle = if is_empty { self.idle + 1 } else { 0 };
        if self.idle < IDLE_LOOKS {
            return false;
        }
        self.queues.watch.ends();
        // A waiter that came before this found a listener, which must stay for it, unless another has
        // begun meanwhile.
        self.queues.is_empty() || !self.queues.watch.begins()
    }
}
