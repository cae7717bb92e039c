//! Errors: their reasons, and the remedy for each.

mod loss;

use std::{fmt, time::Duration};

pub use self::loss::LossReason;

use crate::{
    name::{lock_name::LockName, rule::NameError},
    registered_lock::LockConflict,
};

/// The reason for which a lock could not be acquired, kept or released.
///
/// A lock that another caller holds is not an error: the call gives
/// [`Outcome::Skipped`](crate::Outcome::Skipped). No message contains a connection string.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is neither a task-scoped client nor a global one.
    #[error(
        "no lock client is configured: call `LockClient::connect(uri).await?.install_global()?` \
         once at start-up, or run the call inside `client.scope(…)`"
    )]
    NoClient,

    /// [`LockClient::install_global`](crate::LockClient::install_global) was called twice.
    #[error(
        "a global lock client is installed already, and it stays: install one per process, at \
         start-up; for tests, run each inside `client.scope(…)`"
    )]
    AlreadyInstalled,

    /// A lock name breaks the rule of [`LockName`](crate::LockName).
    #[error("invalid lock name {name:?}: {reason}")]
    InvalidName {
        /// The name, cut short.
        name: String,
        /// The rule that the name breaks.
        reason: NameError,
    },

    /// Two functions of this binary claim one lock, so they would exclude each other; the client was
    /// not built.
    ///
    /// Give one of them another name. If they exclude each other on purpose, say `reuse` in both
    /// attributes. [`assert_locks_unique`](crate::assert_locks_unique) finds the conflict in a test.
    #[error(
        "{}; rename one, or say `reuse` in both attributes if they share the lock on purpose",
        list(conflicts)
    )]
    LockConflict {
        /// The pairs of functions that conflict; of many functions with one name, each with the next.
        conflicts: Vec<LockConflict>,
    },

    /// A value is out of its range, or contradicts another one.
    #[error("invalid {argument}: {problem}")]
    InvalidArgument {
        /// The name of the argument.
        argument: &'static str,
        /// The fault of the value, and the valid values.
        problem: String,
    },

    /// The client was not built: the server cannot be reached or cannot be used.
    #[error("the lock client cannot start: {problem}")]
    StartUp {
        /// The check that failed, the remedy, and what the server or the driver said.
        problem: String,
        /// The driver's error, if there was one.
        #[source]
        source: Option<Box<mongodb::error::Error>>,
    },

    /// MongoDB did not answer within the client's
    /// [operation time limit](crate::LockClientBuilder::operation_timeout).
    ///
    /// An acquisition whose answer came too late is released in the background.
    #[error(
        "lock `{lock}`: no answer to {operation} within {limit:?}; is MongoDB reachable, and does it \
         have a primary?"
    )]
    Timeout {
        /// The lock's name.
        lock: LockName,
        /// The operation that failed.
        operation: Operation,
        /// The limit.
        limit: Duration,
    },

    /// MongoDB refused a command, or it was lost on the way.
    #[error("lock `{lock}`: {operation} failed: {problem}")]
    Database {
        /// The lock's name.
        lock: LockName,
        /// The operation that failed.
        operation: Operation,
        /// The message of the server or of the driver.
        problem: String,
        /// The driver's error, if there was one.
        #[source]
        source: Option<Box<mongodb::error::Error>>,
    },

    /// The document under the lock's name is not one that this library wrote, or was edited into
    /// something else. The document was left as it is.
    #[error(
        "lock `{lock}`: the document with that _id in `{namespace}` is not a lock document: \
         {problem}. It was left as it is. Delete or mend it, or use another collection"
    )]
    NotALockDocument {
        /// The lock's name.
        lock: LockName,
        /// `database.collection`.
        namespace: String,
        /// The field at fault, and its fault.
        problem: String,
    },

    /// The lease has ended. A body that ran under it was stopped: its future was dropped.
    #[error("lock `{lock}`: the lease with fencing token {token} ended after {held:?}: {reason}")]
    LeaseLost {
        /// The lock's name.
        lock: LockName,
        /// The lease's fencing token.
        token: i64,
        /// The time for which the lease was held, on this process's clock.
        held: Duration,
        /// The reason for the end.
        reason: LossReason,
    },

    /// The lock was granted, but the answer came when the time of the lease was over already. The body
    /// never ran, and the lease is released in the background.
    ///
    /// The server or the network was slow; a longer ttl leaves more room for that. The call is safe to
    /// repeat: [`is_retryable`](Self::is_retryable) is true.
    #[error(
        "lock `{lock}`: granted, but the answer came after {took:?}, when the ttl of {ttl:?}, less a \
         safety margin of {margin:?}, was over; the body never ran"
    )]
    GrantedTooLate {
        /// The lock's name.
        lock: LockName,
        /// The time from the request to its answer.
        took: Duration,
        /// The ttl.
        ttl: Duration,
        /// The margin.
        margin: Duration,
    },

    /// The client is shutting down, or has shut down: it acquires no lock any more.
    #[error("lock `{lock}`: the lock client has been shut down")]
    ShutDown {
        /// The lock's name.
        lock: LockName,
    },

    /// The task would wait for a lock that the task itself holds: in the body of an annotated function, or
    /// inside [`Lease::scope`](crate::Lease::scope). The lease may be that of another client of the same
    /// collection.
    #[error(
        "lock `{lock}`: this task holds it already, so to wait for it would never end; do the work \
         under the lease that it has, or do not wait"
    )]
    WouldDeadlock {
        /// The lock's name.
        lock: LockName,
    },

    /// The tokio runtime on which the client was built is gone, and the client with it. For clients in memory
    /// and on a [shared client](crate::LockClientBuilder::client) only.
    #[error(
        "lock `{lock}`: the tokio runtime on which the lock client was built has shut down; build \
         the client on a runtime that outlives its use"
    )]
    RuntimeGone {
        /// The lock's name.
        lock: LockName,
    },
}

/// The operation that an error is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// An acquisition.
    Acquire,
    /// A renewal by hand: [`Lease::extend`](crate::Lease::extend).
    Extend,
    /// A release.
    Release,
    /// A write of [`Fenced`](crate::Fenced).
    FencedWrite,
    /// A transaction: [`Lease::transaction`](crate::Lease::transaction).
    Transaction,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Acquire => "acquire",
            Self::Extend => "extend",
            Self::Release => "release",
            Self::FencedWrite => "fenced write",
            Self::Transaction => "transaction",
        })
    }
}

impl Error {
    /// Whether the lease ended while the body ran: the body was stopped at an await, and may have done
    /// a part of its work.
    ///
    /// For every other error of an annotated function's lock, the body never ran.
    #[must_use]
    pub const fn is_lease_lost(&self) -> bool {
        matches!(self, Self::LeaseLost { .. })
    }

    /// Whether the call is safe to repeat and may succeed then: the body never ran, and the reason may
    /// pass by itself ([`Timeout`](Self::Timeout), [`Database`](Self::Database),
    /// [`GrantedTooLate`](Self::GrantedTooLate)).
    ///
    /// For a fenced write and for [`Lease::extend`](crate::Lease::extend), the error does not say whether
    /// the write took effect.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::Timeout { .. } | Self::Database { .. } | Self::GrantedTooLate { .. }
        )
    }

    /// Whether there was no answer in time: MongoDB is out of reach, without a primary, or too slow.
    #[must_use]
    pub const fn is_timeout(&self) -> bool {
        matches!(self, Self::Timeout { .. })
    }

    /// Whether the client was shut down: the call was refused for that, or the body was stopped.
    #[must_use]
    pub const fn is_shutdown(&self) -> bool {
        matches!(
            self,
            Self::ShutDown { .. }
                | Self::LeaseLost {
                    reason: LossReason::ShutDown,
                    ..
                }
        )
    }

    /// The lock that the error is about. `None` for an error of the client itself, or of a name that is none.
    #[must_use]
    pub const fn lock(&self) -> Option<&LockName> {
        match self {
            Self::Timeout { lock, .. }
            | Self::Database { lock, .. }
            | Self::NotALockDocument { lock, .. }
            | Self::LeaseLost { lock, .. }
            | Self::GrantedTooLate { lock, .. }
            | Self::ShutDown { lock }
            | Self::WouldDeadlock { lock }
            | Self::RuntimeGone { lock } => Some(lock),
            _ => None,
        }
    }

    /// The error of a call whose task the end of its runtime dropped.
    pub(crate) fn runtime_gone(lock: &LockName) -> Self {
        Self::RuntimeGone { lock: lock.clone() }
    }
}

/// For functions that return `std::io::Result`: of the kind `TimedOut` or `Other`, with this error
/// inside.
impl From<Error> for std::io::Error {
    fn from(error: Error) -> Self {
        let kind = if matches!(error, Error::Timeout { .. }) {
            std::io::ErrorKind::TimedOut
        } else {
            std::io::ErrorKind::Other
        };
        Self::new(kind, error)
    }
}

/// For functions that return `mongodb::error::Result`: a custom error with the message, since the driver
/// prints no other value of a custom error.
impl From<Error> for mongodb::error::Error {
    fn from(error: Error) -> Self {
        Self::custom(error.to_string())
    }
}

/// For functions whose errors are texts: the message.
impl From<Error> for String {
    fn from(error: Error) -> Self {
        error.to_string()
    }
}

fn list(conflicts: &[LockConflict]) -> String {
    let conflicts: Vec<String> = conflicts.iter().map(ToString::to_string).collect();
    conflicts.join("; ")
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    fn timeout() -> Error {
        Error::Timeout {
            lock: LockName::new("report").unwrap(),
            operation: Operation::Acquire,
            limit: Duration::from_secs(1),
        }
    }

    #[test]
    fn an_error_says_its_kind_and_its_lock() {
        assert!(timeout().is_timeout() && !timeout().is_shutdown());
        assert_eq!(timeout().lock().unwrap().as_str(), "report");
        assert!(Error::NoClient.lock().is_none());
        let lock = LockName::new("report").unwrap();
        let lost = |reason| Error::LeaseLost {
            lock: lock.clone(),
            token: 7,
            held: Duration::ZERO,
            reason,
        };
        assert!(lost(LossReason::ShutDown).is_shutdown());
        assert!(!lost(LossReason::Gone).is_shutdown());
        assert!(Error::ShutDown { lock: lock.clone() }.is_shutdown());
    }

    /// For these types no user can write the conversion.
    #[test]
    fn errors_of_other_crates_can_hold_it() {
        let text = timeout().to_string();
        assert_eq!(String::from(timeout()), text);
        for (error, kind) in [
            (timeout(), io::ErrorKind::TimedOut),
            (Error::NoClient, io::ErrorKind::Other),
        ] {
            let (text, error) = (error.to_string(), io::Error::from(error));
            assert_eq!(error.kind(), kind);
            assert_eq!(error.to_string(), text);
            let inside = error.get_ref().and_then(|it| it.downcast_ref::<Error>());
            assert!(inside.is_some());
        }
        let error = mongodb::error::Error::from(timeout());
        assert_eq!(error.get_custom::<String>(), Some(&text));
        assert!(error.to_string().contains(&text), "{error}");
    }
}
