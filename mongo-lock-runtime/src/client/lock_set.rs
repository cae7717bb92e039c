//! Several locks at once, all or nothing.

use std::{collections::HashSet, time::Duration};

use super::{
    acquire::acquire_as_specified, acquisition::Acquisition, guard::LockGuard,
    lock_client::LockClient,
};
use crate::{error::Error, spec::LockSpec};

/// Several held locks: one guard each, in the order of the specs.
///
/// Like a [`LockGuard`], a set cannot stop your code when a lease ends. Dropping the set releases all locks
/// in the background.
#[derive(Debug)]
#[must_use = "dropping the guards releases the locks at once"]
pub struct LockSet {
    guards: Vec<LockGuard>,
}

impl LockSet {
    /// The guards, in the order of the specs.
    pub fn guards(&self) -> &[LockGuard] {
        &self.guards
    }

    /// The guards, to be released one by one.
    #[must_use = "dropping the guards releases the locks at once"]
    pub fn into_guards(self) -> Vec<LockGuard> {
        self.guards
    }

    /// The time for which all of the leases can still be relied on, unless they are renewed: the shortest
    /// time left. [`Duration::MAX`] for no locks.
    #[must_use]
    pub fn time_left(&self) -> Duration {
        let left = self.guards.iter().map(LockGuard::time_left);
        left.min().unwrap_or(Duration::MAX)
    }

    /// Releases all locks at once: one command each, side by side.
    ///
    /// # Errors
    ///
    /// The first error of [`LockGuard::release`]; the other locks are released all the same.
    ///
    /// # Cancel safety
    ///
    /// Once polled, all releases happen, also when the future is dropped.
    pub async fn release(self) -> Result<(), Error> {
        let guards = self.guards.into_iter();
        let releases: Vec<_> = guards.map(LockGuard::start_release).collect();
        let mut result = Ok(());
        for release in releases {
            result = result.and(release.await.map(drop));
        }
        result
    }
}

impl LockClient {
    /// Acquires all of these locks, or none: each as its spec says, its
    /// [`wait`](crate::LockSpecBuilder::wait) included.
    ///
    /// The locks are taken in the order of their names, whatever the order of the specs, so two callers
    /// never wait for each other. The locks that are taken first are held while the others are waited for:
    /// a ttl must be long enough for that, or [renewed](crate::LockSpecBuilder::renew). A refusal releases
    /// the locks that were taken before the call returns.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use mongo_lock_runtime::{Acquisition, LockClient, LockSpec};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), mongo_lock_runtime::Error> {
    /// # let client = LockClient::in_memory();
    /// let account = |name| LockSpec::new(name, Duration::from_secs(30));
    /// let both = [account("account/7")?, account("account/3")?];
    /// match client.acquire_all(&both).await? {
    ///     Acquisition::Acquired(locks) => locks.release().await?,
    ///     Acquisition::Skipped(skipped) => println!("{}: {skipped}", skipped.name),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] for a name that is given twice, [`Error::LeaseLost`] when one lease was
    /// lost before the last one was acquired, and those of [`acquire_within`](Self::acquire_within).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: when the future is dropped, locks that were acquired are released in the background.
    pub async fn acquire_all(&self, specs: &[LockSpec]) -> Result<Acquisition<LockSet>, Error> {
        let mut seen = HashSet::new();
        if let Some(twice) = specs.iter().find(|spec| !seen.insert(spec.name())) {
            return Err(Error::InvalidArgument {
                argument: "specs",
                problem: format!("`{}` is asked for twice; name each lock once", twice.name()),
            });
        }
        let mut order: Vec<usize> = (0..specs.len()).collect();
        order.sort_unstable_by_key(|&at| specs[at].name());
        let mut guards = Vec::with_capacity(specs.len());
        for at in order {
            match acquire_as_specified(&self.0, &specs[at]).await? {
                Acquisition::Acquired(guard) => guards.push((at, guard)),
                Acquisition::Skipped(skipped) => {
                    while let Some((_, guard)) = guards.pop() {
                        // A lock that cannot be released ends with its ttl, and an event says so.
                        drop(guard.release().await);
                    }
                    return Ok(Acquisition::Skipped(skipped));
                }
            }
        }
        guards.sort_unstable_by_key(|(at, _)| *at);
        for (_, guard) in &guards {
            guard.lease().check()?;
        }
        let guards = guards.into_iter().map(|(_, guard)| guard).collect();
        Ok(Acquisition::Acquired(LockSet { guards }))
    }
}
