//! The jobs. Each has the client that it takes its lock with, so that a test can give it another one.

use std::time::Duration;

use async_trait::async_trait;
use mongo_lock_runtime::{LockClient, Outcome, distributed_lock};
use tokio::time::sleep;
use tracing::info;

use crate::registry::{Job, JobError};

/// The totals up to a moment, written once: each moment has a lock of its own, which stays taken until the
/// slowest instance has fired, too.
pub(crate) struct Totals {
    locks: LockClient,
    every: Duration,
}

impl Totals {
    pub(crate) fn new(locks: &LockClient, every: Duration) -> Self {
        Self {
            locks: locks.clone(),
            every,
        }
    }
}

#[async_trait]
impl Job for Totals {
    fn name(&self) -> &'static str {
        "totals"
    }

    fn every(&self) -> Duration {
        self.every
    }

    #[distributed_lock(name = "totals/{due}", ttl = "5m", min_hold = "1m", client = &self.locks)]
    async fn run(&self, due: u64) -> Result<Outcome<u64>, JobError> {
        let shops = 12;
        info!(due, "totals written");
        Ok(Outcome::Executed(shops))
    }
}

/// An import that takes as long as it takes, one at a time: a firing while it runs is skipped.
pub(crate) struct Import {
    locks: LockClient,
    every: Duration,
    batches: u64,
}

impl Import {
    pub(crate) fn new(locks: &LockClient, every: Duration, batches: u64) -> Self {
        Self {
            locks: locks.clone(),
            every,
            batches,
        }
    }
}

#[async_trait]
impl Job for Import {
    fn name(&self) -> &'static str {
        "import"
    }

    fn every(&self) -> Duration {
        self.every
    }

    #[distributed_lock(
        name = "import",
        ttl = "5m",
        renew,
        max_hold = "4h",
        client = &self.locks
    )]
    async fn run(&self, _due: u64) -> Result<Outcome<u64>, JobError> {
        if self.batches == 0 {
            return Err(JobError::Failed("nothing to import".to_owned()));
        }
        info!("importing");
        for _ in 0..self.batches {
            sleep(Duration::from_secs(1)).await; // one batch
        }
        Ok(Outcome::Executed(self.batches))
    }
}

#[cfg(test)]
mod tests;
