//! The failure of one attempt.

#![cfg_attr(
    not(feature = "__simulation"),
    allow(
        unreachable_pub,
        reason = "the feature `__simulation` exports these items"
    )
)]

use std::{fmt, time::Duration};

/// The failure of one attempt, and what the failure leaves open.
#[derive(Debug, Clone)]
pub struct AttemptError {
    pub(crate) cause: StoreError,
    /// Whether the command may have taken effect, or may still do so. `false` only where the server,
    /// or the driver, refused the command before any effect.
    pub(crate) effect_unknown: bool,
    pub(super) persistence: Persistence,
    /// For an answer of an overloaded server: the base of the pauses before further attempts.
    pub(crate) overload: Option<Duration>,
}

/// Whether another attempt may succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Persistence {
    /// The failure passes by itself: an equal command may succeed a moment later.
    Transient,
    /// No rule is known for the failure. An operation that is harmless to repeat, such as a release,
    /// should be repeated.
    Unknown,
    /// Every further attempt fails as well, until an operator or the program changes something.
    Final,
}

/// The cause of a failure.
#[derive(Debug, Clone)]
pub enum StoreError {
    /// An error of the driver, or of the server.
    Driver(mongodb::error::Error),
    /// An error inside of an otherwise successful reply.
    Other(String),
    /// The problem with a document that is not a lock document.
    NotALockDocument(String),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Not the error's own text, which goes on with a dump of the server's reply.
            Self::Driver(error) => error.kind.fmt(f),
            Self::Other(message) => f.write_str(message),
            Self::NotALockDocument(problem) => write!(f, "not a lock document: {problem}"),
        }
    }
}

impl fmt::Display for AttemptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)
    }
}

impl AttemptError {
    /// A failure with this text.
    pub fn new(message: impl Into<String>, persistence: Persistence, effect_unknown: bool) -> Self {
        Self {
            cause: StoreError::Other(message.into()),
            effect_unknown,
            persistence,
            overload: None,
        }
    }

    /// Whether the command may have taken effect, or may still do so.
    #[cfg(feature = "__simulation")]
    #[must_use]
    pub fn is_effect_unknown(&self) -> bool {
        self.effect_unknown
    }

    /// Whether an equal command may succeed a moment later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.persistence == Persistence::Transient
    }

    /// Whether every further attempt fails as well.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.persistence == Persistence::Final
    }

    /// The same failure, where it is known to pass by itself.
    pub(super) fn into_transient(mut self) -> Self {
        self.persistence = Persistence::Transient;
        self
    }

    /// The same failure, where it is known to stay.
    pub(super) fn into_final(mut self) -> Self {
        self.persistence = Persistence::Final;
        self
    }

    /// The document is not a lock document, and was left as it is.
    pub(super) fn malformed(problem: String) -> Self {
        Self {
            cause: StoreError::NotALockDocument(problem),
            effect_unknown: false,
            persistence: Persistence::Final,
            overload: None,
        }
    }

    /// The server closed a cursor.
    pub(crate) fn ended() -> Self {
        let message = "the cursor was closed by the server";
        Self::new(message, Persistence::Transient, false)
    }

    /// Neither a reply nor an error came for so long that none will, on this connection.
    pub(crate) fn lost() -> Self {
        let message = "the command was lost: neither answer nor error came";
        Self::new(message, Persistence::Transient, true)
    }
}
