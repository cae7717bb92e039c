//! Pauses between attempts.

use std::time::Duration;

use crate::{random, store::AttemptError};

/// With less time than this left, no further attempt is made.
const SHORTEST_ATTEMPT: Duration = Duration::from_millis(20);

/// The longest pause after the answer of an overloaded server.
const LONGEST_OVERLOAD: Duration = Duration::from_secs(10);

/// Pauses that double from the first to the longest, each with jitter.
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    next: Duration,
    longest: Duration,
}

impl Backoff {
    pub(crate) const fn new(first: Duration, longest: Duration) -> Self {
        Self {
            next: first,
            longest,
        }
    }

    pub(crate) fn next(&mut self) -> Duration {
        let pause = self.next;
        self.next = (pause * 2).min(self.longest);
        jittered(pause)
    }

    /// Whether the next pause is at least `pause`: then the attempts have failed for about as long.
    pub(crate) fn has_reached(&self, pause: Duration) -> bool {
        self.next >= pause
    }
}

/// The pauses between the attempts of one operation, each by the error of the attempt before it.
///
/// After most errors, the pauses are those of a [`Backoff`] from 10 ms to a second. An overloaded server is
/// spared: the pauses are those of the client backpressure specification, up to `base * 2^n` after the
/// `n`th such answer, with a base that the server may give.
#[derive(Debug, Clone)]
pub(crate) struct Pauses {
    others: Backoff,
    overloads: u32,
    /// Whether the next attempt is the last, since the pause before another would be too long.
    last: bool,
}

impl Pauses {
    pub(crate) const fn new() -> Self {
        Self {
            others: Backoff::new(Duration::from_millis(10), Duration::from_secs(1)),
            overloads: 0,
            last: false,
        }
    }

    /// The pause before another attempt after this error.
    pub(crate) fn after(&mut self, error: &AttemptError) -> Duration {
        let Some(base) = error.overload else {
            return self.others.next();
        };
        self.overloads += 1;
        let longest = base.saturating_mul(2_u32.saturating_pow(self.overloads));
        portion(longest.min(LONGEST_OVERLOAD))
    }

    /// The pause before another attempt of an operation with this much time left. `None`: it is over.
    ///
    /// When the time left is shorter than the pause, half of the time is for the pause; on an overloaded
    /// server, one attempt is made at some time in the second half, and no more.
    pub(crate) fn within(&mut self, left: Duration, error: &AttemptError) -> Option<Duration> {
        if left < SHORTEST_ATTEMPT || self.last {
            return None;
        }
        let pause = self.after(error);
        let half = left / 2;
        if pause <= half {
            return Some(pause);
        }
        self.last = error.overload.is_some();
        Some(if self.last {
            half + portion(half.saturating_sub(SHORTEST_ATTEMPT / 2))
        } else {
            half
        })
    }
}

/// A random part of `time`.
fn portion(time: Duration) -> Duration {
    time * u32::from(random::byte()) / 255
}

/// A time between three and five quarters of `time`, so that clients do not march in step.
pub(crate) fn jittered(time: Duration) -> Duration {
    time * (384 + u32::from(random::byte())) / 512
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::failure::Persistence;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let (first, longest) = (Duration::from_millis(10), Duration::from_millis(35));
        let mut backoff = Backoff::new(first, longest);
        assert!(backoff.has_reached(first));
        assert!(!backoff.has_reached(first * 2));
        for expected in [10, 20, 35, 35] {
            let pause = backoff.next().as_micros();
            assert!(
                (expected * 750..expected * 1250).contains(&pause),
                "{pause}"
            );
        }
        assert!(backoff.has_reached(longest));
    }

    fn error(overload: Option<Duration>) -> AttemptError {
        let mut error = AttemptError::new("busy", Persistence::Transient, false);
        error.overload = overload;
        error
    }

    #[test]
    fn an_overloaded_server_is_asked_after_ever_longer_pauses() {
        let base = Duration::from_millis(100);
        let mut sums = [Duration::ZERO; 9];
        for _ in 0..400 {
            let mut pauses = Pauses::new();
            for (n, sum) in (1..).zip(&mut sums) {
                let pause = pauses.after(&error(Some(base)));
                assert!(pause <= (base * 2_u32.pow(n)).min(LONGEST_OVERLOAD));
                *sum += pause;
            }
        }
        for (n, sum) in (1..).zip(sums) {
            let mean = (base * 2_u32.pow(n)).min(LONGEST_OVERLOAD) / 2;
            let seen = sum / 400;
            assert!(seen > mean * 3 / 4 && seen < mean * 5 / 4, "{n}: {seen:?}");
        }
        // The first of its kind, whatever came before.
        assert!(Pauses::new().after(&error(None)) < Duration::from_millis(13));
    }

    #[test]
    fn a_long_base_is_bounded() {
        let mut pauses = Pauses::new();
        for _ in 0..80 {
            let pause = pauses.after(&error(Some(Duration::from_secs(60))));
            assert!(pause <= LONGEST_OVERLOAD);
        }
    }

    #[test]
    fn the_last_attempt_on_an_overloaded_server_is_in_the_second_half() {
        let hint = Some(Duration::from_secs(60 * 60));
        let left = Duration::from_millis(500);
        let mut last = 0;
        for _ in 0..100 {
            let mut pauses = Pauses::new();
            let mut made = 0;
            while let Some(pause) = pauses.within(left, &error(hint)) {
                made += 1;
                assert!(pause < left);
                last += u32::from(pause >= left / 2);
            }
            assert!((1..20).contains(&made), "{made}");
        }
        assert_eq!(last, 100, "one each");
        let at_the_end = |left| Pauses::new().within(left, &error(hint));
        assert_eq!(at_the_end(SHORTEST_ATTEMPT / 2), None);
        assert!(at_the_end(SHORTEST_ATTEMPT).is_some());
    }

    #[test]
    fn other_errors_halve_the_time_left() {
        let mut pauses = Pauses::new();
        let mut left = Duration::from_secs(1);
        let mut made = 0;
        while let Some(pause) = pauses.within(left, &error(None)) {
            assert!(pause <= left / 2);
            left -= pause;
            made += 1;
        }
        assert!(made > 5 && left < SHORTEST_ATTEMPT, "{made}, {left:?}");
    }
}
