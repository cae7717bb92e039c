//! This project's own ways to take a lock.

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use mongo_lock_runtime::{Acquisition, LockClient, LockGuard, LockSpec, Release, distributed_lock};

#[distributed_lock(name = "free-attribute", ttl = "1h")]
async fn free() {}

#[distributed_lock(name = "held-attribute", ttl = "1h")]
async fn held() {}

pub(crate) struct Ours {
    client: LockClient,
    free: LockSpec,
    held: LockSpec,
    holders: Vec<LockGuard>,
}

impl Ours {
    /// `kind` tells the names of the locks of one contender from those of another.
    pub(crate) async fn prepare(client: LockClient, kind: &str) -> Result<Self> {
        let mut holders = Vec::new();
        let held = format!("held-guard-{kind}");
        for name in ["held-attribute", &held] {
            let holder = client.with_owner("holder")?;
            if let Acquisition::Acquired(guard) = holder.try_acquire(&spec(name)?).await? {
                holders.push(guard);
            }
        }
        Ok(Self {
            free: spec(&format!("free-guard-{kind}"))?,
            held: spec(&held)?,
            client,
            holders,
        })
    }

    /// Runs one of the others with this client in place of the global one.
    pub(crate) async fn in_scope(&self, run: impl AsyncFn(&Self) -> Result<()>) -> Result<()> {
        self.client.scope(run(self)).await
    }

    pub(crate) async fn pair(&self) -> Result<()> {
        ensure!(free().await?.is_executed(), "the lock is not free");
        Ok(())
    }

    pub(crate) async fn refused(&self) -> Result<()> {
        ensure!(held().await?.is_skipped(), "the lock is not held");
        Ok(())
    }

    pub(crate) async fn pair_with_guard(&self) -> Result<()> {
        let guard = acquire(&self.client, &self.free).await?;
        let release = guard.release().await?;
        ensure!(release == Release::Freed, "the lock was not held");
        Ok(())
    }

    pub(crate) async fn refused_guard(&self) -> Result<()> {
        match self.client.try_acquire(&self.held).await? {
            Acquisition::Acquired(_) => bail!("the lock is not held"),
            Acquisition::Skipped(_) => Ok(()),
        }
    }

    pub(crate) async fn close(self) -> Result<()> {
        for holder in self.holders {
            holder.release().await?;
        }
        Ok(())
    }
}

fn spec(name: &str) -> Result<LockSpec> {
    Ok(LockSpec::new(name, Duration::from_secs(60 * 60))?)
}

async fn acquire(client: &LockClient, spec: &LockSpec) -> Result<LockGuard> {
    match client.try_acquire(spec).await? {
        Acquisition::Acquired(guard) => Ok(guard),
        Acquisition::Skipped(skipped) => bail!("{skipped}"),
    }
}
