//! The client: configured once, shared by every lock of a process.

use std::{fmt, sync::Arc, time::Duration};

use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

use crate::{
    Acquisition, Error, LockClientBuilder, LockGuard, LockSpec,
    acquire::{acquire, wait},
    builder,
    line::Lines,
    live::Live,
    margin::Margin,
    owner,
    store::Store,
    turns::Turns,
};

/// Takes and releases locks in one MongoDB collection.
///
/// Build one at start-up, with [`LockClient::connect`] or [`LockClient::builder`], and install it
/// with [`install_global`](Self::install_global), where every annotated function finds it. Cloning
/// is cheap; clones are the same client.
///
/// The client works on the tokio runtime on which it was built: that runtime must outlive its use.
#[derive(Clone)]
pub struct LockClient(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) store: Arc<Store>,
    pub(crate) owner: Arc<str>,
    pub(crate) operation_timeout: Duration,
    pub(crate) margin: Margin,
    /// Where commands run. Not the caller's runtime: that one may end, or stop polling, while a
    /// command is under way.
    pub(crate) runtime: Handle,
    /// Every command under way and every clean-up.
    pub(crate) tasks: TaskTracker,
    /// Every lease that is not over.
    pub(crate) live: Arc<Live>,
    /// Every caller that waits.
    pub(crate) lines: Arc<Lines>,
    pub(crate) turns: Arc<Turns>,
}

impl Inner {
    /// Runs `task` to its end, whatever becomes of the caller. On a runtime that has shut down, the
    /// task is dropped at once.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn_on(task, &self.runtime);
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
    /// The semantics are those of MongoDB; one suite of tests runs against both. The locks exclude
    /// its own clones and those that [`with_owner`](Self::with_owner) makes of it, and nobody else.
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
        Self(Arc::new(Inner {
            store: Arc::new(Store::in_memory()),
            owner: owner::default_label(),
            operation_timeout: builder::DEFAULT_OPERATION_TIMEOUT,
            margin: Margin::Proportional,
            runtime: Handle::current(),
            tasks: TaskTracker::new(),
            live: Arc::default(),
            lines: Arc::default(),
            turns: Arc::default(),
        }))
    }

    /// Another client of the same locks, under another label, with leases of its own: a second
    /// instance of the service, as far as the locks are concerned.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] for a label that is empty, has more than 200 bytes, or has control
    /// characters.
    pub fn with_owner(&self, label: impl AsRef<str>) -> Result<Self, Error> {
        Ok(Self(Arc::new(Inner {
            store: Arc::clone(&self.0.store),
            owner: owner::check_label(label.as_ref())?,
            operation_timeout: self.0.operation_timeout,
            margin: self.0.margin,
            runtime: self.0.runtime.clone(),
            tasks: TaskTracker::new(),
            live: Arc::default(),
            lines: Arc::default(),
            turns: Arc::default(),
        })))
    }

    /// Acquires the lock, and waits for it as long as its spec says, by default
    /// [not at all](crate::LockSpecBuilder::wait). Without waiting, it is one command, whatever the
    /// answer, and none when this client itself holds the lock. (A second one finds out, where others
    /// wait for the lock, whether they still do: whoever does not wait never overtakes one who does.)
    ///
    /// This is what the attribute does before the body; use it where an attribute does not fit. A
    /// guard does not stop your code when its lease ends: see [`LockGuard`](crate::LockGuard).
    ///
    /// A spec with [`renew`](crate::LockSpecBuilder::renew) is renewed in the background until the
    /// guard is released.
    ///
    /// A lost connection or a change of primary is ridden out within the
    /// [operation time limit](LockClientBuilder::operation_timeout).
    ///
    /// # Errors
    ///
    /// [`Error::Timeout`] or [`Error::Database`] when MongoDB gives no answer or a bad one,
    /// [`Error::NotALockDocument`] when the document under this name is something else,
    /// [`Error::InvalidArgument`] for a ttl that the safety margin leaves no time,
    /// [`Error::ShutDown`] after [`shutdown`](Self::shutdown), [`Error::WouldDeadlock`] for a task
    /// that waits for a lock which it holds, and [`Error::LeaseLost`] when the answer took so long
    /// that the lease is over already. In each case a lease that was or may have been granted is
    /// released in the background.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: when the future is dropped before it is done, a lease that has been or will be
    /// granted to it is released in the background, and its place in line is given up.
    pub async fn try_acquire(&self, spec: &LockSpec) -> Result<Acquisition, Error> {
        acquire(&self.0, spec).await
    }

    /// Acquires the lock, and waits for it as long as it takes, whatever the spec says. First come,
    /// first served, across processes and within one.
    ///
    /// # Errors
    ///
    /// As [`try_acquire`](Self::try_acquire). MongoDB may be out of reach for up to the
    /// [operation time limit](LockClientBuilder::operation_timeout) before the waiting ends with an
    /// error.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe, as [`try_acquire`](Self::try_acquire).
    pub async fn acquire(&self, spec: &LockSpec) -> Result<LockGuard, Error> {
        match wait(&self.0, spec, None).await? {
            Acquisition::Acquired(guard) => Ok(guard),
            // Nobody is sent away who has no time limit.
            Acquisition::Skipped(_) => Err(Error::gone(spec.name())),
        }
    }

    /// The label under which others see this client's leases, by default `host:pid`.
    #[must_use]
    pub fn owner(&self) -> &str {
        &self.0.owner
    }
}

impl fmt::Debug for LockClient {
    /// Says where the locks are; never how to log in there.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockClient")
            .field("collection", &self.0.store.place())
            .field("owner", &self.0.owner)
            .field("operation_timeout", &self.0.operation_timeout)
            .finish_non_exhaustive()
    }
}
