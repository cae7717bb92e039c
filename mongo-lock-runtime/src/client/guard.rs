//! The guard: a lease in the hands of code that cannot use the attribute.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use crate::{
    error::Error,
    lease::{Lease, OwnedLease},
    name::LockName,
    outcome::Release,
};

/// A lock that we hold, until [`release`](Self::release), drop, or the end of its lease.
///
/// **A guard cannot stop you.** When its lease ends, others may take the lock, whatever your code
/// is doing. Check [`time_left`](Self::time_left) before each step that must happen under the lock,
/// put the [`token`](Self::token) into what you write, or use the attribute, which stops the body
/// in time. [`Lease::lost`] waits for its end.
///
/// Dropping it releases the lock in the background, on the client's runtime. If that runtime is
/// gone, the lease ends with its ttl.
#[must_use = "dropping a guard releases the lock at once"]
pub struct LockGuard {
    lease: OwnedLease,
}

impl LockGuard {
    pub(crate) fn new(lease: OwnedLease) -> Self {
        Self { lease }
    }

    /// The lease: to ask whether it still lasts, to extend it, to wait for its end, to hand to other
    /// tasks.
    #[must_use]
    pub fn lease(&self) -> &Lease {
        &self.lease
    }

    /// The lock's name.
    #[must_use]
    pub fn name(&self) -> &LockName {
        self.lease.name()
    }

    /// The fencing token: larger than every token given out for this name before. See
    /// [`Lease::token`].
    #[must_use]
    pub fn token(&self) -> i64 {
        self.lease.token()
    }

    /// When the lease began, by the server's clock.
    #[must_use]
    pub fn acquired_at(&self) -> SystemTime {
        self.lease.acquired_at()
    }

    /// When the lease ends if it is not renewed or extended, by the server's clock: as it was
    /// granted. To decide whether there is still time, use
    /// [`time_left`](Self::time_left), which does not depend on this host's wall clock.
    #[must_use]
    pub fn expires_at(&self) -> SystemTime {
        self.lease.grant().expires_at
    }

    /// How long the lease can still be relied on, if it is not renewed. Zero when it has ended. See
    /// [`Lease`].
    #[must_use]
    pub fn time_left(&self) -> Duration {
        self.lease.time_left()
    }

    /// Releases the lock and says what came of it. One command.
    ///
    /// # Errors
    ///
    /// [`Error::Timeout`] when MongoDB does not answer within the operation time limit, or
    /// [`Error::Database`] when it refuses. The release goes on in the background in the first case;
    /// in both the lease ends with its ttl at the latest.
    ///
    /// # Cancel safety
    ///
    /// Once polled, the release happens, also when the future is dropped; dropped before, the guard
    /// is dropped with it, which releases too.
    pub async fn release(self) -> Result<Release, Error> {
        self.lease.release().await
    }
}

impl LockGuard {
    /// Starts the release, which goes on by itself.
    pub(super) fn start_release(self) -> impl Future<Output = Result<Release, Error>> + Send {
        self.lease.start_release()
    }
}

impl fmt::Debug for LockGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockGuard")
            .field("name", self.name())
            .field("token", &self.token())
            .field("time_left", &self.time_left())
            .finish_non_exhaustive()
    }
}
