//! The times of a lease that follow from its ttl.

use std::time::Duration;

use crate::{error::Error, spec::LockSpec};

/// The time from the request that granted or renewed a lease to its next renewal.
///
/// With a margin of a fifth, a third leaves almost half of the ttl for attempts that fail.
pub(crate) fn renewal_interval(ttl: Duration) -> Duration {
    ttl / 3
}

/// The pause between a failed renewal and the next attempt. `overload`: the pause for which an overloaded
/// server asks, which is granted as far as the lease allows several attempts.
pub(crate) fn renewal_pause(ttl: Duration, overload: Option<Duration>) -> Duration {
    let interval = renewal_interval(ttl);
    let pause = (interval / 8).clamp(Duration::from_millis(1), Duration::from_secs(1));
    let asked = overload.unwrap_or_default().min(interval / 2);
    pause.max(asked)
}

/// The part of a ttl that the body does not get.
///
/// The margin covers what the local clock cannot see: a rate that differs from the server's, the
/// difference between the clocks of two primaries, and the time from "stop" until a body is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Margin {
    /// A fifth of the ttl, at most [`Margin::MOST`].
    Proportional,
    Fixed(Duration),
}

impl Margin {
    pub(crate) const MOST: Duration = Duration::from_secs(1);

    /// The shortest time between renewals: a renewal is a majority write.
    const SHORTEST_INTERVAL: Duration = Duration::from_millis(10);

    pub(crate) fn of(self, ttl: Duration) -> Duration {
        match self {
            Self::Proportional => (ttl / 5).min(Self::MOST),
            Self::Fixed(margin) => margin,
        }
    }

    /// Refuses a spec that this margin leaves no time, before any request is sent.
    ///
    /// The order of the times: the ttl is longer than its rest after the margin, and that rest is longer
    /// than the interval between renewals.
    pub(crate) fn check(self, spec: &LockSpec) -> Result<(), Error> {
        let ttl = spec.ttl();
        let margin = self.of(ttl);
        let problem = if margin >= ttl {
            "the holder would have no time at all"
        } else if !spec.renew() {
            return Ok(());
        } else if renewal_interval(ttl) < Self::SHORTEST_INTERVAL {
            "the lease is too short to be renewed; a renewed lease has a ttl of at least 30 ms, and \
             of some seconds in production"
        } else if renewal_interval(ttl) >= ttl.saturating_sub(margin) {
            "the lease would be over before its first renewal, a third of the ttl after it began"
        } else {
            return Ok(());
        };
        Err(Error::InvalidArgument {
            argument: "ttl",
            problem: format!(
                "with {ttl:?}, and the client's safety margin of {margin:?}, {problem}"
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_time_to_work_and_to_renew() {
        let second = Duration::from_secs(1);
        let spec = |ttl, renew| LockSpec::builder("a", ttl).renew(renew).build().unwrap();
        for renew in [false, true] {
            let spec = spec(second, renew);
            assert!(Margin::Proportional.check(&spec).is_ok());
            assert!(Margin::Fixed(second).check(&spec).is_err());
            assert!(Margin::Fixed(Duration::ZERO).check(&spec).is_ok());
        }
        let long = Margin::Fixed(second * 7 / 10);
        assert!(long.check(&spec(second, false)).is_ok());
        let error = long.check(&spec(second, true)).unwrap_err().to_string();
        assert!(error.contains("before its first renewal"), "{error}");
    }

    #[test]
    fn a_ttl_too_short_to_be_renewed_is_refused() {
        let spec = |ms, renew| {
            let builder = LockSpec::builder("a", Duration::from_millis(ms));
            builder.renew(renew).build().unwrap()
        };
        assert!(Margin::Proportional.check(&spec(29, false)).is_ok());
        assert!(Margin::Proportional.check(&spec(30, true)).is_ok());
        let error = Margin::Proportional.check(&spec(29, true)).unwrap_err();
        assert!(error.to_string().contains("too short to be renewed"));
    }
}
