//! The failure of one attempt.

use std::fmt;

/// Why an attempt failed.
#[derive(Debug)]
pub(crate) struct AttemptError {
    pub(crate) error: StoreError,
    /// Whether the command may have taken effect, or may still do so.
    pub(crate) effect_unknown: bool,
    /// Whether the same command may succeed a moment later.
    pub(crate) transient: bool,
}

#[derive(Debug)]
pub(crate) enum StoreError {
    Driver(mongodb::error::Error),
    /// What the server said in an otherwise successful reply.
    Other(String),
    /// What is wrong with the document.
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

impl AttemptError {
    pub(crate) fn is_transient(&self) -> bool {
        self.transient
    }

    /// Whether no repetition can succeed.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self.error, StoreError::NotALockDocument(_))
    }

    /// This failure with another error.
    pub(crate) fn with_error(&self, error: StoreError) -> Self {
        Self { error, ..*self }
    }

    /// The server closed a change stream.
    pub(crate) fn ended() -> Self {
        Self {
            error: StoreError::Other("the change stream was closed by the server".into()),
            effect_unknown: false,
            transient: true,
        }
    }

    /// Neither an answer nor an error came for so long that none will, on this connection.
    pub(crate) fn lost() -> Self {
        Self {
            error: StoreError::Other("the command was lost: neither answer nor error came".into()),
            effect_unknown: true,
            transient: true,
        }
    }
}
