//! The terms of a lease, and the one statement of which terms are valid.

use std::time::Duration;

use crate::{error::Error, spec::lock_spec::LockSpec};

/// The terms of a lease, as they were given.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    /// `None` in a declaration that leaves the ttl to the attribute.
    pub(crate) ttl: Option<Duration>,
    pub(crate) renew: bool,
    pub(crate) max_hold: Option<Duration>,
    pub(crate) min_hold: Option<Duration>,
    pub(crate) wait: Option<Duration>,
    pub(crate) permits: Option<u32>,
    pub(crate) shared: bool,
}

/// A term that is a length of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Time {
    Ttl,
    MaxHold,
    MinHold,
    Wait,
}

/// The first fault of some terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InvalidTerms {
    TooShort(Time, Duration),
    TooLong(Time, Duration),
    MaxHoldWithoutRenew,
    MinHoldOverTtl { min_hold: Duration, ttl: Duration },
    NoPermits,
    PermitsOfShared,
}

impl Terms {
    /// Checks the terms. A declaration calls this while compiling, [`LockSpec`]'s builder at run time.
    pub(crate) const fn check(&self) -> Result<(), InvalidTerms> {
        let times = [
            (Time::Ttl, self.ttl),
            (Time::MaxHold, self.max_hold),
            (Time::MinHold, self.min_hold),
            (Time::Wait, self.wait),
        ];
        let mut at = 0;
        while at < times.len() {
            if let (time, Some(value)) = times[at] {
                if value.as_nanos() < LockSpec::MIN_TTL.as_nanos() {
                    return Err(InvalidTerms::TooShort(time, value));
                }
                if value.as_nanos() > LockSpec::MAX_TTL.as_nanos() {
                    return Err(InvalidTerms::TooLong(time, value));
                }
            }
            at += 1;
        }
        if self.max_hold.is_some() && !self.renew {
            return Err(InvalidTerms::MaxHoldWithoutRenew);
        }
        if let (Some(min_hold), Some(ttl)) = (self.min_hold, self.ttl) {
            // In milliseconds, as the server counts.
            if min_hold.as_millis() > ttl.as_millis() {
                return Err(InvalidTerms::MinHoldOverTtl { min_hold, ttl });
            }
        }
        match (self.permits, self.shared) {
            (Some(0), _) => Err(InvalidTerms::NoPermits),
            (Some(_), true) => Err(InvalidTerms::PermitsOfShared),
            (Some(_), false) | (None, _) => Ok(()),
        }
    }
}

impl Time {
    const fn name(self) -> &'static str {
        match self {
            Self::Ttl => "ttl",
            Self::MaxHold => "max_hold",
            Self::MinHold => "min_hold",
            Self::Wait => "wait",
        }
    }
}

impl InvalidTerms {
    /// The message in a `const`, where no text can be put together.
    pub(crate) const fn in_const(self) -> &'static str {
        match self {
            Self::TooShort(time, _) | Self::TooLong(time, _) => match time {
                Time::Ttl => "`ttl` is out of range: 1 ms to 366 days",
                Time::MaxHold => "`max_hold` is out of range: 1 ms to 366 days",
                Time::MinHold => "`min_hold` is out of range: 1 ms to 366 days",
                Time::Wait => "`wait` is out of range: 1 ms to 366 days",
            },
            Self::MaxHoldWithoutRenew => "`max_hold` limits renewal, and `renew` is off",
            Self::MinHoldOverTtl { .. } => {
                "`min_hold` is longer than the `ttl`, at which the lease ends"
            }
            Self::NoPermits => "`permits` is 0, so no caller could hold the lock",
            Self::PermitsOfShared => {
                "readers share a lock without a limit: drop `permits`, or `shared`"
            }
        }
    }

    /// The error at run time, which names the values.
    pub(crate) fn into_error(self) -> Error {
        let (argument, problem) = match self {
            Self::TooShort(time, value) => (
                time.name(),
                format!("{value:?} is out of range: it is at least one millisecond"),
            ),
            Self::TooLong(time, value) => (
                time.name(),
                format!("{value:?} is out of range: it is at most 366 days"),
            ),
            Self::MaxHoldWithoutRenew => (
                "max_hold",
                "it limits renewal, and `renew` is off: without it, the ttl is the limit".into(),
            ),
            Self::MinHoldOverTtl { min_hold, ttl } => (
                "min_hold",
                format!("{min_hold:?} is longer than the ttl of {ttl:?}, at which the lease ends"),
            ),
            Self::NoPermits => (
                "permits",
                "with 0, no caller could ever hold the lock".to_owned(),
            ),
            Self::PermitsOfShared => (
                "permits",
                "any number of readers may share a lock; use either `shared` or `permits`"
                    .to_owned(),
            ),
        };
        Error::InvalidArgument { argument, problem }
    }
}
