//! Settings for a new client, and the checks that come before it exists.

use std::{sync::Arc, time::Duration};

use mongodb::{Client, options::ClientOptions};
use tokio::{runtime::Handle, time::timeout};

use super::{
    inner::{ClientInner, Parts},
    lock_client::LockClient,
    owner,
};
use crate::{
    clock::Clock,
    error::Error,
    operation::Margin,
    registry,
    store::{MongoStore, Namespace, StartUp, Store},
};

const DEFAULT_DATABASE: &str = "mongo_lock";
const DEFAULT_COLLECTION: &str = "distributed_locks";
const DEFAULT_OPERATION_TIMEOUT: Duration = Duration::from_secs(5);
const LONGEST_OPERATION_TIMEOUT: Duration = Duration::from_secs(60 * 60);
const LONGEST_MARGIN: Duration = Duration::from_secs(60 * 60);

/// Builds a [`LockClient`]. Either [`uri`](Self::uri) or [`client`](Self::client) is needed; all
/// else has a default.
#[derive(Clone)]
#[must_use = "a builder does nothing until `build().await`"]
pub struct LockClientBuilder {
    source: Option<Source>,
    database: Option<String>,
    collection: String,
    owner: Option<String>,
    operation_timeout: Duration,
    margin: Margin,
    create_index: bool,
}

#[derive(Clone)]
enum Source {
    Client(Box<Client>),
    Uri(String),
}

impl Default for LockClientBuilder {
    fn default() -> Self {
        Self {
            source: None,
            database: None,
            collection: DEFAULT_COLLECTION.into(),
            owner: None,
            operation_timeout: DEFAULT_OPERATION_TIMEOUT,
            margin: Margin::Proportional,
            create_index: true,
        }
    }
}

impl LockClient {
    /// Connects to `uri` with default settings and checks that locks work there.
    ///
    /// The locks are kept in the URI's default database (`mongodb://host/database`), or in
    /// `mongo_lock` when it names none, in the collection `distributed_locks`.
    ///
    /// # Errors
    ///
    /// [`Error::LockConflict`] when two functions of this binary claim one lock,
    /// [`Error::InvalidArgument`] for a URI that is not one, and [`Error::StartUp`], with the reason
    /// and what to do, for a server that cannot be reached or cannot be used.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves nothing behind, save perhaps the TTL index.
    pub async fn connect(uri: impl AsRef<str>) -> Result<Self, Error> {
        Self::builder().uri(uri).build().await
    }

    /// Settings for a new client.
    pub fn builder() -> LockClientBuilder {
        LockClientBuilder::default()
    }

    /// A client whose locks are in memory, for unit tests: no server, and the time is tokio's, so
    /// that a test with a [paused clock](https://docs.rs/tokio/latest/tokio/time/fn.pause.html) decides when a lease ends.
    ///
    /// The semantics are those of MongoDB; one suite of tests runs against both. The locks are those of
    /// this client, its clones, and the clients that [`with_owner`](Self::with_owner) makes of it; another
    /// call of this function makes other locks.
    ///
    /// ```
    /// # use std::time::Duration;
    /// use mongo_lock_runtime::{LockClient, distributed_lock};
    ///
    /// #[distributed_lock(name = "nightly-report", ttl = "5m")]
    /// async fn nightly_report() -> anyhow::Result<u32> {
    ///     Ok(42)
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> anyhow::Result<()> {
    /// let client = LockClient::in_memory();
    /// let outcome = client.scope(nightly_report()).await?;
    /// assert_eq!(outcome.executed(), Some(42));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    #[must_use]
    pub fn in_memory() -> Self {
        Self(Arc::new(ClientInner::new(Parts {
            store: Arc::new(Store::in_memory()),
            owner: owner::default_label(),
            operation_timeout: DEFAULT_OPERATION_TIMEOUT,
            margin: Margin::Proportional,
            clock: Clock::tokio(),
            runtime: Handle::current(),
            #[cfg(feature = "__simulation")]
            process: None,
        })))
    }
}

impl LockClientBuilder {
    /// Connects to this address. Replaces an earlier [`client`](Self::client).
    ///
    /// Unless the URI says otherwise, the driver gives up finding a primary after the operation
    /// time limit instead of its usual 30 s, so that an error can name the fault of the
    /// connection.
    pub fn uri(mut self, uri: impl AsRef<str>) -> Self {
        self.source = Some(Source::Uri(uri.as_ref().to_owned()));
        self
    }

    /// Uses the connections of a client that the service has already. Replaces an earlier
    /// [`uri`](Self::uri).
    ///
    /// The client must have been made on the tokio runtime on which [`build`](Self::build) is called. The
    /// write concern, read preference and retry settings of the client do not matter for locks.
    pub fn client(mut self, client: Client) -> Self {
        self.source = Some(Source::Client(Box::new(client)));
        self
    }

    /// The database for the locks. Default: the one that the URI names, else `mongo_lock`.
    pub fn database(mut self, name: impl Into<String>) -> Self {
        self.database = Some(name.into());
        self
    }

    /// The collection for the locks. Default: `distributed_locks`.
    ///
    /// All instances of a service must agree on the collection. Documents of other kinds in it are left
    /// alone.
    pub fn collection(mut self, name: impl Into<String>) -> Self {
        self.collection = name.into();
        self
    }

    /// The owner label, which refused callers see as the holder of this client's locks: at most 200 bytes
    /// without control characters. Default: `host:pid`.
    ///
    /// The label is for people. Two processes with the same label still exclude each other.
    pub fn owner(mut self, label: impl Into<String>) -> Self {
        self.owner = Some(label.into());
        self
    }

    /// The longest that one call waits for MongoDB. Default: 5 s; at least 1 ms, at most 1 h.
    ///
    /// When the time is over, the call ends with [`Error::Timeout`], or with the error of its last attempt,
    /// whatever the driver is doing. With too short a limit, a change of primary (some seconds, usually)
    /// fails calls that a longer one would have saved; with too long a limit, a job waits that long before
    /// it says that MongoDB is down.
    pub fn operation_timeout(mut self, limit: Duration) -> Self {
        self.operation_timeout = limit;
        self
    }

    /// The safety margin: the time by which a lease ends earlier for its holder than on the server.
    /// Default: a fifth of the ttl, at most 1 s. At most 1 h.
    ///
    /// The margin covers what the holder's clock cannot see: a clock that runs at another rate than
    /// the server's, members of a replica set whose clocks disagree, across a change of primary, routers
    /// whose clocks disagree, and the time that a body takes from "stop" to being dropped. With a margin
    /// shorter than these together, a body can run on while another instance has the lock; with a longer
    /// one, that much of every ttl is of no use to its holder. A lock is refused when it is acquired, if
    /// the margin does not leave its ttl enough time.
    pub fn margin(mut self, margin: Duration) -> Self {
        self.margin = Margin::Fixed(margin);
        self
    }

    /// Whether [`build`](Self::build) creates the TTL index that collects the documents of locks that were
    /// not used for a day. Default: yes.
    ///
    /// Locks are correct without the index; the collection just keeps a document for every name ever used.
    /// The user needs the `createIndex` privilege, else the error says how to create it by hand.
    pub fn create_index(mut self, yes: bool) -> Self {
        self.create_index = yes;
        self
    }

    /// Connects, checks that locks work there, and gives the client.
    ///
    /// The client sends `hello` (and logs in), creates the TTL index unless told not to, and makes a dry
    /// run of the acquire command, which writes nothing.
    ///
    /// # Errors
    ///
    /// [`Error::LockConflict`] when two functions of this binary claim one lock;
    /// [`Error::InvalidArgument`] for a setting that is out of range and for a URI that is not one;
    /// [`Error::StartUp`], with the reason and what to do, for a server that cannot be reached or
    /// cannot be used.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves nothing behind, save perhaps the TTL index.
    pub async fn build(self) -> Result<LockClient, Error> {
        registry::check_locks_unique()?;
        let limit = check_limit(self.operation_timeout)?;
        let owner = match &self.owner {
            Some(label) => owner::check_label(label)?,
            None => owner::default_label(),
        };
        let margin = check_margin(self.margin)?;
        check_collection(&self.collection)?;
        let client = match self.source {
            Some(Source::Client(client)) => *client,
            Some(Source::Uri(uri)) => connect(&uri, limit).await?,
            None => {
                return Err(Error::InvalidArgument {
                    argument: "client settings",
                    problem: "neither `uri(…)` nor `client(…)` was given".into(),
                });
            }
        };
        let database = self
            .database
            .or_else(|| Some(client.default_database()?.name().to_owned()))
            .unwrap_or_else(|| DEFAULT_DATABASE.into());
        check_database(&database)?;
        let place = Namespace {
            database,
            collection: self.collection,
        };
        let todo = StartUp {
            create_index: self.create_index,
        };
        let store = start_up(MongoStore::new(&client, place, limit), todo, limit).await?;
        Ok(LockClient(Arc::new(ClientInner::new(Parts {
            store: Arc::new(Store::Mongo(store)),
            owner,
            operation_timeout: limit,
            margin,
            clock: Clock::system(),
            runtime: Handle::current(),
            #[cfg(feature = "__simulation")]
            process: None,
        }))))
    }
}

/// Runs the checks of a store, and gives the store back once they have passed.
async fn start_up(store: MongoStore, todo: StartUp, limit: Duration) -> Result<MongoStore, Error> {
    // A task of its own: the driver wants its commands polled to the end.
    let check = tokio::spawn(async move { store.start_up(todo).await.map(|()| store) });
    match timeout(limit, check).await {
        Ok(Ok(result)) => result,
        Ok(Err(stopped)) => Err(start_up_error(format!("its check was stopped: {stopped}"))),
        Err(_) => Err(start_up_error(format!(
            "no answer from MongoDB within {limit:?}; check the address, and that MongoDB is up \
             and has a primary"
        ))),
    }
}

async fn connect(uri: &str, limit: Duration) -> Result<Client, Error> {
    let invalid = |error: mongodb::error::Error| Error::InvalidArgument {
        argument: "uri",
        problem: redact(&error.to_string(), uri),
    };
    // Resolving an SRV record goes over the network.
    let parsed = timeout(limit, ClientOptions::parse(uri)).await;
    let Ok(parsed) = parsed else {
        return Err(start_up_error(format!(
            "the address was not resolved within {limit:?}"
        )));
    };
    let mut options = parsed.map_err(invalid)?;
    options.server_selection_timeout.get_or_insert(limit);
    options.connect_timeout.get_or_insert(limit);
    options.app_name.get_or_insert_with(|| "mongo-lock".into());
    Client::with_options(options).map_err(invalid)
}

fn start_up_error(problem: String) -> Error {
    Error::StartUp {
        problem,
        source: None,
    }
}

/// The driver's message about a URI, without any part of it that may be a secret.
///
/// Everything between the scheme and the last `@` is user name and password, also in a URI whose
/// password was not escaped and that therefore is not understood.
fn redact(message: &str, uri: &str) -> String {
    let after_scheme = uri.split_once("://").map_or(uri, |(_, rest)| rest);
    let Some((secret, _)) = after_scheme.rsplit_once('@') else {
        return message.to_owned();
    };
    let mut message = message.replace(secret, "…");
    let mut parts: Vec<&str> = secret.split([':', '@', '/', '?']).collect();
    parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
    for part in parts.into_iter().filter(|part| !part.is_empty()) {
        message = message.replace(part, "…");
    }
    message
}

fn check_limit(limit: Duration) -> Result<Duration, Error> {
    if (Duration::from_millis(1)..=LONGEST_OPERATION_TIMEOUT).contains(&limit) {
        return Ok(limit);
    }
    Err(Error::InvalidArgument {
        argument: "operation_timeout",
        problem: format!("{limit:?} is out of range; at least 1 ms and at most 1 h are allowed"),
    })
}

fn check_margin(margin: Margin) -> Result<Margin, Error> {
    match margin {
        Margin::Fixed(time) if time > LONGEST_MARGIN => Err(Error::InvalidArgument {
            argument: "margin",
            problem: format!("{time:?} is out of range; at most 1 h is allowed"),
        }),
        other => Ok(other),
    }
}

/// The server's rules for names, which it would otherwise explain at the first command.
/// <https://www.mongodb.com/docs/manual/reference/limits/#naming-restrictions>
fn check_collection(name: &str) -> Result<(), Error> {
    let ok = !name.is_empty()
        && name.len() <= 120
        && !name.starts_with("system.")
        && !name.starts_with('.')
        && !name.contains(['$', '\0']);
    ok.then_some(()).ok_or_else(|| Error::InvalidArgument {
        argument: "collection",
        problem: format!(
            "{name:?} cannot be one: 1 to 120 bytes without `$`, and not starting with `system.` \
             or `.`"
        ),
    })
}

fn check_database(name: &str) -> Result<(), Error> {
    let ok = (1..=63).contains(&name.len())
        && !name.contains([
            '/', '\\', '.', ' ', '"', '$', '*', '<', '>', ':', '|', '?', '\0',
        ]);
    ok.then_some(()).ok_or_else(|| Error::InvalidArgument {
        argument: "database",
        problem: format!("{name:?} cannot be one: 1 to 63 bytes without any of `/\\. \"$*<>:|?`"),
    })
}

#[cfg(test)]
mod tests {
    use super::redact;

    #[test]
    fn no_part_of_the_credentials_survives() {
        for uri in ["mongodb://bob:s3cr:et@h/db", "mongodb://bob:s3/c@r:et@h/db"] {
            let message = redact(
                &format!("cannot read {uri}: `s3cr` and `et@h` and bob"),
                uri,
            );
            for secret in ["bob", "s3", "et@"] {
                assert!(!message.contains(secret), "{message}");
            }
        }
    }
}
