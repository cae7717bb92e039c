//! What an error of the driver means for a lock.

use mongodb::{
    bson::{Bson, Document},
    error::{Error, ErrorKind},
};

use super::super::{AttemptError, StoreError};

const DUPLICATE_KEY: i32 = 11000;

/// The server's own list of "try again": the node is not, or no longer, the primary, is shutting
/// down, or lost the network. From the retryable-writes specification, section "Determining
/// Retryable Errors":
/// <https://github.com/mongodb/specifications/blob/master/source/retryable-writes/retryable-writes.md>
const RETRYABLE: [i32; 14] = [
    6,     // HostUnreachable
    7,     // HostNotFound
    89,    // NetworkTimeout
    91,    // ShutdownInProgress
    134,   // ReadConcernMajorityNotAvailableYet
    189,   // PrimarySteppedDown
    262,   // ExceededTimeLimit
    9001,  // SocketException
    10107, // NotWritablePrimary
    11600, // InterruptedAtShutdown
    11602, // InterruptedDueToReplStateChange
    13435, // NotPrimaryNoSecondaryOk
    13436, // NotPrimaryOrSecondary
    // Two first acquisitions of one name met in the upsert. The next attempt finds the document.
    DUPLICATE_KEY,
];

/// The server, or a router, refused before it did anything. Of all other errors, nobody knows.
const NO_EFFECT: [i32; 4] = [
    13,  // Unauthorized
    18,  // AuthenticationFailed
    121, // DocumentValidationFailure
    DUPLICATE_KEY,
];

/// A reply with `ok: 1` may still carry a write error or a write-concern error, which
/// `run_command` hands on unread.
pub(super) fn check(reply: Result<Document, Error>) -> Result<Document, AttemptError> {
    let reply = check_but_writes(reply)?;
    write_error(&reply).map_or(Ok(reply), Err)
}

/// The first of the write errors in a reply.
pub(super) fn write_error(reply: &Document) -> Option<AttemptError> {
    match reply.get_array("writeErrors").map(Vec::as_slice) {
        Ok([Bson::Document(error), ..]) => {
            let (code, message) = code_and_message(error);
            Some(from_code(code, StoreError::Other(message)))
        }
        _ => None,
    }
}

/// As [`check`], but leaves [`write_error`] to the caller.
pub(super) fn check_but_writes(reply: Result<Document, Error>) -> Result<Document, AttemptError> {
    let reply = reply.map_err(from_driver)?;
    if let Ok(error) = reply.get_document("writeConcernError") {
        let (code, message) = code_and_message(error);
        return Err(AttemptError {
            // The write was applied, and may or may not survive.
            effect_unknown: true,
            ..from_code(
                code,
                StoreError::Other(format!(
                    "applied, but not acknowledged by a majority: {message}"
                )),
            )
        });
    }
    Ok(reply)
}

pub(super) fn from_driver(error: Error) -> AttemptError {
    let (transient, effect_unknown) = match &*error.kind {
        ErrorKind::Command(command) => return from_code(command.code, StoreError::Driver(error)),
        // Nothing was sent.
        ErrorKind::ServerSelection { .. } | ErrorKind::ConnectionPoolCleared { .. } => {
            (true, false)
        }
        ErrorKind::Authentication { .. }
        | ErrorKind::InvalidArgument { .. }
        | ErrorKind::DnsResolve { .. }
        | ErrorKind::InvalidTlsConfig { .. }
        | ErrorKind::IncompatibleServer { .. }
        | ErrorKind::Shutdown => (false, false),
        ErrorKind::Io(_) => (true, true),
        _ => (false, true),
    };
    AttemptError {
        error: StoreError::Driver(error),
        effect_unknown,
        transient,
    }
}

fn from_code(code: i32, error: StoreError) -> AttemptError {
    AttemptError {
        error,
        effect_unknown: !NO_EFFECT.contains(&code),
        transient: RETRYABLE.contains(&code),
    }
}

fn code_and_message(error: &Document) -> (i32, String) {
    let code = error.get_i32("code").unwrap_or_default();
    let message = error.get_str("errmsg").unwrap_or("no message");
    (code, format!("{message} (code {code})"))
}
