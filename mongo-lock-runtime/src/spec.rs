//! What is asked for: a validated description of one acquisition.

use std::time::Duration;

use crate::{Error, LockName};

/// What to acquire: a name and the terms of its lease.
///
/// ```
/// # use std::time::Duration;
/// use mongo_lock_runtime::LockSpec;
///
/// let spec = LockSpec::new("nightly-report", Duration::from_secs(300))?;
/// # Ok::<(), mongo_lock_runtime::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockSpec {
    name: LockName,
    ttl: Duration,
}

impl LockSpec {
    /// The shortest ttl: MongoDB's dates count milliseconds.
    pub const MIN_TTL: Duration = Duration::from_millis(1);

    /// The longest ttl, 366 days. A dead holder blocks its lock for the whole ttl, so a longer one
    /// is a slip of the unit, not a wish.
    pub const MAX_TTL: Duration = Duration::from_secs(366 * 24 * 60 * 60);

    /// An exclusive lock on `name`, for at most `ttl`.
    ///
    /// The ttl is the longest that a dead or hung holder can block the lock. Parts of a
    /// millisecond are cut off, since the server counts in milliseconds. Too short a ttl, and the
    /// body is stopped before it is done; too long a one, and a crash blocks the job for longer
    /// than you like.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidName`], or [`Error::InvalidArgument`] for a ttl outside
    /// [`MIN_TTL`](Self::MIN_TTL)`..=`[`MAX_TTL`](Self::MAX_TTL).
    pub fn new(name: impl AsRef<str>, ttl: Duration) -> Result<Self, Error> {
        Ok(Self {
            name: LockName::new(name)?,
            ttl: check_ttl(ttl)?,
        })
    }

    /// The lock's name.
    #[must_use]
    pub fn name(&self) -> &LockName {
        &self.name
    }

    /// The lease's ttl, in whole milliseconds.
    #[must_use]
    pub fn ttl(&self) -> Duration {
        self.ttl
    }
}

fn check_ttl(ttl: Duration) -> Result<Duration, Error> {
    let problem = if ttl < LockSpec::MIN_TTL {
        "a lease lasts at least one millisecond"
    } else if ttl > LockSpec::MAX_TTL {
        "a lease lasts at most 366 days"
    } else {
        let whole = Duration::new(ttl.as_secs(), ttl.subsec_millis() * 1_000_000);
        return Ok(whole);
    };
    Err(Error::InvalidArgument {
        argument: "ttl",
        problem: format!("{ttl:?} is out of range: {problem}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ttl_outside_the_range_is_refused_and_says_so() {
        for bad in [
            Duration::ZERO,
            Duration::from_micros(999),
            LockSpec::MAX_TTL + Duration::from_nanos(1),
            Duration::MAX,
        ] {
            let error = LockSpec::new("a", bad).unwrap_err().to_string();
            assert!(
                error.starts_with("invalid ttl: ") && error.contains("lasts at"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_ttl_is_cut_to_whole_milliseconds() {
        let spec = LockSpec::new("a", Duration::from_micros(1999)).unwrap();
        assert_eq!(spec.ttl(), Duration::from_millis(1));
        assert_eq!(
            LockSpec::new("a", LockSpec::MAX_TTL).unwrap().ttl(),
            LockSpec::MAX_TTL
        );
    }
}
