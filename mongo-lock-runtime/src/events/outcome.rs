//! The ends of acquisitions and runs, as events tell them.

use std::time::Duration;

use crate::{error::Error, outcome::Skipped};

/// The end of an acquisition.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum AcquisitionOutcome {
    /// The caller has the lock.
    #[non_exhaustive]
    Acquired {
        /// The fencing token of the lease.
        token: i64,
        /// The ttl of the lease.
        ttl: Duration,
    },
    /// The lock was held, or reserved for a caller that waits.
    Skipped(Skipped),
    /// The caller got an error, and no lock.
    #[non_exhaustive]
    Failed {
        /// The kind of the error.
        kind: AcquisitionFailure,
        /// The message of the error.
        error: String,
    },
    /// The caller dropped the future of the call.
    Cancelled,
}

impl AcquisitionOutcome {
    /// The outcome as one word: `acquired`, `skipped`, `failed` or `cancelled`.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Acquired { .. } => "acquired",
            Self::Skipped(_) => "skipped",
            Self::Failed { .. } => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// The kind of an acquisition's error: the variants of [`Error`] that an acquisition can give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AcquisitionFailure {
    /// [`Error::Timeout`].
    Timeout,
    /// [`Error::Database`].
    Database,
    /// [`Error::NotALockDocument`].
    NotALockDocument,
    /// [`Error::InvalidArgument`].
    InvalidArgument,
    /// [`Error::GrantedTooLate`].
    GrantedTooLate,
    /// [`Error::WouldDeadlock`].
    WouldDeadlock,
    /// [`Error::ShutDown`].
    ShutDown,
    /// [`Error::RuntimeGone`].
    RuntimeGone,
    /// Another error.
    Other,
}

impl AcquisitionFailure {
    /// All kinds.
    #[cfg_attr(not(feature = "metrics"), allow(dead_code))]
    pub(crate) const ALL: [Self; 9] = [
        Self::Timeout,
        Self::Database,
        Self::NotALockDocument,
        Self::InvalidArgument,
        Self::GrantedTooLate,
        Self::WouldDeadlock,
        Self::ShutDown,
        Self::RuntimeGone,
        Self::Other,
    ];

    /// The kind in snake case: `timeout`, `not_a_lock_document`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Database => "database",
            Self::NotALockDocument => "not_a_lock_document",
            Self::InvalidArgument => "invalid_argument",
            Self::GrantedTooLate => "granted_too_late",
            Self::WouldDeadlock => "would_deadlock",
            Self::ShutDown => "shut_down",
            Self::RuntimeGone => "runtime_gone",
            Self::Other => "other",
        }
    }

    pub(crate) const fn of(error: &Error) -> Self {
        match error {
            Error::Timeout { .. } => Self::Timeout,
            Error::Database { .. } => Self::Database,
            Error::NotALockDocument { .. } => Self::NotALockDocument,
            Error::InvalidArgument { .. } => Self::InvalidArgument,
            Error::GrantedTooLate { .. } => Self::GrantedTooLate,
            Error::WouldDeadlock { .. } => Self::WouldDeadlock,
            Error::ShutDown { .. } => Self::ShutDown,
            Error::RuntimeGone { .. } => Self::RuntimeGone,
            _ => Self::Other,
        }
    }
}

/// The end of a run: of a body, or of a caller's work under a guard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RunOutcome {
    /// The body gave its value, and no `Err`; or the guard was given up while its lease was live.
    Succeeded,
    /// The body gave an `Err`.
    Failed,
    /// The lease ended first: the body was stopped, or the guard had no lease any more.
    Lost,
    /// The caller dropped the future of the call, and the body with it.
    Cancelled,
    /// The body panicked, or the guard was dropped by a panic.
    Panicked,
}

impl RunOutcome {
    /// All outcomes.
    #[cfg_attr(not(feature = "metrics"), allow(dead_code))]
    pub(crate) const ALL: [Self; 5] = [
        Self::Succeeded,
        Self::Failed,
        Self::Lost,
        Self::Cancelled,
        Self::Panicked,
    ];

    /// The outcome as one word: `succeeded`, `failed`, `lost`, `cancelled` or `panicked`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Lost => "lost",
            Self::Cancelled => "cancelled",
            Self::Panicked => "panicked",
        }
    }
}
