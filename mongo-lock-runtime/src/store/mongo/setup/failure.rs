//! A start-up that failed: what is wrong, and what the driver said.

use std::fmt;

use mongodb::error::{Error as DriverError, ErrorKind};

use crate::{
    error::Error,
    store::failure::{AttemptError, StoreError},
};

/// The failure of one round of checks.
#[derive(Debug)]
pub(crate) struct StartUpFailure {
    problem: String,
    cause: Option<Box<AttemptError>>,
}

impl StartUpFailure {
    /// A set-up in which locks would not work, whatever the number of attempts.
    pub(in crate::store::mongo) fn new(problem: String) -> Self {
        Self {
            problem,
            cause: None,
        }
    }

    pub(super) fn caused(problem: String, cause: AttemptError) -> Self {
        Self {
            problem,
            cause: Some(Box::new(cause)),
        }
    }

    /// The cause, when another round may succeed.
    pub(crate) fn transient(&self) -> Option<&AttemptError> {
        let cause = self.cause.as_deref()?;
        // The driver has looked for a server for as long as it may.
        (cause.is_transient() && !self.is_unreachable()).then_some(cause)
    }

    /// Whether the driver found no primary.
    pub(crate) fn is_unreachable(&self) -> bool {
        let kind = self.driver_error().map(|error| &*error.kind);
        matches!(kind, Some(ErrorKind::ServerSelection { .. }))
    }

    pub(crate) fn into_error(self) -> Error {
        Error::StartUp {
            problem: self.to_string(),
            source: self.into_source().map(Box::new),
        }
    }

    pub(crate) fn into_source(self) -> Option<DriverError> {
        match self.cause?.cause {
            StoreError::Driver(error) => Some(error),
            _ => None,
        }
    }

    fn driver_error(&self) -> Option<&DriverError> {
        match &self.cause.as_ref()?.cause {
            StoreError::Driver(error) => Some(error),
            _ => None,
        }
    }
}

impl fmt::Display for StartUpFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem)?;
        match &self.cause {
            Some(cause) => write!(f, ": {cause}"),
            None => Ok(()),
        }
    }
}
