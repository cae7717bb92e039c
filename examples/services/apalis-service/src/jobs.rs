//! The jobs, and what apalis calls on every instance.

use std::time::Duration;

use apalis::prelude::BoxDynError;
use apalis_cron::Tick;
use mongo_lock_runtime::{Error, Outcome, distributed_lock};
use tokio::time::sleep;
use tracing::{error, info};

/// The totals up to a moment, written once: each moment has a lock of its own, which stays taken until the
/// slowest instance has fired, too. A long run does not delay the next moment.
#[distributed_lock(name = "totals/{due}", ttl = "5m", min_hold = "1m")]
async fn totals(due: u64) -> Result<(), BoxDynError> {
    info!(due, "totals written");
    Ok(())
}

/// An import that takes as long as it takes, one at a time: a firing while it runs is skipped.
#[distributed_lock(name = "import", ttl = "5m", renew, max_hold = "4h")]
async fn import(batches: u32) -> Result<u32, BoxDynError> {
    info!("importing");
    for _ in 0..batches {
        sleep(Duration::from_secs(1)).await; // one batch
    }
    Ok(batches)
}

/// The tick is the moment of the schedule, not of the call: the same on all instances.
pub(crate) async fn fire_totals(tick: Tick) -> Result<(), BoxDynError> {
    let due = tick.get_timestamp();
    match totals(due).await {
        Ok(Outcome::Executed(())) => {}
        Ok(Outcome::Skipped(skipped)) => info!(due, "totals skipped: {skipped}"),
        Err(error) => return failed("totals", error),
    }
    Ok(())
}

pub(crate) async fn fire_import(_: Tick) -> Result<(), BoxDynError> {
    match import(3600).await {
        Ok(Outcome::Executed(batches)) => info!(batches, "import done"),
        Ok(Outcome::Skipped(skipped)) => info!("import skipped: {skipped}"),
        Err(error) => return failed("import", error),
    }
    Ok(())
}

/// The worker's result of a failed run. A skipped run is a success, since the job is being done elsewhere, and so
/// is one that the end of this instance has stopped: a retry of apalis could help neither.
fn failed(job: &str, error: BoxDynError) -> Result<(), BoxDynError> {
    match error.downcast_ref::<Error>() {
        Some(lock) if lock.is_shutdown() => {
            info!("{job} stopped: this instance is about to end");
            Ok(())
        }
        Some(lock) if lock.is_lease_lost() => {
            error!("{job} stopped in the middle: {lock}");
            Err(error)
        }
        Some(lock) => {
            error!("{job} did not run: {lock}");
            Err(error)
        }
        None => {
            error!("{job} failed: {error}");
            Err(error)
        }
    }
}

#[cfg(test)]
mod tests {
    use mongo_lock_runtime::{LockClient, assert_locks_unique};

    use super::*;

    #[test]
    fn every_lock_has_one_function() {
        assert_locks_unique();
    }

    /// The handlers, as the workers call them.
    #[tokio::test(start_paused = true)]
    async fn a_tick_is_a_success_on_both_instances() {
        let web_1 = LockClient::in_memory();
        let web_2 = web_1.with_owner("web-2").unwrap();
        let tick = Tick::new(60);
        web_1.scope(fire_totals(tick)).await.unwrap();
        sleep(Duration::from_secs(20)).await;
        // Skipped: these totals are written.
        assert!(web_2.scope(totals(60)).await.unwrap().is_skipped());
        web_2.scope(fire_totals(tick)).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_of_the_instance_is_no_failure_of_the_job() {
        let web_1 = LockClient::in_memory();
        let web_2 = web_1.with_owner("web-2").unwrap();
        let locks = web_1.clone();
        let fired = tokio::spawn(async move { locks.scope(fire_import(Tick::new(60))).await });
        sleep(Duration::from_secs(10)).await;
        assert!(web_2.scope(import(1)).await.unwrap().is_skipped());

        assert!(web_1.shutdown().await.is_clean());
        fired.await.unwrap().unwrap();
        // The lock is free, long before its ttl ends.
        assert!(web_2.scope(import(1)).await.unwrap().is_executed());
    }
}
