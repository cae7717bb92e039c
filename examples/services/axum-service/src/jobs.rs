//! The jobs, and what the scheduler calls on every instance.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mongo_lock_runtime::{Error, Outcome, distributed_lock};
use tokio::time::sleep;
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};
use tracing::{error, info};

use crate::settings::Settings;

pub(crate) async fn schedule(settings: &Settings) -> Result<JobScheduler, JobSchedulerError> {
    let every = settings.every;
    let cron = format!("*/{every} * * * * *");
    let scheduler = JobScheduler::new().await?;
    let totals = Job::new_async(&cron, move |_, _| Box::pin(fire_totals(due(every))))?;
    let import = Job::new_async(&cron, |_, _| Box::pin(fire_import()))?;
    scheduler.add(totals).await?;
    scheduler.add(import).await?;
    Ok(scheduler)
}

/// The moment for which a job is fired now. The scheduler looks at the clock twice a second, on each instance at
/// other times, so instances fire up to half a second apart; the moment is the same.
fn due(every: u64) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.expect("the clock is past 1970").as_secs();
    now - now % every
}

/// The totals up to a moment, written once: each moment has a lock of its own, which stays taken until the
/// slowest instance has fired, too. A long run does not delay the next moment.
#[distributed_lock(name = "totals/{due}", ttl = "5m", min_hold = "1m")]
async fn totals(due: u64) -> anyhow::Result<()> {
    info!(due, "totals written");
    Ok(())
}

/// An import that takes as long as it takes, one at a time: a firing while it runs is skipped.
#[distributed_lock(name = "import", ttl = "5m", renew, max_hold = "4h")]
async fn import(batches: u32) -> anyhow::Result<u32> {
    info!("importing");
    for _ in 0..batches {
        sleep(Duration::from_secs(1)).await; // one batch
    }
    Ok(batches)
}

async fn fire_totals(due: u64) {
    match totals(due).await {
        Ok(Outcome::Executed(())) => {}
        Ok(Outcome::Skipped(skipped)) => info!(due, "totals skipped: {skipped}"),
        Err(error) => failed("totals", &error),
    }
}

async fn fire_import() {
    match import(3600).await {
        Ok(Outcome::Executed(batches)) => info!(batches, "import done"),
        Ok(Outcome::Skipped(skipped)) => info!("import skipped: {skipped}"),
        Err(error) => failed("import", &error),
    }
}

/// An error ends this firing, not the scheduler.
fn failed(job: &str, error: &anyhow::Error) {
    match error.downcast_ref::<Error>() {
        Some(lock) if lock.is_shutdown() => info!("{job} stopped: this instance is about to end"),
        Some(lock) if lock.is_lease_lost() => error!("{job} stopped in the middle: {lock}"),
        Some(lock) => error!("{job} did not run: {lock}"),
        None => error!("{job} failed: {error:#}"),
    }
}

#[cfg(test)]
mod tests {
    use mongo_lock_runtime::{LockClient, assert_locks_unique};
    use tokio::time::{Instant, advance};

    use super::*;

    #[test]
    fn every_lock_has_one_function() {
        assert_locks_unique();
    }

    #[tokio::test(start_paused = true)]
    async fn a_moment_has_its_totals_once() {
        let web_1 = LockClient::in_memory();
        let web_2 = web_1.with_owner("web-2").unwrap();
        assert!(web_1.scope(totals(60)).await.unwrap().is_executed());
        // The body is over, and the lock is not free.
        advance(Duration::from_secs(20)).await;
        assert!(web_2.scope(totals(60)).await.unwrap().is_skipped());
        assert!(web_2.scope(totals(90)).await.unwrap().is_executed());
    }

    /// The import takes an hour of the paused clock.
    #[tokio::test(start_paused = true)]
    async fn one_import_at_a_time_and_renewed() {
        let web_1 = LockClient::in_memory();
        let web_2 = web_1.with_owner("web-2").unwrap();
        let running = tokio::spawn(async move { web_1.scope(import(3600)).await });
        sleep(Duration::from_secs(1800)).await;
        assert!(web_2.scope(import(1)).await.unwrap().is_skipped());
        assert_eq!(running.await.unwrap().unwrap().executed(), Some(3600));
        assert!(web_2.scope(import(1)).await.unwrap().is_executed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_shutdown_stops_the_import_after_the_grace_time() {
        let web_1 = LockClient::in_memory();
        let web_2 = web_1.with_owner("web-2").unwrap();
        let locks = web_1.clone();
        let running = tokio::spawn(async move { locks.scope(import(3600)).await });
        sleep(Duration::from_secs(60)).await;

        let began = Instant::now();
        let grace = Duration::from_secs(20);
        let report = web_1.shutdown().wait_for_bodies(grace).await;
        assert!(report.is_clean(), "{report}");
        assert!(began.elapsed() >= grace);
        let error = running.await.unwrap().unwrap_err();
        assert!(
            error
                .downcast_ref::<Error>()
                .is_some_and(Error::is_shutdown)
        );
        // The lock is free, long before its ttl ends.
        assert!(web_2.scope(import(1)).await.unwrap().is_executed());
    }
}
