//! What is asked for: a validated description of one acquisition.

use std::time::Duration;

use crate::{Error, LockName};

/// What to acquire: a name and the terms of its lease.
///
/// ```
/// # use std::time::Duration;
/// use mongo_lock_runtime::LockSpec;
///
/// let five_minutes = LockSpec::new("nightly-report", Duration::from_secs(300))?;
///
/// // A short ttl for a long job: a crash blocks the lock for half a minute, not for hours.
/// let renewed = LockSpec::builder("import", Duration::from_secs(30))
///     .renew(true)
///     .max_hold(Duration::from_secs(4 * 60 * 60))
///     .build()?;
/// # Ok::<(), mongo_lock_runtime::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockSpec {
    name: LockName,
    ttl: Duration,
    renew: bool,
    max_hold: Option<Duration>,
    min_hold: Option<Duration>,
    mode: Mode,
    permits: u32,
    wait: Option<Duration>,
}

/// Whom a lease excludes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(
    not(feature = "__simulation"),
    allow(
        unreachable_pub,
        reason = "the feature `__simulation` exports this type"
    )
)]
pub enum Mode {
    /// Everybody but those who have another of its permits.
    Exclusive,
    /// Whoever is not shared.
    Shared,
}

impl Mode {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Exclusive => "exclusive",
            Self::Shared => "shared",
        }
    }
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
        Self::builder(name, ttl).build()
    }

    /// The same, with more terms to follow.
    pub fn builder(name: impl AsRef<str>, ttl: Duration) -> LockSpecBuilder {
        LockSpecBuilder {
            name: LockName::new(name),
            ttl,
            renew: false,
            max_hold: None,
            min_hold: None,
            shared: false,
            permits: None,
            wait: None,
        }
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

    /// Whether the lease is renewed while it is held.
    #[must_use]
    pub fn renew(&self) -> bool {
        self.renew
    }

    /// The longest that a renewed lease may be held in all.
    #[must_use]
    pub fn max_hold(&self) -> Option<Duration> {
        self.max_hold
    }

    /// The time for which the lock stays taken even when it is released earlier.
    #[must_use]
    pub fn min_hold(&self) -> Option<Duration> {
        self.min_hold
    }

    /// Whether it is for a reader among readers.
    #[must_use]
    pub fn shared(&self) -> bool {
        self.mode == Mode::Shared
    }

    /// How many may hold the lock at once. For a reader, there is no limit: `u32::MAX`.
    #[must_use]
    pub fn permits(&self) -> u32 {
        self.permits
    }

    /// How long to wait for a held lock.
    #[must_use]
    pub fn wait(&self) -> Option<Duration> {
        self.wait
    }

    pub(crate) fn mode(&self) -> Mode {
        self.mode
    }

    /// Whether nobody else can hold the lock along with it.
    pub(crate) fn is_exclusive(&self) -> bool {
        self.mode == Mode::Exclusive && self.permits == 1
    }
}

/// Builds a [`LockSpec`].
#[derive(Debug)]
#[must_use = "a builder does nothing until `build()`"]
pub struct LockSpecBuilder {
    name: Result<LockName, Error>,
    ttl: Duration,
    renew: bool,
    max_hold: Option<Duration>,
    min_hold: Option<Duration>,
    shared: bool,
    permits: Option<u32>,
    wait: Option<Duration>,
}

impl LockSpecBuilder {
    /// Keeps the lease alive while it is held, so that a short ttl serves a long job. Default: no,
    /// the holder has until the ttl.
    ///
    /// The lease is renewed every third of its ttl, in the background. A lease that cannot be
    /// renewed, for whatever reason, is lost at its deadline.
    pub fn renew(mut self, yes: bool) -> Self {
        self.renew = yes;
        self
    }

    /// The longest that a renewed lease may be held in all, from its acquisition. Default: no limit.
    ///
    /// Without it, a body that hangs for ever holds its lock for ever.
    pub fn max_hold(mut self, limit: Duration) -> Self {
        self.max_hold = Some(limit);
        self
    }

    /// The lock stays taken for at least this long from its acquisition, by the server's clock, even
    /// when it is released earlier. Default: none.
    ///
    /// For a job of milliseconds that several hosts fire "at the same time", on clocks that are a
    /// second apart: without it, the second host finds the lock free again. No process waits for the
    /// time to pass. It applies to every release, after an error or a panic too.
    pub fn min_hold(mut self, time: Duration) -> Self {
        self.min_hold = Some(time);
        self
    }

    /// A reader among readers: any number of shared leases are live at once, and no exclusive one
    /// beside them. Default: exclusive.
    ///
    /// Readers and writers take turns in the order in which they began to [wait](Self::wait): a reader
    /// that comes after a waiting writer does not overtake it. A writer that does not wait finds its
    /// turn only when no reader is there.
    pub fn shared(mut self, yes: bool) -> Self {
        self.shared = yes;
        self
    }

    /// How many may hold the lock at once: at least 1, the default.
    ///
    /// All users of a name should agree on it. Where they do not, the strictest decides: no lease is
    /// granted that would make more leases live than the permits of any of them. An event says so.
    pub fn permits(mut self, count: u32) -> Self {
        self.permits = Some(count);
        self
    }

    /// How long to wait for a held lock before giving up: at least 1 ms, at most 366 days. Default:
    /// not at all.
    ///
    /// First come, first served, across processes and within one. A waiter that is cancelled makes
    /// room at once; one that dies, or is paused, delays the next by at most 5 s.
    ///
    /// The time counts on the local monotonic clock. An answer of MongoDB that is on its way when it is
    /// over is waited for, for at most the
    /// [operation time limit](crate::LockClientBuilder::operation_timeout).
    pub fn wait(mut self, time: Duration) -> Self {
        self.wait = Some(time);
        self
    }

    /// Checks it all.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidName`], or [`Error::InvalidArgument`] for a time outside
    /// [`LockSpec::MIN_TTL`]`..=`[`LockSpec::MAX_TTL`], for a `max_hold` without `renew`, for a
    /// `min_hold` that is longer than the ttl, for no permits, and for permits of a shared lock.
    pub fn build(self) -> Result<LockSpec, Error> {
        let name = self.name?;
        let ttl = check_time("ttl", self.ttl)?;
        let max_hold = self.max_hold.map(|time| check_time("max_hold", time));
        let min_hold = self.min_hold.map(|time| check_time("min_hold", time));
        let wait = self.wait.map(|time| check_time("wait", time));
        let invalid = |problem: &str| Error::InvalidArgument {
            argument: "permits",
            problem: problem.into(),
        };
        let (mode, permits) = match (self.shared, self.permits) {
            (_, Some(0)) => return Err(invalid("with 0, nobody could ever hold the lock")),
            (true, Some(_)) => {
                return Err(invalid(
                    "any number of readers may share a lock; use either `shared` or `permits`",
                ));
            }
            (true, None) => (Mode::Shared, u32::MAX),
            (false, permits) => (Mode::Exclusive, permits.unwrap_or(1)),
        };
        let spec = LockSpec {
            name,
            ttl,
            renew: self.renew,
            max_hold: max_hold.transpose()?,
            min_hold: min_hold.transpose()?,
            mode,
            permits,
            wait: wait.transpose()?,
        };
        if spec.max_hold.is_some() && !spec.renew {
            return Err(Error::InvalidArgument {
                argument: "max_hold",
                problem: "it limits renewal, and `renew` is off: without it, the ttl is the limit"
                    .into(),
            });
        }
        if let Some(min_hold) = spec.min_hold.filter(|time| *time > ttl) {
            return Err(Error::InvalidArgument {
                argument: "min_hold",
                problem: format!(
                    "{min_hold:?} is longer than the ttl of {ttl:?}, at which the lease ends"
                ),
            });
        }
        Ok(spec)
    }
}

fn check_time(argument: &'static str, time: Duration) -> Result<Duration, Error> {
    let problem = if time < LockSpec::MIN_TTL {
        "it is at least one millisecond"
    } else if time > LockSpec::MAX_TTL {
        "it is at most 366 days"
    } else {
        let whole = Duration::new(time.as_secs(), time.subsec_millis() * 1_000_000);
        return Ok(whole);
    };
    Err(Error::InvalidArgument {
        argument,
        problem: format!("{time:?} is out of range: {problem}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_time_outside_the_range_is_refused_and_says_so() {
        for bad in [
            Duration::ZERO,
            Duration::from_micros(999),
            LockSpec::MAX_TTL + Duration::from_nanos(1),
            Duration::MAX,
        ] {
            for (builder, argument) in [
                (LockSpec::builder("a", bad), "ttl"),
                (
                    LockSpec::builder("a", SECOND).renew(true).max_hold(bad),
                    "max_hold",
                ),
                (LockSpec::builder("a", SECOND).min_hold(bad), "min_hold"),
                (LockSpec::builder("a", SECOND).wait(bad), "wait"),
            ] {
                let error = builder.build().unwrap_err().to_string();
                let starts = format!("invalid {argument}: ");
                assert!(
                    error.starts_with(&starts) && error.contains("it is at"),
                    "{error}"
                );
            }
        }
    }

    #[test]
    fn contradictions_are_refused() {
        let error = LockSpec::builder("a", SECOND).max_hold(SECOND).build();
        assert!(error.unwrap_err().to_string().contains("`renew` is off"));
        let error = LockSpec::builder("a", SECOND).min_hold(2 * SECOND).build();
        assert!(
            error
                .unwrap_err()
                .to_string()
                .contains("longer than the ttl")
        );
        let builder = || LockSpec::builder("a", SECOND);
        for (builder, problem) in [
            (builder().permits(0), "nobody could ever"),
            (builder().shared(true).permits(0), "nobody could ever"),
            (builder().shared(true).permits(2), "either `shared` or"),
        ] {
            let error = builder.build().unwrap_err().to_string();
            assert!(error.contains(problem), "{error}");
        }
    }

    #[test]
    fn times_are_cut_to_whole_milliseconds() {
        let spec = LockSpec::new("a", Duration::from_micros(1999)).unwrap();
        assert_eq!(spec.ttl(), Duration::from_millis(1));
        assert_eq!(
            LockSpec::new("a", LockSpec::MAX_TTL).unwrap().ttl(),
            LockSpec::MAX_TTL
        );
    }
}
