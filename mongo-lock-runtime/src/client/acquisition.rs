//! The outcome of an acquisition.

use super::guard::LockGuard;
use crate::outcome::Skipped;

/// The outcome of [`LockClient::try_acquire`](crate::LockClient::try_acquire), or, with a
/// [`LockSet`](crate::LockSet), of [`LockClient::acquire_all`](crate::LockClient::acquire_all).
#[derive(Debug)]
#[must_use = "dropping an acquired guard releases the lock at once"]
pub enum Acquisition<G = LockGuard> {
    /// The lock is held until the guard is released or its lease ends.
    Acquired(G),
    /// The lock is held elsewhere, or reserved for a caller that waits.
    Skipped(Skipped),
}

impl<G> Acquisition<G> {
    /// The guard, or `None` when the lock was not acquired.
    #[must_use]
    pub fn acquired(self) -> Option<G> {
        match self {
            Self::Acquired(guard) => Some(guard),
            Self::Skipped(_) => None,
        }
    }

    /// The refusal, or `None` when the lock was acquired.
    #[must_use]
    pub fn skipped(self) -> Option<Skipped> {
        match self {
            Self::Acquired(_) => None,
            Self::Skipped(skipped) => Some(skipped),
        }
    }
}
