//! The registry: any number of jobs, each fired at the multiples of its period.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use mongo_lock_runtime::{Error, Outcome};
use tokio::{task::JoinSet, time::sleep};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

/// The error of a job: the lock's, or the job's own.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JobError {
    #[error("{0}")]
    Failed(String),
    #[error(transparent)]
    Lock(#[from] Error),
}

/// A job. `#[distributed_lock]` stands on the implementation of `run`, whose signature is the trait's: so the
/// `Outcome` is written out, and the body gives `Outcome::Executed`.
#[async_trait]
pub(crate) trait Job: Send + Sync {
    fn name(&self) -> &'static str;

    fn every(&self) -> Duration;

    /// Does the work that was due at `due`, in seconds since 1970.
    async fn run(&self, due: u64) -> Result<Outcome<u64>, JobError>;
}

#[derive(Default)]
pub(crate) struct Registry {
    jobs: Vec<Box<dyn Job>>,
}

impl Registry {
    pub(crate) fn add(&mut self, job: impl Job + 'static) {
        self.jobs.push(Box::new(job));
    }

    /// Fires the jobs until `stopping`, and returns when all of them have ended. A job that is still running when
    /// it is due again misses that time.
    pub(crate) async fn run(self, stopping: CancellationToken) {
        let mut timers = JoinSet::new();
        for job in self.jobs {
            let stopping = stopping.clone();
            timers.spawn(async move {
                loop {
                    let (due, pause) = next(job.every());
                    tokio::select! {
                        () = stopping.cancelled() => return,
                        () = sleep(pause) => {}
                    }
                    // Not in the select: a run that has begun is ended by the shutdown of the locks.
                    fire(&*job, due).await;
                }
            });
        }
        while let Some(ended) = timers.join_next().await {
            if let Err(panic) = ended {
                error!(%panic, "a job is fired no longer");
            }
        }
    }
}

/// The next multiple of the period, the same on all instances, and the time until then.
fn next(every: Duration) -> (u64, Duration) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.expect("the clock is past 1970");
    let every = every.as_secs().max(1);
    let due = (now.as_secs() / every + 1) * every;
    (due, Duration::from_secs(due).saturating_sub(now))
}

/// An error ends this run, not the timer.
async fn fire(job: &dyn Job, due: u64) {
    let name = job.name();
    match job.run(due).await {
        Ok(Outcome::Executed(items)) => info!(items, "{name} done"),
        Ok(Outcome::Skipped(skipped)) => info!(due, "{name} skipped: {skipped}"),
        Err(JobError::Lock(lock)) if lock.is_shutdown() => {
            info!("{name} stopped: this instance is about to end");
        }
        Err(JobError::Lock(lock)) if lock.is_lease_lost() => {
            error!("{name} stopped in the middle: {lock}");
        }
        Err(JobError::Lock(lock)) => error!("{name} did not run: {lock}"),
        Err(JobError::Failed(problem)) => error!("{name} failed: {problem}"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    struct Fails(Arc<Mutex<Vec<u64>>>);

    #[async_trait]
    impl Job for Fails {
        fn name(&self) -> &'static str {
            "fails"
        }

        fn every(&self) -> Duration {
            Duration::from_secs(3600)
        }

        async fn run(&self, due: u64) -> Result<Outcome<u64>, JobError> {
            self.0.lock().unwrap().push(due);
            Err(JobError::Failed("as ever".to_owned()))
        }
    }

    /// On the paused clock, an hour takes no time; the system's clock stands at the same hour.
    #[tokio::test(start_paused = true)]
    async fn a_failed_job_is_fired_again() {
        let runs = Arc::default();
        let mut registry = Registry::default();
        registry.add(Fails(Arc::clone(&runs)));
        let stopping = CancellationToken::new();
        let timers = tokio::spawn(registry.run(stopping.clone()));
        sleep(Duration::from_secs(3 * 3600)).await;
        stopping.cancel();
        timers.await.unwrap();
        let runs = runs.lock().unwrap();
        assert!(
            runs.len() >= 2 && runs.iter().all(|due| due % 3600 == 0),
            "{runs:?}"
        );
    }
}
