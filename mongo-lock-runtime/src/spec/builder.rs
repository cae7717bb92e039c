//! Building a `LockSpec`.

use std::time::Duration;

use crate::{
    error::Error,
    name::LockName,
    spec::{
        lock_spec::{LockSpec, Mode},
        terms::Terms,
    },
};

impl LockSpec {
    /// An exclusive lock on `name`, for at most `ttl`.
    ///
    /// The ttl is the longest that a dead or hung holder can block the lock. Parts of a
    /// millisecond are cut off, since the server counts in milliseconds. With too short a ttl, the
    /// body is stopped before it is done; with too long a ttl, a crash blocks the job for longer
    /// than necessary.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidName`], or [`Error::InvalidArgument`] for a ttl outside
    /// [`MIN_TTL`](Self::MIN_TTL)`..=`[`MAX_TTL`](Self::MAX_TTL).
    pub fn new(name: impl AsRef<str>, ttl: Duration) -> Result<Self, Error> {
        Self::builder(name, ttl).build()
    }

    /// A builder for a lock on `name`, for at most `ttl`, with more terms to follow.
    pub fn builder(name: impl AsRef<str>, ttl: Duration) -> LockSpecBuilder {
        let terms = Terms {
            ttl: Some(ttl),
            renew: false,
            max_hold: None,
            min_hold: None,
            wait: None,
            permits: None,
            shared: false,
        };
        LockSpecBuilder::new(LockName::new(name), None, terms)
    }

    /// The lock with terms that were given elsewhere, by an attribute or a declaration.
    /// `label` is the name or the template there.
    pub(crate) fn with_terms(
        name: Result<LockName, Error>,
        label: &'static str,
        terms: Terms,
    ) -> Result<Self, Error> {
        LockSpecBuilder::new(name, Some(label), terms).build()
    }
}

/// A builder of a [`LockSpec`].
#[derive(Debug)]
#[must_use = "a builder does nothing until `build()`"]
pub struct LockSpecBuilder {
    name: Result<LockName, Error>,
    label: Result<Option<&'static str>, Error>,
    terms: Terms,
}

impl LockSpecBuilder {
    fn new(name: Result<LockName, Error>, label: Option<&'static str>, terms: Terms) -> Self {
        Self {
            name,
            label: Ok(label),
            terms,
        }
    }

    /// The label under which metrics and spans show the lock, and all others that are to be shown together:
    /// `invoice-{id}` for `invoice-1`, `invoice-2` and so on. 1 to 200 bytes without control characters. Default: the
    /// name, when an attribute or a declaration in this binary has just this name; else `(dynamic)`.
    ///
    /// The label has no part in the lock. A text of the source code, so that there are few: a metric keeps a row
    /// of numbers for each. See [`ObservedLock`](crate::observe::ObservedLock::label).
    pub fn label(mut self, label: &'static str) -> Self {
        self.label = check_label(label).map(Some);
        self
    }

    /// Whether the lease is renewed while it is held, so that a short ttl serves a long job. Default: no,
    /// the holder has until the ttl.
    ///
    /// The lease is renewed every third of its ttl, in the background. A lease that cannot be
    /// renewed, for any reason, is lost at its deadline. The ttl of a renewed lease is at least 30 ms, and
    /// should be some seconds in production: a shorter one is refused when the lock is acquired.
    pub fn renew(mut self, yes: bool) -> Self {
        self.terms.renew = yes;
        self
    }

    /// The longest that a renewed lease may be held in all, from its acquisition. Default: no limit.
    ///
    /// Without this limit, a body that hangs for ever holds its lock for ever.
    pub fn max_hold(mut self, limit: Duration) -> Self {
        self.terms.max_hold = Some(limit);
        self
    }

    /// The time for which the lock stays taken from its acquisition, by the server's clock, even when
    /// the lease is released earlier. Default: none.
    ///
    /// For a job of milliseconds that several hosts start together, on clocks that are a second apart:
    /// without a `min_hold`, the second host finds the lock free again. No process waits for the time
    /// to pass. The time applies to every release, after an error or a panic too.
    pub fn min_hold(mut self, time: Duration) -> Self {
        self.terms.min_hold = Some(time);
        self
    }

    /// A reader among readers: any number of shared leases are live at once, and no exclusive one
    /// beside them. Default: exclusive.
    ///
    /// Readers and writers take turns in the order in which they began to [wait](Self::wait): a reader
    /// that comes after a waiting writer does not overtake the writer. A writer that does not wait
    /// acquires the lock only when no reader holds it.
    ///
    /// Readers of one client with an equal ttl share one holder in the document, so that a thousand cost
    /// the server no more than one. A reader that leaves while others stay sends nothing.
    pub fn shared(mut self, yes: bool) -> Self {
        self.terms.shared = yes;
        self
    }

    /// The number of leases that may be live at once: at least 1, the default.
    ///
    /// All users of a name should agree on the permits. Where they do not, the strictest decides: no lease
    /// is granted that would make more leases live than the permits of any of them. An event reports the
    /// difference.
    pub fn permits(mut self, count: u32) -> Self {
        self.terms.permits = Some(count);
        self
    }

    /// The longest time to wait for a held lock: at least 1 ms, at most 366 days. Default: no waiting.
    ///
    /// The time applies to an annotated function and to
    /// [`acquire_all`](crate::LockClient::acquire_all).
    /// [`try_acquire`](crate::LockClient::try_acquire) never waits,
    /// [`acquire_within`](crate::LockClient::acquire_within) and
    /// [`acquire`](crate::LockClient::acquire) have their own limits.
    ///
    /// First come, first served, across processes and within one. A waiter that is cancelled makes
    /// room at once; one that dies, or is paused, delays the next by at most 5 s.
    ///
    /// The time counts on the local clock, a suspension of the machine included. An answer of MongoDB that
    /// is on its way at the end of the time is waited for, for at most the
    /// [operation time limit](crate::LockClientBuilder::operation_timeout).
    pub fn wait(mut self, time: Duration) -> Self {
        self.terms.wait = Some(time);
        self
    }

    /// Checks the name and the terms.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidName`], or [`Error::InvalidArgument`] for a bad label, for a time outside
    /// [`LockSpec::MIN_TTL`]`..=`[`LockSpec::MAX_TTL`], for a `max_hold` without `renew`, for a
    /// `min_hold` that is longer than the ttl, for no permits, and for permits of a shared lock.
    pub fn build(self) -> Result<LockSpec, Error> {
        let Self { name, label, terms } = self;
        let (name, label) = (name?, label?);
        if let Err(invalid) = terms.check() {
            return Err(invalid.into_error());
        }
        let ttl = terms.ttl.ok_or_else(|| Error::InvalidArgument {
            argument: "ttl",
            problem: format!("the lock `{name}` is declared without a ttl"),
        })?;
        let (mode, permits) = if terms.shared {
            (Mode::Shared, u32::MAX)
        } else {
            (Mode::Exclusive, terms.permits.unwrap_or(1))
        };
        Ok(LockSpec {
            name,
            label,
            ttl: whole_millis(ttl),
            renew: terms.renew,
            max_hold: terms.max_hold.map(whole_millis),
            min_hold: terms.min_hold.map(whole_millis),
            mode,
            permits,
            wait: terms.wait.map(whole_millis),
        })
    }
}

fn check_label(label: &'static str) -> Result<&'static str, Error> {
    const LONGEST: usize = 200;
    let problem = if label.is_empty() {
        "it is empty".to_owned()
    } else if label.chars().any(char::is_control) {
        "it has a control character".to_owned()
    } else if label.len() > LONGEST {
        format!(
            "it has {} bytes; at most {LONGEST} are allowed",
            label.len()
        )
    } else {
        return Ok(label);
    };
    Err(Error::InvalidArgument {
        argument: "label",
        problem,
    })
}

/// The time without its parts of a millisecond.
fn whole_millis(time: Duration) -> Duration {
    Duration::new(time.as_secs(), time.subsec_millis() * 1_000_000)
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
            (builder().permits(0), "no caller could ever"),
            (builder().shared(true).permits(0), "no caller could ever"),
            (builder().shared(true).permits(2), "either `shared` or"),
        ] {
            let error = builder.build().unwrap_err().to_string();
            assert!(error.contains(problem), "{error}");
        }
    }

    #[test]
    fn a_label_is_a_short_line() {
        let label = |label| LockSpec::builder("a", SECOND).label(label).build();
        assert_eq!(label("invoice-{id}").unwrap().label(), Some("invoice-{id}"));
        let long: &'static str = Box::leak("x".repeat(201).into_boxed_str());
        for (bad, problem) in [("", "empty"), ("a\nb", "control"), (long, "201 bytes")] {
            let error = label(bad).unwrap_err().to_string();
            assert!(
                error.starts_with("invalid label: ") && error.contains(problem),
                "{error}"
            );
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
