//! How much earlier than the server we consider a lease over.

use std::time::Duration;

use crate::{Error, LockSpec, renewal};

/// The part of a ttl that the body does not get.
///
/// It covers what the local monotonic clock cannot see: that it runs at another rate than the
/// server's, that the next primary's clock is ahead of this one's, and the time between "stop" and
/// a body's actually being dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Margin {
    /// A fifth of the ttl, at most [`Margin::MOST`].
    Proportional,
    Fixed(Duration),
}

impl Margin {
    pub(crate) const MOST: Duration = Duration::from_secs(1);

    pub(crate) fn of(self, ttl: Duration) -> Duration {
        match self {
            Self::Proportional => (ttl / 5).min(Self::MOST),
            Self::Fixed(margin) => margin,
        }
    }

    /// Refuses a spec that this margin leaves no time, before anything is asked of the server.
    ///
    /// A ttl is longer than what is left of it after the margin, which is longer than the interval
    /// at which it is renewed.
    pub(crate) fn check(self, spec: &LockSpec) -> Result<(), Error> {
        let ttl = spec.ttl();
        let margin = self.of(ttl);
        let problem = if margin >= ttl {
            "the holder would have no time at all"
        } else if spec.renew() && renewal::interval(ttl) >= ttl.saturating_sub(margin) {
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
        let spec = |renew| {
            let builder = LockSpec::builder("a", second).renew(renew);
            builder.build().unwrap()
        };
        for renew in [false, true] {
            assert!(Margin::Proportional.check(&spec(renew)).is_ok());
            assert!(Margin::Fixed(second).check(&spec(renew)).is_err());
            assert!(Margin::Fixed(Duration::ZERO).check(&spec(renew)).is_ok());
        }
        let long = Margin::Fixed(second * 7 / 10);
        assert!(long.check(&spec(false)).is_ok());
        let error = long.check(&spec(true)).unwrap_err().to_string();
        assert!(error.contains("before its first renewal"), "{error}");
    }
}
