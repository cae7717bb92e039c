//! The client: configured once, shared by every lock of a process.

use std::{fmt, sync::Arc, time::Duration};

use super::{
    acquire::{try_acquire, wait},
    acquisition::Acquisition,
    guard::LockGuard,
    inner::ClientInner,
    owner,
};
use crate::{error::Error, spec::LockSpec};

/// Takes and releases locks in one MongoDB collection.
///
/// Build one at start-up, with [`LockClient::connect`] or [`LockClient::builder`], and install it
/// with [`install_global`](Self::install_global), where every annotated function finds it. Cloning
/// is cheap; clones are the same client.
///
/// A client can be used on any runtime and from any executor, whichever it was built on: its tasks run on a
/// thread of the library's own, one per process, named `mongo-lock`. So a client may live in a `static`
/// beside runtimes that come and go, as those of tests do. Two kinds of clients depend on the tokio runtime
/// on which they were built: those of [`LockClient::in_memory`], and those that
/// [share a client](crate::LockClientBuilder::client) of the service.
#[derive(Clone)]
pub struct LockClient(pub(crate) Arc<ClientInner>);

impl LockClient {
    /// A second client of the same locks, under another label, with leases of its own: another
    /// instance of the service, as far as the locks are concerned.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] for a label that is empty, has more than 200 bytes, or has control
    /// characters.
    pub fn with_owner(&self, label: impl AsRef<str>) -> Result<Self, Error> {
        let owner = owner::check_label(label.as_ref())?;
        Ok(Self(Arc::new(self.0.with_owner(owner))))
    }

    /// Acquires the lock, or is refused at once. A call never waits for a held lock, whatever the spec
    /// says. One command, whatever the answer, and none when this client itself holds the lock. (Where
    /// other callers wait for the lock, a second command finds out whether they still do: a caller that
    /// does not wait never overtakes one that does.)
    ///
    /// For code that no attribute fits. A guard does not stop your code when its lease ends: see
    /// [`LockGuard`](crate::LockGuard).
    ///
    /// The lease of a spec with [`renew`](crate::LockSpecBuilder::renew) is renewed in the background until
    /// the guard is released.
    ///
    /// A lost connection or a change of primary is ridden out within the
    /// [operation time limit](crate::LockClientBuilder::operation_timeout). When this client is still
    /// releasing the same lock, the call waits for that release, for at most half of that limit: a call
    /// right after a dropped guard is not refused because of that guard.
    ///
    /// # Errors
    ///
    /// [`Error::Timeout`] or [`Error::Database`] when MongoDB gives no answer or a bad one,
    /// [`Error::NotALockDocument`] when the document under this name is not a lock document,
    /// [`Error::InvalidArgument`] for a ttl that the safety margin leaves no time, and for a renewed lease
    /// with a ttl below 30 ms,
    /// [`Error::ShutDown`] after [`shutdown`](Self::shutdown), and [`Error::GrantedTooLate`] when the
    /// answer took so long that the lease is over already. In each case a lease that was or may have
    /// been granted is released in the background.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: when the future is dropped before it is done, a lease that has been or will be
    /// granted to it is released in the background.
    pub async fn try_acquire(&self, spec: &LockSpec) -> Result<Acquisition, Error> {
        try_acquire(&self.0, spec).await
    }

    /// Acquires the lock, or waits for at most `limit`, whatever the spec says, and then is refused. First
    /// come, first served, across processes and within one. A limit of zero is a
    /// [`try_acquire`](Self::try_acquire).
    ///
    /// An answer of MongoDB that is on its way at the end of the limit is waited for, for at most the
    /// [operation time limit](crate::LockClientBuilder::operation_timeout).
    ///
    /// # Errors
    ///
    /// As [`try_acquire`](Self::try_acquire), and [`Error::WouldDeadlock`] for a task that would wait for a
    /// lock under which the task itself runs.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe, as [`try_acquire`](Self::try_acquire); the place in the queue is given up.
    pub async fn acquire_within(
        &self,
        spec: &LockSpec,
        limit: Duration,
    ) -> Result<Acquisition, Error> {
        if limit.is_zero() {
            return try_acquire(&self.0, spec).await;
        }
        wait(&self.0, spec, Some(limit)).await
    }

    /// Acquires the lock, and waits without a limit, whatever the spec says. First come, first served,
    /// across processes and within one.
    ///
    /// # Errors
    ///
    /// As [`acquire_within`](Self::acquire_within). MongoDB may be out of reach for up to the
    /// [operation time limit](crate::LockClientBuilder::operation_timeout) before the waiting ends with an
    /// error.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe, as [`acquire_within`](Self::acquire_within).
    pub async fn acquire(&self, spec: &LockSpec) -> Result<LockGuard, Error> {
        match wait(&self.0, spec, None).await? {
            Acquisition::Acquired(guard) => Ok(guard),
            // A caller without a time limit is never refused.
            Acquisition::Skipped(_) => Err(Error::runtime_gone(spec.name())),
        }
    }

    /// The owner label, under which refused callers see this client's leases. By default `host:pid`.
    #[must_use]
    pub fn owner(&self) -> &str {
        &self.0.context.owner
    }
}

impl fmt::Debug for LockClient {
    /// Shows the place of the locks, and never a credential.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockClient")
            .field("collection", &self.0.context.store.place())
            .field("owner", &self.0.context.owner)
            .field("operation_timeout", &self.0.context.operation_timeout)
            .finish_non_exhaustive()
    }
}
