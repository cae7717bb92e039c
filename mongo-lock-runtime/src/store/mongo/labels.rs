//! The labels of errors, by which the server and the driver say what an error means for the client.
//! A label counts more than the error's code.

use std::time::Duration;

use mongodb::{
    bson::{Bson, Document},
    error::{
        Error, ErrorKind, NO_WRITES_PERFORMED, RETRYABLE_ERROR, RETRYABLE_WRITE_ERROR,
        SYSTEM_OVERLOADED_ERROR,
    },
};

/// The base of the pauses where an overloaded server gives none of its own, by the client backpressure
/// specification:
/// <https://github.com/mongodb/specifications/blob/master/source/client-backpressure/client-backpressure.md>
const BASE_BACKOFF: Duration = Duration::from_millis(100);

/// The meaning of the labels of one error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Labels {
    /// Whether another attempt is worth its while, whatever the code.
    pub(super) retryable: bool,
    /// Whether nothing was written. The server says `RetryableError` only where any command, an increment
    /// among them, may be repeated as it is; the driver, where a connection failed before it was used.
    pub(super) no_effect: bool,
    /// For an answer of an overloaded server: the base of the pauses before further attempts.
    pub(super) overload: Option<Duration>,
}

impl Labels {
    pub(super) fn of_error(error: &Error) -> Self {
        // The driver calls every connection that fails early an overload. A pause as after any other error
        // will do for these: most of them come from a node that is down.
        let (replied, base) = match &*error.kind {
            ErrorKind::Command(command) => (true, command.base_backoff),
            _ => (false, None),
        };
        Self::new(replied, base, |label| error.contains_label(label))
    }

    /// Of an error inside of a reply with `ok: 1`.
    pub(super) fn of_reply(reply: &Document) -> Self {
        let labels = reply.get_array("errorLabels").map(Vec::as_slice);
        let labels = labels.unwrap_or_default();
        let ms = match reply.get("baseBackoffMS") {
            Some(Bson::Int32(ms)) => u64::try_from(*ms).ok(),
            Some(Bson::Int64(ms)) => u64::try_from(*ms).ok(),
            _ => None,
        };
        Self::new(true, ms.map(Duration::from_millis), |label| {
            labels.iter().any(|found| found.as_str() == Some(label))
        })
    }

    fn new(replied: bool, base: Option<Duration>, has: impl Fn(&str) -> bool) -> Self {
        let overloaded = has(SYSTEM_OVERLOADED_ERROR);
        let base = base.filter(|base| !base.is_zero());
        Self {
            retryable: overloaded || has(RETRYABLE_ERROR) || has(RETRYABLE_WRITE_ERROR),
            no_effect: has(NO_WRITES_PERFORMED) || has(RETRYABLE_ERROR),
            overload: (replied && overloaded).then(|| base.unwrap_or(BASE_BACKOFF)),
        }
    }
}

#[cfg(test)]
mod tests {
    use mongodb::bson::doc;

    use super::*;

    fn of(labels: &[&str]) -> Labels {
        Labels::of_reply(&doc! { "ok": 1, "errorLabels": labels })
    }

    #[test]
    fn each_label_says_something_of_its_own() {
        let none = Labels {
            retryable: false,
            no_effect: false,
            overload: None,
        };
        let retryable = Labels {
            retryable: true,
            ..none
        };
        let no_effect = Labels {
            no_effect: true,
            ..none
        };
        assert_eq!(of(&["HandshakeError"]), none);
        assert_eq!(of(&[RETRYABLE_WRITE_ERROR]), retryable);
        assert_eq!(of(&[NO_WRITES_PERFORMED]), no_effect);
        let safe = of(&[RETRYABLE_ERROR]);
        assert!(safe.retryable && safe.no_effect && safe.overload.is_none());
        // The command may have been carried out before the server was overloaded.
        let overloaded = of(&[SYSTEM_OVERLOADED_ERROR]);
        assert!(overloaded.retryable && !overloaded.no_effect);
        assert_eq!(overloaded.overload, Some(BASE_BACKOFF));
    }

    #[test]
    fn the_server_may_give_the_base_of_the_pauses() {
        for (given, base) in [
            (Bson::Int32(250), 250),
            (Bson::Int64(7), 7),
            (Bson::Int32(0), 100),
            (Bson::Int32(-1), 100),
            (Bson::Null, 100),
        ] {
            let labels = Labels::of_reply(&doc! {
                "errorLabels": [SYSTEM_OVERLOADED_ERROR],
                "baseBackoffMS": given,
            });
            assert_eq!(labels.overload, Some(Duration::from_millis(base)));
        }
    }
}
