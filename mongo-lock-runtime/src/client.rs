//! The client: configured once, shared by every lock of a process.

use std::{fmt, sync::Arc, time::Duration};

use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

use crate::{
    Acquisition, Error, LockClientBuilder, LockSpec, acquire::acquire, margin::Margin,
    store::MongoStore,
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
    pub(crate) store: MongoStore,
    pub(crate) owner: Arc<str>,
    pub(crate) operation_timeout: Duration,
    pub(crate) margin: Margin,
    /// Where commands run. Not the caller's runtime: that one may end, or stop polling, while a
    /// command is under way.
    pub(crate) runtime: Handle,
    /// Every command under way and every clean-up.
    pub(crate) tasks: TaskTracker,
}

impl LockClient {
    /// Connects to `uri` with default settings and checks that locks work there.
    ///
    /// The locks are kept in the URI's default database (`mongodb://host/database`), or in
    /// `mongo_lock` when it names none, in the collection `distributed_locks`.
    ///
    /// # Errors
    ///
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

    /// Acquires the lock if nobody holds it. One command, whatever the answer.
    ///
    /// This is what the attribute does before the body; use it where an attribute does not fit. A
    /// guard does not stop your code when its lease ends: see [`LockGuard`](crate::LockGuard).
    ///
    /// A lost connection or a change of primary is ridden out within the
    /// [operation time limit](LockClientBuilder::operation_timeout).
    ///
    /// # Errors
    ///
    /// [`Error::Timeout`] or [`Error::Database`] when MongoDB gives no answer or a bad one,
    /// [`Error::NotALockDocument`] when the document under this name is something else, and
    /// [`Error::LeaseLost`] when the answer took so long that the lease is over already. In each
    /// case a lease that was or may have been granted is released in the background.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: when the future is dropped before it is done, a lease that has been or will be
    /// granted to it is released in the background.
    pub async fn try_acquire(&self, spec: &LockSpec) -> Result<Acquisition, Error> {
        acquire(&self.0, spec).await
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
            .field("collection", &self.0.store.place().to_string())
            .field("owner", &self.0.owner)
            .field("operation_timeout", &self.0.operation_timeout)
            .finish_non_exhaustive()
    }
}
