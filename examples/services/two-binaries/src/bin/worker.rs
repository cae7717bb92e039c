//! The worker: imports every few seconds, on one instance, until SIGTERM.

use std::{env, time::Duration};

use anyhow::Context as _;
use mongo_lock_runtime::{Error, LockClient, Outcome, distributed_lock};
use tokio::{
    signal::unix::{SignalKind, signal},
    time::{MissedTickBehavior, interval, sleep},
};
use tracing::{error, info};
use two_binaries::locks;

#[distributed_lock(name = locks::Import)]
async fn import(batches: u32) -> anyhow::Result<u32> {
    info!("importing");
    for _ in 0..batches {
        sleep(Duration::from_secs(1)).await; // one batch
    }
    Ok(batches)
}

#[distributed_lock(name = locks::Index)]
async fn build_index() {
    info!("index built");
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().init();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut locks = LockClient::builder().uri(env::var("MONGODB_URI").context("MONGODB_URI")?);
    if let Ok(instance) = env::var("INSTANCE") {
        locks = locks.owner(instance);
    }
    let locks = locks.build().await?;
    locks.install_global()?;

    let work = tokio::spawn(work());
    terminate.recv().await;
    info!("stopping");
    // No grace time: the import goes on where it was, on another instance.
    let report = locks.shutdown().await;
    work.await?;
    info!("stopped: {report}");
    Ok(())
}

/// Ends when the client of the locks has been shut down.
async fn work() {
    let mut ticks = interval(Duration::from_secs(5));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match import_and_index().await {
            Ok(Outcome::Executed(batches)) => info!(batches, "import done"),
            Ok(Outcome::Skipped(skipped)) => info!("import skipped: {skipped}"),
            Err(error) => match error.downcast_ref::<Error>() {
                Some(lock) if lock.is_shutdown() => return,
                _ => error!("{error:#}"),
            },
        }
    }
}

/// A skipped import leaves the index as it is.
async fn import_and_index() -> anyhow::Result<Outcome<u32>> {
    let imported = import(3600).await?;
    if imported.is_executed() && build_index().await?.is_skipped() {
        info!("the index is being changed elsewhere");
    }
    Ok(imported)
}

#[cfg(test)]
mod tests {
    use mongo_lock_runtime::assert_locks_unique;

    use super::*;

    #[test]
    fn every_lock_has_one_function() {
        assert_locks_unique();
    }

    #[tokio::test(start_paused = true)]
    async fn the_index_is_built_after_an_import_of_its_own() {
        let here = LockClient::in_memory();
        let elsewhere = here.with_owner("worker-2").unwrap();
        let busy = tokio::spawn(async move { elsewhere.scope(import(60)).await });
        sleep(Duration::from_secs(30)).await;
        assert!(here.scope(import_and_index()).await.unwrap().is_skipped());
        busy.await.unwrap().unwrap().ok_or("skipped").unwrap();
        let outcome = here.scope(import_and_index()).await.unwrap();
        assert_eq!(outcome.executed(), Some(3600));
    }

    #[tokio::test(start_paused = true)]
    async fn the_shutdown_ends_the_work() {
        let here = LockClient::in_memory();
        let locks = here.clone();
        let working = tokio::spawn(async move { locks.scope(work()).await });
        sleep(Duration::from_secs(60)).await;
        assert!(here.shutdown().await.is_clean());
        working.await.unwrap();
    }
}
