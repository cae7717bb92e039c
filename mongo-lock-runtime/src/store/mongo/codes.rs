//! The meaning of the server's error codes for a lock.

use super::super::failure::Persistence::{self, Final, Transient, Unknown};

/// Two first acquisitions of one name met in the upsert. The next attempt finds the document.
pub(super) const DUPLICATE_KEY: i32 = 11000;

/// The codes of errors that pass by themselves: the node is not, or no longer, the primary, is shutting
/// down, is busy, or lost the network. The first part is the list of the retryable-writes
/// specification, section "Determining Retryable Errors"; the names are those of the server's
/// `error_codes.yml`:
/// <https://github.com/mongodb/specifications/blob/master/source/retryable-writes/retryable-writes.md>,
/// <https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml>
const TRANSIENT: [i32; 37] = [
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
    462,   // IngressRequestRateLimitExceeded
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
const NO_EFFECT: [i32; 15] = [
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
    462, // IngressRequestRateLimitExceeded
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

/// Whether an error with this code says that the plain pipeline cannot decide.
pub(super) fn is_undecided(code: i32) -> bool {
    UNDECIDED.contains(&code)
}

/// Whether an equal command may succeed after an error with this code.
pub(super) fn persistence(code: i32) -> Persistence {
    if TRANSIENT.contains(&code) {
        Transient
    } else if FINAL.contains(&code) {
        Final
    } else {
        Unknown
    }
}

/// Whether an error with this code says that the command had no effect.
pub(super) fn is_without_effect(code: i32) -> bool {
    NO_EFFECT.contains(&code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_that_pass_by_themselves() {
        for code in TRANSIENT {
            assert_eq!(persistence(code), Transient, "{code}");
        }
        for code in [
            50, 11601, 64, 112, 24, 46, 43, 202, 91, 189, 10107, 11602, 462,
        ] {
            assert_eq!(persistence(code), Transient, "{code}");
        }
    }

    #[test]
    fn codes_that_stay() {
        for code in FINAL {
            assert!(!TRANSIENT.contains(&code), "{code}");
            assert_eq!(persistence(code), Final, "{code}");
        }
    }

    #[test]
    fn codes_without_a_rule_are_repeated_by_what_is_harmless() {
        for code in [0, 1, 8, 8000, 96, 40400] {
            assert_eq!(persistence(code), Unknown, "{code}");
            assert!(!is_without_effect(code), "{code}");
        }
    }

    #[test]
    fn an_effect_is_open_unless_the_command_was_refused() {
        for code in NO_EFFECT {
            assert!(is_without_effect(code), "{code}");
        }
        for code in [50, 64, 91, 189, 262, 10107, 11600, 11601, 11602, 0] {
            assert!(!is_without_effect(code), "{code}");
        }
    }
}
