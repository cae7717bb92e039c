//! WakeupStream for those who wait: one change stream per client, while anybody waits.
//!
//! A release writes whose turn it is into the lock's document. The stream brings a client the changes
//! that name it, and no others. Where there can be no stream, waiters ask now and then; so an event
//! that is missed, or a stream that broke, costs time and nothing else.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::time::sleep;

use crate::{
    client::Inner,
    event,
    line::Lines,
    store::{Store, StoreError, Wakeup, WakeupStream},
};

/// How long a stream is kept while nobody waits.
const IDLE: u32 = 5;
/// How often it is looked at: how long the server keeps an empty-handed request for news.
const LOOK: Duration = Duration::from_secs(2);
/// Before another attempt: at first, and at the longest.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(30));

/// Attempts that are so far apart have failed for some seconds.
const LASTING: Duration = Duration::from_secs(3);

#[derive(Default)]
pub(crate) struct Turns {
    /// Whether somebody listens, or tries to.
    listening: Mutex<bool>,
    /// Whether news come.
    open: AtomicBool,
    /// Whether it was said that none do.
    told: AtomicBool,
}

impl Turns {
    /// Sees to it that news come, and says whether they do already.
    pub(crate) fn watch(self: &Arc<Self>, client: &Arc<Inner>) -> bool {
        let mut listening = self
            .listening
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if !*listening {
            *listening = true;
            let listener = Listener {
                turns: Arc::clone(self),
                store: Arc::clone(&client.store),
                lines: Arc::clone(&client.lines),
                idle: 0,
            };
            // Not one of the client's tasks: shutdown does not wait for it.
            client.runtime.spawn(listener.run());
        }
        self.open.load(Ordering::Relaxed)
    }
}

struct Listener {
    turns: Arc<Turns>,
    store: Arc<Store>,
    lines: Arc<Lines>,
    /// How often in a row nobody waited.
    idle: u32,
}

impl Listener {
    async fn run(mut self) {
        let (first, longest) = PAUSE;
        let mut pause = first;
        loop {
            match self.store.news(self.lines.id(), LOOK).await {
                Ok(news) => {
                    pause = first;
                    let end = self.listen(news).await;
                    self.turns.open.store(false, Ordering::Relaxed);
                    // They are to ask for themselves again.
                    self.lines.wake_all();
                    match end {
                        None => return,
                        Some(cause) => event::news_interrupted(&cause),
                    }
                }
                Err(failure) => {
                    // An outage is not worth a word, before it lasts.
                    let lasting = !failure.is_transient() || pause >= LASTING;
                    if lasting && !self.turns.told.swap(true, Ordering::Relaxed) {
                        event::no_news(&failure.cause);
                    }
                    if !failure.is_transient() {
                        pause = longest;
                    }
                }
            }
            sleep(pause).await;
            pause = (pause * 2).min(longest);
            self.idle = IDLE;
            if self.stops() {
                return;
            }
        }
    }

    /// Until nobody waits any more, or the stream ends with an error.
    async fn listen(&mut self, mut news: WakeupStream) -> Option<StoreError> {
        self.turns.open.store(true, Ordering::Relaxed);
        // What happened before is not in the stream.
        self.lines.wake_all();
        loop {
            match news.next().await {
                Ok(Wakeup::Lock(name)) => self.lines.wake(&name),
                Ok(Wakeup::All) => self.lines.wake_all(),
                Ok(Wakeup::Idle) if self.stops() => return None,
                Ok(Wakeup::Idle) => {}
                Err(failure) => return Some(failure.cause),
            }
        }
    }

    /// Whether to stop, since nobody has waited for some time. From then on, whoever does starts anew.
    fn stops(&mut self) -> bool {
        self.idle = if self.lines.is_empty() {
            self.idle + 1
        } else {
            0
        };
        if self.idle < IDLE {
            return false;
        }
        let listening = self.turns.listening.lock();
        let mut listening = listening.unwrap_or_else(PoisonError::into_inner);
        // Under the lock: whoever waits after this finds nobody listening.
        *listening = !self.lines.is_empty();
        !*listening
    }
}
