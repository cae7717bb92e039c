//! The meaning of the driver's errors for a lock.

use mongodb::{
    bson::{Bson, Document},
    error::{Error, ErrorKind},
};

use super::{
    super::failure::{
        AttemptError,
        Persistence::{Final, Transient, Unknown},
        StoreError,
    },
    codes,
    labels::Labels,
};

/// Whether the plain pipeline has left the decision to the longer one.
pub(super) fn is_undecided(error: &AttemptError) -> bool {
    code(error).is_some_and(codes::is_undecided)
}

/// Whether an upsert has found a document that its query does not match.
pub(super) fn is_duplicate_key(error: &AttemptError) -> bool {
    code(error) == Some(codes::DUPLICATE_KEY)
}

/// The code of an error that the server gave for the command.
pub(super) fn code(error: &AttemptError) -> Option<i32> {
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
            let mut failure = from_code(code, StoreError::Other(message));
            // The labels are those of the whole reply, so they say nothing of the effect of this statement.
            label(&mut failure, Labels::of_reply(reply));
            Some(failure)
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
        label(&mut failure, Labels::of_reply(&reply));
        return Err(failure);
    }
    Ok(reply)
}

pub(super) fn from_driver(error: Error) -> AttemptError {
    let (persistence, effect_unknown) = match &*error.kind {
        ErrorKind::Command(command) => {
            let code = command.code;
            (codes::persistence(code), !codes::is_without_effect(code))
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
    let labels = Labels::of_error(&error);
    let mut failure = AttemptError {
        cause: StoreError::Driver(error),
        effect_unknown: effect_unknown && !labels.no_effect,
        persistence,
        overload: None,
    };
    label(&mut failure, labels);
    failure
}

fn from_code(code: i32, cause: StoreError) -> AttemptError {
    AttemptError {
        cause,
        effect_unknown: !codes::is_without_effect(code),
        persistence: codes::persistence(code),
        overload: None,
    }
}

/// Takes over what the labels say of further attempts.
fn label(failure: &mut AttemptError, labels: Labels) {
    if labels.retryable && failure.persistence != Final {
        failure.persistence = Transient;
    }
    failure.overload = labels.overload;
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
        for label in [
            "RetryableWriteError",
            "RetryableError",
            "SystemOverloadedError",
        ] {
            let reply = doc! {
                "ok": 1,
                "errorLabels": [label],
                "writeConcernError": { "code": 8, "errmsg": "unknown" },
            };
            let failure = check(Ok(reply)).unwrap_err();
            assert!(failure.is_transient(), "{label}");
            assert!(failure.effect_unknown, "it was applied: {label}");
            let overloaded = label == "SystemOverloadedError";
            assert_eq!(failure.overload.is_some(), overloaded, "{label}");
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
