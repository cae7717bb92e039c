//! The pace of a queue: the times at which it asks the server.

use std::time::{Duration, SystemTime};

use crate::{
    clock::Moment,
    operation::{Pauses, jittered},
    store::{AttemptError, Queued, protocol::QUEUE_ENTRY_TTL},
};

/// The state from which the time of the next request follows.
#[derive(Debug)]
pub(super) struct Pacing {
    /// A time on the server's clock, and a moment at which the server's clock showed that time or a later
    /// one.
    clock: Option<(SystemTime, Moment)>,
    /// The number of requests in vain.
    asked: u32,
    failures: Pauses,
}

/// The time after which a queue entry is refreshed, whether or not a wake-up comes.
const REFRESH_INTERVAL: Duration = Duration::from_millis(1800);
const _: () = assert!(2 * REFRESH_INTERVAL.as_millis() < QUEUE_ENTRY_TTL.as_millis());

/// The first and the longest pause where no change stream brings wake-ups.
const POLL_INTERVAL: (Duration, Duration) = (Duration::from_millis(8), Duration::from_millis(500));

/// The shortest pause: a lease that is over by the client's reckoning may not be over for the server.
const SHORTEST_PAUSE: Duration = Duration::from_millis(5);

impl Default for Pacing {
    fn default() -> Self {
        Self {
            clock: None,
            asked: 0,
            failures: Pauses::new(),
        }
    }
}

impl Pacing {
    /// The moment of the next request after an answer; `wakeups`: whether the client hears of its turn.
    pub(super) fn after_answer(&mut self, queued: &Queued, wakeups: bool, now: Moment) -> Moment {
        self.failures = Pauses::new();
        if self.clock.is_none_or(|(at, _)| at != queued.seen_at) {
            self.clock = Some((queued.seen_at, now));
        }
        let (at, then) = self.clock.unwrap_or((queued.seen_at, now));
        // At least this late.
        let server = at + now.since(then);
        let ends = queued.look_at.duration_since(server).unwrap_or_default();
        let mut pause = ends.max(SHORTEST_PAUSE).min(jittered(REFRESH_INTERVAL));
        if !wakeups {
            // A client that is not first in the queue can ask less often.
            let first = if queued.ahead == 0 { 0 } else { 6 };
            let (shortest, longest) = POLL_INTERVAL;
            let poll = shortest * 2_u32.pow(self.asked.max(first).min(16) / 2);
            pause = pause.min(jittered(poll.min(longest)));
        }
        self.asked = self.asked.saturating_add(1);
        now + pause
    }

    /// The moment of the next request after a failure. Not so late that the entry would end by itself.
    pub(super) fn after_failure(&mut self, error: &AttemptError, now: Moment) -> Moment {
        now + self.failures.after(error).min(REFRESH_INTERVAL)
    }
}
