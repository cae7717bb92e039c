//! The task that listens for wake-ups.

use std::{
    ops::ControlFlow,
    pin::pin,
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep, sleep_until, timeout},
};

use super::hub::{Hub, LINGER};
use crate::{
    events::{Event, Observers},
    operation::{Backoff, Context},
    store::{AttemptError, News, Store, WakeupCursor, WakeupStream},
};

/// The time for which the server keeps a request for wake-ups while there is no wake-up.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);

/// The pause before another attempt: the first, and the longest.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(30));

/// The pause from which an outage counts as lasting: the attempts have failed for some seconds then.
const LASTING: Duration = Duration::from_secs(3);

/// The time between two looks for cursors that killed processes have left: the first look is at the opening.
const SWEEP_INTERVAL: Duration = Duration::from_secs(600);

/// The time for which the reply to the last request for wake-ups is waited for.
const LAST_REPLY: Duration = Duration::from_millis(200);

/// Starts the listener, unless there is one.
pub(super) fn watch(hub: &Arc<Hub>, context: &Context) {
    if hub.begins() {
        let listener = Listener {
            hub: Arc::downgrade(hub),
            id: Arc::clone(hub.id()),
            store: Arc::clone(&context.store),
            observers: context.observers.clone(),
            look: hub.look(),
            idle_since: None,
            has_heard: false,
        };
        // Not one of the client's tasks: no shutdown waits for it, save for the end of its cursor.
        context.spawn_aside(listener.run());
    }
}

/// Holds the hub weakly, so that the listener ends with the last client.
struct Listener {
    hub: Weak<Hub>,
    id: Arc<str>,
    store: Arc<Store>,
    observers: Observers,
    look: Arc<Notify>,
    /// The time since which no caller waits.
    idle_since: Option<Instant>,
    /// Whether the present stream has given any news.
    has_heard: bool,
}

impl Listener {
    async fn run(mut self) {
        let (first, longest) = PAUSE;
        let mut pause = Backoff::new(first, longest);
        loop {
            let (error, at_opening) = match self.store.listen(&self.id, LOOK_INTERVAL).await {
                Ok(stream) => {
                    self.has_heard = false;
                    let Some(error) = self.listen(stream).await else {
                        return;
                    };
                    // A cursor that opens, and then gives nothing but errors, is no success.
                    if self.has_heard {
                        pause = Backoff::new(first, longest);
                    }
                    self.observers.step(|| Event::WakeupsInterrupted {
                        error: error.cause.to_string(),
                    });
                    (error, false)
                }
                Err(error) => (error, true),
            };
            let is_final = at_opening && !error.is_transient();
            // A short outage is not worth a warning.
            if (is_final || pause.has_reached(LASTING)) && self.store.reports_wakeups() {
                let error = error.cause.to_string();
                self.observers.report(&Event::NoWakeups { error });
            }
            if is_final {
                pause = Backoff::new(longest, longest);
            }
            self.pause(pause.next()).await;
            // Without a cursor, there is none to be kept for a caller that may come.
            if self.stops(Duration::ZERO) {
                return;
            }
        }
    }

    /// Pauses, while there is any client. A caller that waits no longer does not cut the pause short: the
    /// next one would try again what has just failed.
    async fn pause(&self, pause: Duration) {
        let mut over = pin!(sleep(pause));
        while self.hub.upgrade().is_some_and(|hub| hub.has_subscribers()) {
            tokio::select! {
                biased;
                () = &mut over => return,
                () = self.look.notified() => {}
            }
        }
    }

    /// Listens until no caller waits any more, or the stream ends with an error.
    async fn listen(&mut self, mut stream: WakeupStream) -> Option<AttemptError> {
        // Wake-ups from before the opening are not in the stream.
        if let Some(hub) = self.hub.upgrade() {
            hub.set_open(true);
            hub.wake_all();
        }
        let cursor = stream.cursor();
        let mut swept: Option<Instant> = None;
        let error = loop {
            if swept.is_none_or(|at| at.elapsed() >= SWEEP_INTERVAL) {
                swept = Some(Instant::now());
                cursor.sweep().map(tokio::spawn);
            }
            match self.next(&mut stream, &cursor).await {
                None => break None,
                Some(Err(error)) => break Some(error),
                Some(Ok(news)) if self.hear(&news).is_break() => {
                    cursor.close().await;
                    break None;
                }
                Some(Ok(_)) => {}
            }
        };
        if let Some(hub) = self.hub.upgrade() {
            hub.set_open(false);
            // The queues are to ask for themselves again.
            hub.wake_all();
        }
        if error.is_some() {
            // Perhaps the server still has the cursor, and is out of reach.
            tokio::spawn(async move { cursor.close().await });
        }
        error
    }

    /// The next news; `None` when there is no need for any, and the cursor is closed.
    async fn next(
        &mut self,
        stream: &mut WakeupStream,
        cursor: &WakeupCursor,
    ) -> Option<Result<News, AttemptError>> {
        let look = Arc::clone(&self.look);
        let mut news = pin!(stream.next());
        loop {
            let over = self.idle_since.map(|since| since + LINGER);
            tokio::select! {
                biased;
                // Perhaps a caller has waited until now.
                () = look.notified() => self.idle_since = None,
                news = &mut news => return Some(news),
                () = sleep_until(over.unwrap_or_else(Instant::now)), if over.is_some() => {}
            }
            if self.stops(LINGER) {
                if cursor.interrupt().await {
                    drop(timeout(LAST_REPLY, news).await);
                }
                cursor.close().await;
                return None;
            }
        }
    }

    fn hear(&mut self, news: &News) -> ControlFlow<()> {
        let Some(hub) = self.hub.upgrade() else {
            return ControlFlow::Break(());
        };
        self.has_heard = true;
        match news {
            News::Wakeups(wakeups) => wakeups.iter().for_each(|wakeup| hub.wake(wakeup)),
            News::All => hub.wake_all(),
            News::Idle => {}
        }
        drop(hub);
        if self.stops(LINGER) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }

    /// Whether to stop, since no caller has waited for `linger`, or no client is left.
    fn stops(&mut self, linger: Duration) -> bool {
        let Some(hub) = self.hub.upgrade() else {
            return true;
        };
        if !hub.has_subscribers() {
            return true;
        }
        if hub.is_waiting() {
            self.idle_since = None;
            return false;
        }
        self.idle_since.get_or_insert_with(Instant::now).elapsed() >= linger
    }
}

impl Drop for Listener {
    /// Also when the runtime of the listener is gone.
    fn drop(&mut self) {
        if let Some(hub) = self.hub.upgrade() {
            hub.set_open(false);
            hub.ends();
        }
    }
}
