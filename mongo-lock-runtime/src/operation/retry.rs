//! Pauses between attempts.

use std::time::Duration;

use crate::random;

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

    /// The pauses of an operation: 10 ms, doubled up to a second.
    pub(crate) const fn of_operation() -> Self {
        Self::new(Duration::from_millis(10), Duration::from_secs(1))
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

/// A time between three and five quarters of `time`, so that clients do not march in step.
pub(crate) fn jittered(time: Duration) -> Duration {
    time * (384 + u32::from(random::byte())) / 512
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
