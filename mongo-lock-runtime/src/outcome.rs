//! What came of a call: executed or skipped.

use std::{
    fmt,
    process::{ExitCode, Termination},
    time::SystemTime,
};

use mongodb::bson::DateTime;

use crate::{client::LockGuard, name::LockName};

/// What came of an annotated function's call.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a skipped call did not run the body; match on the outcome, or say `let _ =`"]
pub enum Outcome<T> {
    /// This instance held the lock and ran the body, which gave this value.
    Executed(T),
    /// Somebody else held the lock. The body did not run.
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

    /// Why the call was skipped, or `None` when the body ran.
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

    /// Whether somebody else held the lock.
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
}

/// So that an annotated function can be `main` or a test: a skipped call is a success, since the job
/// is being done elsewhere. The event `skipped` says who does it.
impl<T: Termination> Termination for Outcome<T> {
    fn report(self) -> ExitCode {
        match self {
            Self::Executed(value) => value.report(),
            Self::Skipped(_) => ExitCode::SUCCESS,
        }
    }
}

/// What came of [`LockClient::try_acquire`](crate::LockClient::try_acquire), or, with a
/// [`LockSet`](crate::LockSet), of [`LockClient::acquire_all`](crate::LockClient::acquire_all).
#[derive(Debug)]
#[must_use = "dropping an acquired guard releases the lock at once"]
pub enum Acquisition<G = LockGuard> {
    /// The lock is ours until the guard is released or its lease ends.
    Acquired(G),
    /// Somebody else holds it.
    Skipped(Skipped),
}

impl<G> Acquisition<G> {
    /// The guard, or `None` when somebody else holds the lock.
    #[must_use]
    pub fn acquired(self) -> Option<G> {
        match self {
            Self::Acquired(guard) => Some(guard),
            Self::Skipped(_) => None,
        }
    }

    /// Who holds the lock, or `None` when we do.
    #[must_use]
    pub fn skipped(self) -> Option<Skipped> {
        match self {
            Self::Acquired(_) => None,
            Self::Skipped(skipped) => Some(skipped),
        }
    }
}

/// What came of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Release {
    /// The lease was there, and is no more: the lock is free, or will be when
    /// [`min_hold`](crate::LockSpecBuilder::min_hold) is over.
    Freed,
    /// The lease was gone already: it had expired and the lock had passed on, or the document had
    /// been deleted. Nothing was changed.
    AlreadyGone,
}

impl Release {
    pub(crate) const fn of(freed: bool) -> Self {
        if freed {
            Self::Freed
        } else {
            Self::AlreadyGone
        }
    }
}

/// Why a call was skipped: who holds the lock, since when, and until when at the longest.
///
/// It is what the server knew at the moment of the refusal. All times are the server's.
///
/// Its `Display` is a sentence part for a person: `held by web-3:4711 until 02:05:00Z`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Skipped {
    /// The lock that was asked for.
    pub name: LockName,
    /// The owner label of the process that holds it, by default `host:pid`.
    pub holder: String,
    /// When the holder acquired it, by the server's clock.
    pub since: SystemTime,
    /// When its lease ends unless it is renewed or released, by the server's clock.
    pub until: SystemTime,
    /// The holder's fencing token.
    pub token: i64,
    /// The lock was free, and this is who is next in line for it: `since` is when it began to wait,
    /// `until` how long its place is kept if it is not heard of, and `token` the last one given out.
    pub waiting: bool,
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.waiting {
            return write!(
                f,
                "about to be held by {}, which is next in line",
                self.holder
            );
        }
        write!(f, "held by {} until ", self.holder)?;
        let (since, until) = (utc(self.since), utc(self.until));
        match (since.split_once('T'), until.split_once('T')) {
            // A lease that ends on the day it began needs no date.
            (Some((began, _)), Some((ends, time))) if began == ends => f.write_str(time),
            _ => f.write_str(&until),
        }
    }
}

/// RFC 3339 to the second, rounded up: whoever reads "until" and waits for it must not be early.
fn utc(time: SystemTime) -> String {
    let millis = DateTime::from_system_time(time).timestamp_millis();
    let seconds = millis.div_euclid(1000) + i64::from(millis.rem_euclid(1000) > 0);
    DateTime::from_millis(seconds.saturating_mul(1000))
        .try_to_rfc3339_string()
        .unwrap_or_else(|_| format!("{seconds} s since 1970"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn skipped(ttl_ms: u64) -> Skipped {
        // 2026-01-02T02:00:00Z
        let since = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_319_200);
        Skipped {
            name: LockName::new("nightly-report").unwrap(),
            holder: "web-3:4711".into(),
            since,
            until: since + Duration::from_millis(ttl_ms),
            token: 7,
            waiting: false,
        }
    }

    #[test]
    fn a_skip_reads_as_a_sentence() {
        assert_eq!(
            skipped(300_000).to_string(),
            "held by web-3:4711 until 02:05:00Z"
        );
        assert_eq!(skipped(1).to_string(), "held by web-3:4711 until 02:00:01Z");
        let next = Skipped {
            waiting: true,
            ..skipped(1)
        };
        let told = "about to be held by web-3:4711, which is next in line";
        assert_eq!(next.to_string(), told);
        let days = skipped(3 * 86_400_000).to_string();
        assert_eq!(days, "held by web-3:4711 until 2026-01-05T02:00:00Z");
    }
}
