//! The pace of a queue: the times at which it asks the server.

use std::time::{Duration, SystemTime};

use crate::{
    clock::Moment,
    operation::{Pauses, jittered},
    store::{
        AttemptError, Queued,
        protocol::{NEAR, QUEUE_ENTRY_TTL},
    },
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

/// The first and the longest pause where no wake-ups come.
const POLL_INTERVAL: (Duration, Duration) = (Duration::from_millis(8), Duration::from_millis(500));

/// The longest pause after a failure: one in between and the queue entry is still there.
const LONGEST_AFTER_FAILURE: Duration = Duration::from_millis(1800);
const _: () = assert!(2 * LONGEST_AFTER_FAILURE.as_millis() < QUEUE_ENTRY_TTL.as_millis());

/// The shortest pause: a lease that is over by the client's reckoning may not be over for the server.
pub(super) const SHORTEST_PAUSE: Duration = Duration::from_millis(5);

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
        // The entry itself is confirmed together with the others of the client.
        let mut pause = ends.max(SHORTEST_PAUSE);
        if wakeups && queued.ahead >= NEAR {
            // Those at the front find out that an entry is over. If all of them are dead, they are over then.
            pause = QUEUE_ENTRY_TTL;
        }
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
        now + self.failures.after(error).min(LONGEST_AFTER_FAILURE)
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::{
        name::LockName,
        outcome::{Reservation, Skipped},
        store::failure::Persistence,
    };

    /// The first in the queue when `ahead` is 0; the lease ahead ends `left` after the server's time.
    fn queued(ahead: usize, seen: u64, left: u64) -> Queued {
        let time = |seconds| UNIX_EPOCH + Duration::from_secs(1000 + seconds);
        let reservation = Reservation {
            owner: "web-3:4711".into(),
            waiting_since: time(0),
            kept_until: time(5),
            last_token: 1,
        };
        Queued {
            skipped: Skipped::reserved(LockName::new("job").unwrap(), reservation),
            ahead,
            seen_at: time(seen),
            look_at: time(seen + left),
        }
    }

    fn start() -> Moment {
        Moment::from_nanos(0) + Duration::from_secs(100)
    }

    /// Whether the pause is this long, a quarter more or less.
    #[track_caller]
    fn about(pause: Duration, expected: Duration) {
        assert!(
            pause >= expected * 3 / 4 && pause <= expected * 5 / 4,
            "{pause:?}, not about {expected:?}"
        );
    }

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn with_wakeups_the_end_of_the_lease_ahead_is_waited_for() {
        let mut pacing = Pacing::default();
        for ahead in [0, NEAR - 1] {
            let pause = pacing.after_answer(&queued(ahead, 0, 60), true, start());
            assert_eq!(pause.since(start()), ms(60_000));
        }
    }

    #[test]
    fn with_wakeups_an_entry_far_back_leaves_looking_to_those_ahead() {
        let mut pacing = Pacing::default();
        for left in [1, 60] {
            let pause = pacing.after_answer(&queued(NEAR, 0, left), true, start());
            assert_eq!(pause.since(start()), QUEUE_ENTRY_TTL);
        }
    }

    #[test]
    fn a_lease_that_ends_sooner_is_looked_at_then() {
        let mut pacing = Pacing::default();
        let pause = pacing.after_answer(&queued(0, 0, 1), true, start());
        assert_eq!(pause.since(start()), ms(1000));
        // The server says that no time has passed, though some has: the answer is an old one.
        let now = start() + ms(400);
        let pause = pacing.after_answer(&queued(0, 0, 1), true, now);
        assert_eq!(pause.since(now), ms(600));
        let now = start() + ms(3000);
        let pause = pacing.after_answer(&queued(0, 0, 1), true, now);
        assert_eq!(pause.since(now), SHORTEST_PAUSE);
        let pause = pacing.after_answer(&queued(0, 3, 1), true, now);
        assert_eq!(pause.since(now), ms(1000));
    }

    #[test]
    fn without_wakeups_the_pauses_grow() {
        let mut pacing = Pacing::default();
        let mut pauses = Vec::new();
        for seen in 0..20 {
            let now = start() + ms(1000 * seen);
            pauses.push(
                pacing
                    .after_answer(&queued(0, seen, 60), false, now)
                    .since(now),
            );
        }
        for (asked, pause) in pauses.iter().enumerate() {
            let doubled = u32::try_from(asked / 2).unwrap();
            about(*pause, ms(8 * 2_u64.pow(doubled.min(8))).min(ms(500)));
        }
    }

    #[test]
    fn a_client_with_others_ahead_asks_less_often() {
        let mut pacing = Pacing::default();
        let pause = pacing.after_answer(&queued(1, 0, 60), false, start());
        about(pause.since(start()), ms(64));
    }

    #[test]
    fn failures_are_spaced_out_until_an_answer() {
        let mut pacing = Pacing::default();
        let error = AttemptError::new("cut", Persistence::Transient, true);
        for expected in [10, 20, 40] {
            let again = pacing.after_failure(&error, start()).since(start());
            about(again, ms(expected));
        }
        pacing.after_answer(&queued(0, 0, 60), true, start());
        about(pacing.after_failure(&error, start()).since(start()), ms(10));
    }
}
