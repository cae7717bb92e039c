//! The clocks by which leases end on this side.
//!
//! A deadline must count the time in which the machine was suspended: the server's clock went on
//! meanwhile. [`std::time::Instant`] does not promise to count a suspension, and on Linux does not. So the
//! clock of a client with a database is, by platform:
//!
//! | platform | clock | counts a suspension |
//! | --- | --- | --- |
//! | Linux, Android | `CLOCK_BOOTTIME` | yes |
//! | macOS, iOS | `CLOCK_MONOTONIC`, which Apple defines as the continuous time | yes |
//! | Windows | `Instant`: `QueryPerformanceCounter` | yes |
//! | others | `Instant` | not promised |
//!
//! Sources: `clock_gettime(2)` of Linux, `clock_gettime(3)` of macOS, "Acquiring high-resolution time
//! stamps" of the Windows documentation.

use std::{
    ops::{Add, Sub},
    time::Duration,
};

use tokio::time::Instant;

/// A point in time on a client's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Moment(Duration);

impl Moment {
    /// The time from `earlier` to this moment, zero when `earlier` is later.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    /// The moment `time` after this one, or `None` beyond the range of the clock.
    pub(crate) fn checked_add(self, time: Duration) -> Option<Self> {
        self.0.checked_add(time).map(Self)
    }

    /// The nanoseconds since the clock's start, at least 1.
    pub(crate) fn as_nanos(self) -> u64 {
        u64::try_from(self.0.as_nanos()).unwrap_or(u64::MAX).max(1)
    }

    pub(crate) const fn from_nanos(nanos: u64) -> Self {
        Self(Duration::from_nanos(nanos))
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, time: Duration) -> Self {
        Self(self.0.saturating_add(time))
    }
}

impl Sub<Duration> for Moment {
    type Output = Self;

    fn sub(self, time: Duration) -> Self {
        Self(self.0.saturating_sub(time))
    }
}

/// A clock that cannot be set.
#[derive(Debug, Clone)]
pub(crate) enum Clock {
    /// The clock of the platform.
    System(SystemClock),
    /// The clock of tokio, counted from an instant. A test can pause it.
    Tokio(Instant),
}

impl Clock {
    pub(crate) fn system() -> Self {
        Self::System(SystemClock::new())
    }

    pub(crate) fn tokio() -> Self {
        Self::Tokio(Instant::now())
    }

    pub(crate) fn now(&self) -> Moment {
        Moment(match self {
            Self::System(clock) => clock.now(),
            Self::Tokio(start) => start.elapsed(),
        })
    }

    /// The time that has passed since `earlier`.
    pub(crate) fn elapsed(&self, earlier: Moment) -> Duration {
        self.now().since(earlier)
    }
}

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
mod system {
    use std::time::Duration;

    use rustix::time::{ClockId, clock_gettime};

    #[cfg(not(target_vendor = "apple"))]
    const CLOCK: ClockId = ClockId::Boottime;
    #[cfg(target_vendor = "apple")]
    const CLOCK: ClockId = ClockId::Monotonic;

    #[derive(Debug, Clone)]
    pub(crate) struct SystemClock;

    impl SystemClock {
        pub(crate) fn new() -> Self {
            Self
        }

        /// The time since the machine was started.
        #[allow(clippy::unused_self)] // the other platforms' clocks have a start
        pub(crate) fn now(&self) -> Duration {
            let time = clock_gettime(CLOCK);
            let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
            let nanos = u32::try_from(time.tv_nsec).unwrap_or_default();
            Duration::new(seconds, nanos)
        }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
mod system {
    use std::time::{Duration, Instant};

    #[derive(Debug, Clone)]
    pub(crate) struct SystemClock(Instant);

    impl SystemClock {
        pub(crate) fn new() -> Self {
            Self(Instant::now())
        }

        /// The time since the clock was made.
        pub(crate) fn now(&self) -> Duration {
            self.0.elapsed()
        }
    }
}

pub(crate) use self::system::SystemClock;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_clock_goes_on() {
        let clock = Clock::system();
        let before = clock.now();
        std::thread::sleep(Duration::from_millis(5));
        assert!(clock.elapsed(before) >= Duration::from_millis(5));
        assert_eq!(before.since(clock.now()), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn the_clock_of_a_test_can_be_moved() {
        let clock = Clock::tokio();
        let then = clock.now() + Duration::from_secs(3);
        tokio::time::advance(Duration::from_secs(3)).await;
        assert_eq!(clock.now(), then);
        assert_eq!(then.checked_add(Duration::MAX), None);
    }
}
