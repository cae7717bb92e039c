//! The guard: a lease in the hands of code that cannot use the attribute.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use tokio::time::{Instant, timeout};

use crate::{Error, LockName, Release, lease::Lease};

/// A lock that we hold, until [`release`](Self::release), drop, or the end of its lease.
///
/// **A guard cannot stop you.** When its lease ends, others may take the lock, whatever your code
/// is doing. Check [`time_left`](Self::time_left) before each step that must happen under the lock,
/// put the [`token`](Self::token) into what you write, or use the attribute, which stops the body
/// in time.
///
/// Dropping it releases the lock in the background, on the client's runtime. If that runtime is
/// gone, the lease ends with its ttl.
#[must_use = "dropping a guard releases the lock at once"]
pub struct LockGuard {
    lease: Lease,
}

impl LockGuard {
    pub(crate) fn new(lease: Lease) -> Self {
        Self { lease }
    }

    pub(crate) fn lease(&self) -> &Lease {
        &self.lease
    }

    /// The lock's name.
    #[must_use]
    pub fn name(&self) -> &LockName {
        self.lease.name()
    }

    /// The fencing token: larger than every token given out for this name before.
    ///
    /// Let whatever you write to remember the largest token it has seen, and refuse smaller ones: a
    /// holder that was paused beyond its lease then cannot overwrite its successor's work.
    #[must_use]
    pub fn token(&self) -> i64 {
        self.lease.token()
    }

    /// When the lease began, by the server's clock.
    #[must_use]
    pub fn acquired_at(&self) -> SystemTime {
        self.lease.acquired_at()
    }

    /// When the lease ends, by the server's clock. To decide whether there is still time, use
    /// [`time_left`](Self::time_left), which does not depend on this host's wall clock.
    #[must_use]
    pub fn expires_at(&self) -> SystemTime {
        self.lease.expires_at()
    }

    /// How long the lease can still be relied on: the ttl, counted on the local monotonic clock
    /// from before the request was sent, less the safety margin. Zero when it is over.
    #[must_use]
    pub fn time_left(&self) -> Duration {
        self.lease
            .deadline()
            .saturating_duration_since(Instant::now())
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
    pub async fn release(mut self) -> Result<Release, Error> {
        let limit = self.lease.operation_timeout();
        let done = self.lease.release();
        let lock = || self.name().to_string();
        match timeout(limit, done).await {
            Ok(Ok(Ok(release))) => Ok(release),
            Ok(Ok(Err(cause))) => Err(self.lease.error(cause)),
            Ok(Err(_)) => Err(Error::RuntimeGone { lock: lock() }),
            Err(_) => Err(Error::Timeout {
                lock: lock(),
                command: "release",
                limit,
            }),
        }
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
