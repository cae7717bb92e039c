//! Settings for a new client, and the checks that come before it exists.

mod connect;
mod monitor;
mod observed;
mod redact;
mod settings;
mod source;
mod start_up;

use std::{sync::Arc, time::Duration};

use mongodb::{
    Client,
    options::{ClientOptions, ServerApi},
};

use self::{
    settings::{check_collection, check_database, check_limit, check_margin, check_timer},
    source::Source,
    start_up::start_up,
};
use super::{inner::ClientInner, lock_client::LockClient, owner, start};
use crate::{
    clock::Clock,
    error::Error,
    events::Observers,
    operation::{Context, Margin, Runtime},
    registry,
    store::{MongoStore, Namespace, StartUp, Store},
};

const DEFAULT_DATABASE: &str = "mongo_lock";
const DEFAULT_COLLECTION: &str = "distributed_locks";
const DEFAULT_OPERATION_TIMEOUT: Duration = Duration::from_secs(5);

/// Builds a [`LockClient`]. One of [`uri`](Self::uri), [`client_options`](Self::client_options) and
/// [`client`](Self::client) is needed, and the last one given counts; all else has a default.
///
/// | source | connections | what the service's other work can do to locks |
/// | --- | --- | --- |
/// | `uri`, `client_options` | of the lock client's own | nothing |
/// | `client` | those of the driver client that is given | use up its pool: then locks wait for a connection, and a renewed lease can be lost |
#[derive(Clone)]
#[must_use = "a builder does nothing until `build().await`"]
pub struct LockClientBuilder {
    source: Option<Source>,
    server_api: Option<ServerApi>,
    database: Option<String>,
    collection: String,
    owner: Option<String>,
    operation_timeout: Duration,
    margin: Margin,
    create_index: bool,
    observers: Observers,
}

impl Default for LockClientBuilder {
    fn default() -> Self {
        Self {
            source: None,
            server_api: None,
            database: None,
            collection: DEFAULT_COLLECTION.into(),
            owner: None,
            operation_timeout: DEFAULT_OPERATION_TIMEOUT,
            margin: Margin::Proportional,
            create_index: true,
            observers: Observers::default(),
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
    /// and what to do, for a server that cannot be reached or cannot be used, and for a process that cannot
    /// start another thread.
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
    /// [`LockClientBuilder::build_in_memory`] gives one with settings.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime, and on one without a timer.
    #[must_use]
    #[track_caller]
    pub fn in_memory() -> Self {
        let client = Self::builder().build_in_memory();
        client.expect("the default settings are good")
    }
}

impl LockClientBuilder {
    /// Connects to this address. Replaces another source.
    ///
    /// The connections are the library's own: neither the service's use of MongoDB nor code that blocks the
    /// service's threads holds up a renewal, a release or a wake-up. Per server, the client has at most
    ///
    /// - `maxPoolSize` connections of the URI, 10 by default, for acquisitions, and as many again for releases
    ///   and clean-ups, each opened when it is needed;
    /// - one for renewals, now and then another, while it holds leases that are renewed;
    /// - one for wake-ups while callers wait, for each collection of locks;
    /// - two by which the driver watches the server, with `serverMonitoringMode=poll` one.
    ///
    /// Commands go to the primary alone, and so all but the last kind exist there only (behind a load of
    /// routers, at any of the routers). Clients of one process with equal URIs and time limits have one set of
    /// connections between them, however many tenants they serve.
    ///
    /// A `mongodb+srv://` address needs the feature `dns-resolver`, which is among the default ones.
    ///
    /// Unless the URI says otherwise, the driver gives up finding a primary after nine tenths of the
    /// operation time limit instead of its usual 30 s, so that an error can name the fault of the
    /// connection, and does not repeat commands on an overloaded server by itself.
    pub fn uri(mut self, uri: impl AsRef<str>) -> Self {
        self.source = Some(Source::Uri(uri.as_ref().to_owned()));
        self
    }

    /// Connects with these options of the driver, for what no URI can say: credentials that are asked for
    /// by a callback, event handlers, a resolver. Replaces another source.
    ///
    /// The client has connections of its own, and what the options leave open is set as for
    /// [`uri`](Self::uri). The write concern, the read concern and the read preference of the options do
    /// not matter for locks.
    pub fn client_options(mut self, options: ClientOptions) -> Self {
        self.source = Some(Source::Options(Box::new(options)));
        self
    }

    /// Uses the connections of a client that the service has already. Replaces another source.
    ///
    /// The client must have been made on the tokio runtime on which [`build`](Self::build) is called, and the
    /// lock client lasts no longer than that runtime. The write concern, read preference and retry settings of
    /// the client do not matter for locks. Shared are its pool of connections, its monitors, its event handlers,
    /// its Stable API version and its limit for finding a primary.
    ///
    /// **Prefer [`uri`](Self::uri) for locks that are [renewed](crate::LockSpecBuilder::renew).** Deadlines,
    /// renewals and releases run on the library's own thread here too. But the connections, their sockets and
    /// the queue for them are the service's: a renewal waits
    ///
    /// - while all `maxPoolSize` connections of the client are in use, by slow queries of the service, say, or
    ///   by callers that wait for locks (one connection for each collection of locks);
    /// - while all threads of the service's runtime are blocked, or the one that was to hand out a connection.
    ///
    /// When that lasts for more than half of a ttl, the lease is lost: the body is stopped in time, and the
    /// caller gets [`Error::LeaseLost`].
    pub fn client(mut self, client: Client) -> Self {
        self.source = Some(Source::Client(Box::new(client)));
        self
    }

    /// Has every command state this version of MongoDB's
    /// [Stable API](https://www.mongodb.com/docs/manual/reference/stable-api/), as a server with
    /// `requireApiVersion` demands. Default: none; that of the options, with
    /// [`client_options`](Self::client_options).
    ///
    /// A driver client that was given with [`client`](Self::client) has its own, and both together are an
    /// error of [`build`](Self::build).
    ///
    /// ```no_run
    /// # use mongo_lock_runtime::{Error, LockClient};
    /// use mongo_lock_runtime::mongodb::options::{ServerApi, ServerApiVersion};
    ///
    /// # async fn example() -> Result<LockClient, Error> {
    /// LockClient::builder()
    ///     .uri("mongodb://localhost/jobs")
    ///     .server_api(ServerApi::builder().version(ServerApiVersion::V1).build())
    ///     .build()
    ///     .await
    /// # }
    /// ```
    pub fn server_api(mut self, api: ServerApi) -> Self {
        self.server_api = Some(api);
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
    /// MongoDB 4.4 is the oldest. The client sends `hello` (and logs in), reads the options and indexes of the
    /// collection as far as the user may, creates the TTL index unless told not to, and makes a dry run of
    /// the acquire command, which writes nothing. Where a validator or another unique index may refuse lock
    /// documents, it writes two documents in a transaction that it aborts; on a standalone server, which has
    /// none, it writes them and deletes them, if the user may. What passes by itself (a lost connection, a change
    /// of primary, an overload) is retried within the [operation time limit](Self::operation_timeout).
    ///
    /// # Errors
    ///
    /// [`Error::LockConflict`] when two functions of this binary claim one lock;
    /// [`Error::InvalidArgument`] for a setting that is out of range, for a URI that is not one, and for the
    /// databases `local`, `config` and `admin`; [`Error::StartUp`], with the reason and what to do, for a
    /// server that cannot be reached or cannot be used, a missing privilege, and a collection that can keep no
    /// locks: a view, a time-series or capped collection, one with a collation, with a validator that
    /// refuses lock documents, or with another unique index; and for a process that cannot start another
    /// thread.
    ///
    /// With [`uri`](Self::uri) and [`client_options`](Self::client_options), the future can be awaited on any
    /// executor.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves nothing behind, save perhaps the TTL index and, on a standalone server, the two
    /// documents, which the TTL index collects.
    pub async fn build(self) -> Result<LockClient, Error> {
        let shared = matches!(self.source, Some(Source::Client(_)));
        let runtime = start::runtime(shared)?;
        if shared {
            check_timer()?;
        }
        start::run(&runtime, self.build_on(runtime.clone())).await
    }

    async fn build_on(self, runtime: Runtime) -> Result<LockClient, Error> {
        registry::check_locks_unique()?;
        let limit = check_limit(self.operation_timeout)?;
        let owner = match &self.owner {
            Some(label) => owner::check_label(label)?,
            None => owner::default_label(),
        };
        let margin = check_margin(self.margin)?;
        check_collection(&self.collection)?;
        let source = self.source.ok_or_else(|| Error::InvalidArgument {
            argument: "client settings",
            problem: "none of `uri(…)`, `client_options(…)` and `client(…)` was given".into(),
        })?;
        let (connections, monitor) = source.open(self.server_api, limit).await?;
        let database = self
            .database
            .or_else(|| Some(connections.client().default_database()?.name().to_owned()))
            .unwrap_or_else(|| DEFAULT_DATABASE.into());
        check_database(&database)?;
        let place = Namespace {
            database,
            collection: self.collection,
        };
        let todo = StartUp {
            create_index: self.create_index,
        };
        let mut store = MongoStore::new(connections, place, limit);
        store.observers = self.observers.clone();
        let store = start_up(store, todo, limit, monitor.as_deref()).await?;
        let store = Store::Mongo(store);
        let mut context = Context::new(store, owner, limit, margin, Clock::system(), runtime);
        context.observers = self.observers;
        Ok(LockClient(Arc::new(ClientInner::new(context))))
    }
}
