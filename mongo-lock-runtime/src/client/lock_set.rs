//! Several locks at once, all or nothing.

use std::{collections::HashSet, time::Duration};

use super::{
    LockClient, acquire::acquire_as_specified, acquisition::Acquisition, guard::LockGuard,
};
use crate::{error::Error, spec::LockSpec};

/// Several locks that we hold: one guard each, in the order in which they were asked for.
///
/// What a [`LockGuard`] cannot do, this cannot either. Dropping it releases them all in the background.
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

    /// How long all of the leases can still be relied on, if none is renewed: the shortest time left.
    /// [`Duration::MAX`] for no locks.
    #[must_use]
    pub fn time_left(&self) -> Duration {
        let left = self.guards.iter().map(LockGuard::time_left);
        left.min().unwrap_or(Duration::MAX)
    }

    /// Releases them all, at once. One command each.
    ///
    /// # Errors
    ///
    /// The first error of [`LockGuard::release`]; the others are released all the same.
    ///
    /// # Cancel safety
    ///
    /// Once polled, all releases happen, also when the future is dropped.
    pub async fn release(self) -> Result<(), Error> {
        let guards = self.guards.into_iter();
        let releases: Vec<_> = guards.map(LockGuard::start_release).collect();
        let mut result = Ok(());
        for release in releases {
            let released = release.await.map(drop);
            result = result.and(released);
        }
        result
    }
}

impl LockClient {
    /// Acquires all of these locks, or none: each as its spec says, those that wait included.
    ///
    /// They are taken in the order of their names, whatever the order in which they are given, so two
    /// callers never wait for each other. Those that are taken first are held while the rest is waited
    /// for: a ttl must be long enough for that, or [renewed](crate::LockSpecBuilder::renew). A refusal
    /// releases what was taken before it returns.
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
    /// [`Error::InvalidArgument`] for a name that is given twice, [`Error::LeaseLost`] when one was
    /// lost before the last was acquired, and those of [`try_acquire`](Self::try_acquire).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: when the future is dropped, what was acquired is released in the background.
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
                        // What cannot be released ends with its ttl, and an event says so.
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
