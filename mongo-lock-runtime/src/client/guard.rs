//! The guard: a lease in the hands of code that cannot use the attribute.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use crate::{
    error::Error,
    events::RunOutcome,
    lease::{Lease, OwnedLease},
    name::LockName,
    outcome::Release,
};

/// A held lock, until [`release`](Self::release), drop, or the end of its lease.
///
/// **A guard cannot stop you.** When its lease ends, others may take the lock, whatever your code
/// is doing. Check [`time_left`](Self::time_left) before each step that must happen under the lock,
/// put the [`token`](Self::token) into what you write, or use the attribute, which stops the body
/// in time. [`Lease::lost`] waits for the end of the lease.
///
/// Dropping a guard releases the lock in the background, also where there is no runtime. A call of the same
/// client for the same lock, right after the drop, waits for that release and is not refused because of it.
#[must_use = "dropping a guard releases the lock at once"]
pub struct LockGuard {
    lease: OwnedLease,
}

impl LockGuard {
    pub(crate) fn new(lease: OwnedLease) -> Self {
        Self { lease }
    }

    /// The lease, which says whether it still lasts, can be extended, and can be handed to other tasks.
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

    /// The time at which the lease began, by the server's clock.
    #[must_use]
    pub fn acquired_at(&self) -> SystemTime {
        self.lease.acquired_at()
    }

    /// The end of the lease as it was granted, by the server's clock; a renewal or an extension is not in
    /// it. To decide whether there is still time, use [`time_left`](Self::time_left), which does not
    /// depend on this host's wall clock.
    #[must_use]
    pub fn expires_at(&self) -> SystemTime {
        self.lease.grant().expires_at
    }

    /// The time for which the lease can still be relied on, unless it is renewed. Zero after its end. See
    /// [`Lease`].
    #[must_use]
    pub fn time_left(&self) -> Duration {
        self.lease.time_left()
    }

    /// Releases the lock and gives the outcome. One command.
    ///
    /// # Errors
    ///
    /// [`Error::Timeout`] or [`Error::Database`] when the lock could not be released within the operation
    /// time limit. Unless the error is final, as a refused log-in is, the release is repeated in the
    /// background until the lease has ended by itself, with its ttl at the latest.
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
    /// Keeps the end of the run under the lease, to be reported at the release.
    pub(super) fn set_outcome(&mut self, outcome: RunOutcome) {
        self.lease.set_outcome(outcome);
    }

    /// Starts the release, which goes on in a task.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{client::LockClient, lease::Local, spec::LockSpec};

    /// Before any task runs: a unit test of a user may have no await between a drop and the next look.
    #[tokio::test]
    async fn a_drop_frees_a_lock_in_memory_at_once() {
        let client = LockClient::in_memory();
        let spec = LockSpec::new("a", Duration::from_secs(60)).unwrap();
        let guard = client.try_acquire(&spec).await.unwrap().acquired().unwrap();
        assert!(matches!(client.0.leases.local(spec.name()), Local::Held(_)));
        drop(guard);
        assert!(matches!(client.0.leases.local(spec.name()), Local::Unknown));
    }
}
