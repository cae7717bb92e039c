//! The meaning of the driver's errors for a lock.

use mongodb::{
    bson::{Bson, Document},
    error::{Error, ErrorKind},
};

use super::super::failure::{
    AttemptError,
    Persistence::{self, Final, Transient, Unknown},
    StoreError,
};

/// Two first acquisitions of one name met in the upsert. The next attempt finds the document.
pub(super) const DUPLICATE_KEY: i32 = 11000;

/// The labels of an error that is worth another attempt, whatever its code.
const RETRYABLE_LABELS: [&str; 3] = [
    "RetryableWriteError",
    "RetryableError",
    "SystemOverloadedError",
];

/// The codes of errors that pass by themselves: the node is not, or no longer, the primary, is shutting
/// down, is busy, or lost the network. The first part is the list of the retryable-writes
/// specification, section "Determining Retryable Errors"; the names are those of the server's
/// `error_codes.yml`:
/// <https://github.com/mongodb/specifications/blob/master/source/retryable-writes/retryable-writes.md>,
/// <https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml>
const TRANSIENT: [i32; 36] = [
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
    24,    // LockTimeout
    43,    // CursorNotFound
    46,    // LockBusy
    50,    // MaxTimeMSExpired
    64,    // WriteConcernTimeout
    112,   // WriteConflict
    133,   // FailedToSatisfyReadPreference: a router finds no primary
    145,   // PooledConnectionsDropped
    150,   // StaleEpoch
    175,   // QueryPlanKilled
    202,   // NetworkInterfaceExceededTimeLimit
    203,   // ShardingStateNotInitialized
    208,   // TooManyLocks
    215,   // DatabaseDropPending
    216,   // ElectionInProgress
    234,   // RetryChangeStream
    237,   // CursorKilled
    249,   // StaleDbVersion
    290,   // TransactionExceededLifetimeLimitSeconds
    314,   // ObjectIsBusy
    11601, // Interrupted
    13388, // StaleConfig
    DUPLICATE_KEY,
];

/// The codes of errors that every further attempt meets as well: the server refuses the user, or the
/// command. `AtlasError` (8000) is none of them: it stands for limits of the service, too.
const FINAL: [i32; 20] = [
    2,     // BadValue
    9,     // FailedToParse
    11,    // UserNotFound
    13,    // Unauthorized
    14,    // TypeMismatch
    18,    // AuthenticationFailed
    20,    // IllegalOperation
    59,    // CommandNotFound
    72,    // InvalidOptions
    73,    // InvalidNamespace
    79,    // UnknownReplWriteConcern
    115,   // CommandNotSupported
    121,   // DocumentValidationFailure
    148,   // ReadConcernMajorityNotEnabled
    166,   // CommandNotSupportedOnView
    168,   // InvalidPipelineOperator
    241,   // ConversionFailure
    323,   // APIStrictError
    10334, // BSONObjectTooLarge
    40415, // an unknown field
];

/// The codes of errors that the server, or a router, gives before any effect: it refused the command,
/// or undid all of its changes to the one document. All other errors leave the effect open.
const NO_EFFECT: [i32; 14] = [
    9,   // FailedToParse
    11,  // UserNotFound
    13,  // Unauthorized
    18,  // AuthenticationFailed
    59,  // CommandNotFound
    72,  // InvalidOptions
    73,  // InvalidNamespace
    112, // WriteConflict
    115, // CommandNotSupported
    121, // DocumentValidationFailure
    166, // CommandNotSupportedOnView
    168, // InvalidPipelineOperator
    40415,
    DUPLICATE_KEY,
];

/// The codes of errors in the evaluation of the plain pipeline, which leave the document as it was: its own
/// way to say that it cannot decide, and what values of other types in an edited document lead to.
const UNDECIDED: [i32; 5] = [
    241,   // ConversionFailure: the plain pipeline's own
    14,    // TypeMismatch: `$add` of a value that is no number
    15,    // Overflow
    16554, // `$add` of a value that is no number, up to MongoDB 5.0
    28651, // `$filter` of a value that is no array
];

/// Whether the plain pipeline has left the decision to the longer one.
pub(super) fn is_undecided(error: &AttemptError) -> bool {
    code(error).is_some_and(|code| UNDECIDED.contains(&code))
}

/// Whether an upsert has found a document that its query does not match.
pub(super) fn is_duplicate_key(error: &AttemptError) -> bool {
    code(error) == Some(DUPLICATE_KEY)
}

/// The code of an error that the server gave for the command.
fn code(error: &AttemptError) -> Option<i32> {
    match &error.cause {
        StoreError::Driver(error) => match &*error.kind {
            ErrorKind::Command(command) => Some(command.code),
            _ => None,
        },
        _ => None,
    }
}

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

/// The places, in the command, of the statements that failed; `None` for one that the reply does not tell.
pub(super) fn failed_statements(reply: &Document) -> Vec<Option<usize>> {
    let errors = reply.get_array("writeErrors").into_iter().flatten();
    let index = |error: &Bson| error.as_document()?.get_i32("index").ok()?.try_into().ok();
    errors.map(index).collect()
}

/// As [`check`], but leaves [`write_error`] to the caller.
pub(super) fn check_but_writes(reply: Result<Document, Error>) -> Result<Document, AttemptError> {
    let reply = reply.map_err(from_driver)?;
    if let Ok(error) = reply.get_document("writeConcernError") {
        let (code, message) = code_and_message(error);
        let mut failure = from_code(
            code,
            StoreError::Other(format!(
                "applied, but not acknowledged by a majority: {message}"
            )),
        );
        // The write was applied, and may or may not survive.
        failure.effect_unknown = true;
        if has_retryable_label(&reply) {
            failure.persistence = Transient;
        }
        return Err(failure);
    }
    Ok(reply)
}

pub(super) fn from_driver(error: Error) -> AttemptError {
    let (persistence, effect_unknown) = match &*error.kind {
        ErrorKind::Command(command) => {
            let code = command.code;
            (of_code(code), !NO_EFFECT.contains(&code))
        }
        // Nothing was sent.
        ErrorKind::ServerSelection { .. } | ErrorKind::ConnectionPoolCleared { .. } => {
            (Transient, false)
        }
        ErrorKind::DnsResolve { .. } => (Unknown, false),
        ErrorKind::Authentication { .. }
        | ErrorKind::InvalidArgument { .. }
        | ErrorKind::InvalidTlsConfig { .. }
        | ErrorKind::IncompatibleServer { .. }
        | ErrorKind::SessionsNotSupported
        | ErrorKind::BsonSerialization(_)
        | ErrorKind::Shutdown => (Final, false),
        ErrorKind::Io(_) => (Transient, true),
        _ => (Unknown, true),
    };
    let retryable = |label: &&str| error.contains_label(*label);
    let persistence = if persistence != Final && RETRYABLE_LABELS.iter().any(retryable) {
        Transient
    } else {
        persistence
    };
    AttemptError {
        cause: StoreError::Driver(error),
        effect_unknown,
        persistence,
    }
}

fn from_code(code: i32, cause: StoreError) -> AttemptError {
    AttemptError {
        cause,
        effect_unknown: !NO_EFFECT.contains(&code),
        persistence: of_code(code),
    }
}

fn of_code(code: i32) -> Persistence {
    if TRANSIENT.contains(&code) {
        Transient
    } else if FINAL.contains(&code) {
        Final
    } else {
        Unknown
    }
}

fn has_retryable_label(reply: &Document) -> bool {
    let labels = reply.get_array("errorLabels").into_iter().flatten();
    let mut labels = labels.filter_map(Bson::as_str);
    labels.any(|label| RETRYABLE_LABELS.contains(&label))
}

fn code_and_message(error: &Document) -> (i32, String) {
    let code = error.get_i32("code").unwrap_or_default();
    let message = error.get_str("errmsg").unwrap_or("no message");
    (code, format!("{message} (code {code})"))
}

#[cfg(test)]
mod tests {
    use mongodb::bson::doc;

    use super::*;

    /// Whether the effect of an error with this code is open, and its persistence.
    fn of(code: i32) -> (bool, Persistence) {
        let failure = from_code(code, StoreError::Other(String::new()));
        (failure.effect_unknown, failure.persistence)
    }

    #[test]
    fn codes_that_pass_by_themselves() {
        for code in TRANSIENT {
            assert_eq!(of(code).1, Transient, "{code}");
        }
        for code in [50, 11601, 64, 112, 24, 46, 43, 202, 91, 189, 10107, 11602] {
            assert_eq!(of(code).1, Transient, "{code}");
        }
    }

    #[test]
    fn codes_that_stay() {
        for code in FINAL {
            assert!(!TRANSIENT.contains(&code), "{code}");
            assert_eq!(of(code).1, Final, "{code}");
        }
    }

    #[test]
    fn codes_without_a_rule_are_repeated_by_what_is_harmless() {
        for code in [0, 1, 8, 8000, 96, 40400] {
            assert_eq!(of(code), (true, Unknown), "{code}");
        }
    }

    #[test]
    fn an_effect_is_open_unless_the_command_was_refused() {
        for code in NO_EFFECT {
            assert!(!of(code).0, "{code}");
        }
        for code in [50, 64, 91, 189, 262, 10107, 11600, 11601, 11602, 0] {
            assert!(of(code).0, "{code}");
        }
    }

    #[test]
    fn a_write_error_counts_and_says_its_code() {
        let reply = doc! {
            "ok": 1,
            "n": 0,
            "writeErrors": [{ "index": 0, "code": 112, "errmsg": "conflict" }],
        };
        let failure = check(Ok(reply.clone())).unwrap_err();
        assert_eq!(failure.to_string(), "conflict (code 112)");
        assert!(failure.is_transient() && !failure.is_final());
        assert!(!failure.effect_unknown);
        assert!(check_but_writes(Ok(reply)).is_ok());
    }

    #[test]
    fn a_write_concern_error_leaves_the_effect_open_whatever_its_code() {
        for (code, persistence) in [
            (64, Transient),
            (91, Transient),
            (100, Unknown),
            (79, Final),
            (13, Final),
        ] {
            let reply = doc! {
                "ok": 1,
                "writeConcernError": { "code": code, "errmsg": "waiting for replication" },
            };
            let failure = check(Ok(reply)).unwrap_err();
            assert!(failure.effect_unknown, "{code}");
            assert_eq!(failure.persistence, persistence, "{code}");
            let says = "applied, but not acknowledged by a majority";
            assert!(failure.to_string().starts_with(says), "{failure}");
        }
    }

    #[test]
    fn a_label_makes_an_error_transient() {
        for label in RETRYABLE_LABELS {
            let reply = doc! {
                "ok": 1,
                "errorLabels": [label],
                "writeConcernError": { "code": 8, "errmsg": "unknown" },
            };
            assert!(check(Ok(reply)).unwrap_err().is_transient(), "{label}");
        }
    }

    #[test]
    fn errors_of_the_driver() {
        let io = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        let failure = from_driver(Error::from(io));
        assert!(failure.is_transient() && failure.effect_unknown);
        let custom = from_driver(Error::custom("of another kind"));
        assert_eq!(custom.persistence, Unknown);
        assert!(custom.effect_unknown);
    }

    #[tokio::test]
    async fn a_client_that_was_shut_down_is_final() {
        let options = mongodb::options::ClientOptions::builder();
        let client = mongodb::Client::with_options(options.build()).unwrap();
        let database = client.database("test");
        client.shutdown().await;
        let reply = database.run_command(doc! { "ping": 1 }).await;
        let failure = check(reply).unwrap_err();
        assert!(failure.is_final() && !failure.effect_unknown, "{failure:?}");
    }

    #[tokio::test]
    async fn a_server_that_cannot_be_reached_is_transient() {
        let options = mongodb::options::ClientOptions::builder()
            .hosts(vec![mongodb::options::ServerAddress::Tcp {
                host: "127.0.0.1".into(),
                port: Some(1),
            }])
            .server_selection_timeout(std::time::Duration::from_millis(50))
            .build();
        let client = mongodb::Client::with_options(options).unwrap();
        let database = client.database("test");
        let reply = database.run_command(doc! { "ping": 1 });
        let failure = check(reply.await).unwrap_err();
        assert!(failure.is_transient() && !failure.effect_unknown);
    }
}
