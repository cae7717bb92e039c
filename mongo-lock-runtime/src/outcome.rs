//! The outcomes of calls and releases: executed or skipped, freed or gone.

mod skipped;

use std::process::{ExitCode, Termination};

pub use self::skipped::{Holder, Reservation, SkipReason, Skipped};

/// The outcome of an annotated function's call.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a skipped call did not run the body; match on the outcome, or say `let _ =`"]
pub enum Outcome<T> {
    /// This instance held the lock and ran the body, which gave this value.
    Executed(T),
    /// The lock was held, or reserved for a caller that waits. The body did not run.
    Skipped(Skipped),
}

impl<T> Outcome<T> {
    /// The body's value, or `None` when the call was skipped.
    #[must_use]
    pub fn executed(self) -> Option<T> {
        match self {
            Self::Executed(value) => Some(value),
            Self::Skipped(_) => None,
        }
    }

    /// The reason for which the call was skipped, or `None` when the body ran.
    #[must_use]
    pub fn skipped(self) -> Option<Skipped> {
        match self {
            Self::Executed(_) => None,
            Self::Skipped(skipped) => Some(skipped),
        }
    }

    /// Whether the body ran.
    #[must_use]
    pub const fn is_executed(&self) -> bool {
        matches!(self, Self::Executed(_))
    }

    /// Whether the body did not run.
    #[must_use]
    pub const fn is_skipped(&self) -> bool {
        matches!(self, Self::Skipped(_))
    }

    /// The outcome with another value in place of the body's.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Outcome<U> {
        match self {
            Self::Executed(value) => Outcome::Executed(f(value)),
            Self::Skipped(skipped) => Outcome::Skipped(skipped),
        }
    }

    /// The outcome of `f` with the body's value: of another guarded call, say. A skipped outcome stays as it
    /// is.
    pub fn and_then<U>(self, f: impl FnOnce(T) -> Outcome<U>) -> Outcome<U> {
        match self {
            Self::Executed(value) => f(value),
            Self::Skipped(skipped) => Outcome::Skipped(skipped),
        }
    }

    /// The outcome with a reference to the body's value. Clones what is known of a skipped call.
    pub fn as_ref(&self) -> Outcome<&T> {
        match self {
            Self::Executed(value) => Outcome::Executed(value),
            Self::Skipped(skipped) => Outcome::Skipped(skipped.clone()),
        }
    }

    /// The body's value, or `default` when the call was skipped.
    ///
    /// ```
    /// # use mongo_lock_runtime::Outcome;
    /// # fn sent() -> Outcome<u32> { Outcome::Executed(3) }
    /// let mails_sent_here = sent().unwrap_or(0);
    /// # assert_eq!(mails_sent_here, 3);
    /// ```
    #[must_use]
    pub fn unwrap_or(self, default: T) -> T {
        match self {
            Self::Executed(value) => value,
            Self::Skipped(_) => default,
        }
    }

    /// The body's value, or that of `f` when the call was skipped.
    #[must_use]
    pub fn unwrap_or_else(self, f: impl FnOnce(Skipped) -> T) -> T {
        match self {
            Self::Executed(value) => value,
            Self::Skipped(skipped) => f(skipped),
        }
    }

    /// The body's value, or the default of its type when the call was skipped.
    #[must_use]
    pub fn unwrap_or_default(self) -> T
    where
        T: Default,
    {
        self.unwrap_or_else(|_| T::default())
    }

    /// The body's value, or `error` when the call was skipped: for callers to which a skip is a failure.
    ///
    /// # Errors
    ///
    /// `error`, for a skipped call.
    pub fn ok_or<E>(self, error: E) -> Result<T, E> {
        self.ok_or_else(|_| error)
    }

    /// The body's value, or the error that `f` makes of the reason when the call was skipped.
    ///
    /// ```
    /// # use mongo_lock_runtime::Outcome;
    /// # fn report() -> Outcome<u32> { Outcome::Executed(3) }
    /// # fn run() -> Result<(), String> {
    /// let pages = report().ok_or_else(|skipped| format!("no report: {skipped}"))?;
    /// # assert_eq!(pages, 3);
    /// # Ok(())
    /// # }
    /// # run().unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// That of `f`, for a skipped call.
    pub fn ok_or_else<E>(self, f: impl FnOnce(Skipped) -> E) -> Result<T, E> {
        match self {
            Self::Executed(value) => Ok(value),
            Self::Skipped(skipped) => Err(f(skipped)),
        }
    }
}

/// An annotated function can be `main` or a test: a skipped call is a success, since the job is being
/// done elsewhere. The event `skipped` names the holder.
impl<T: Termination> Termination for Outcome<T> {
    fn report(self) -> ExitCode {
        match self {
            Self::Executed(value) => value.report(),
            Self::Skipped(_) => ExitCode::SUCCESS,
        }
    }
}

/// The outcome of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Release {
    /// The lease was live, and has ended: the lock is free but for others that share it, or will be when
    /// [`min_hold`](crate::LockSpecBuilder::min_hold) is over.
    Freed,
    /// The lease was gone already: it had expired and the lock had passed on, or the document had
    /// been deleted. Nothing was changed.
    AlreadyGone,
}

impl Release {
    pub(crate) fn of(freed: bool) -> Self {
        if freed {
            Self::Freed
        } else {
            Self::AlreadyGone
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::name::LockName;

    fn held() -> Skipped {
        let now = SystemTime::UNIX_EPOCH;
        let holder = Holder {
            owner: "web-3:4711".into(),
            since: now,
            until: now,
            token: 7,
            is_this_client: false,
        };
        Skipped::held(LockName::new("report").unwrap(), holder)
    }

    #[test]
    fn an_outcome_gives_its_value_or_says_why_there_is_none() {
        let executed = Outcome::Executed(3);
        assert_eq!(
            executed.as_ref().map(|value| value + 1),
            Outcome::Executed(4)
        );
        assert_eq!(
            executed
                .clone()
                .and_then(|_| Outcome::Executed("a"))
                .unwrap_or("b"),
            "a"
        );
        assert_eq!(executed.clone().unwrap_or_default(), 3);
        assert_eq!(executed.ok_or("skipped"), Ok(3));

        let skipped = Outcome::<u8>::Skipped(held());
        assert!(skipped.clone().and_then(Outcome::Executed).is_skipped());
        assert!(skipped.as_ref().is_skipped());
        assert_eq!(skipped.clone().unwrap_or(5), 5);
        assert_eq!(skipped.clone().unwrap_or_default(), 0);
        let token = |skipped: Skipped| skipped.token();
        assert_eq!(skipped.clone().map(i64::from).unwrap_or_else(token), 7);
        assert_eq!(skipped.clone().ok_or("skipped"), Err("skipped"));
        assert_eq!(skipped.ok_or_else(token), Err(7));
    }
}
