//! Cron jobs of apalis, fired on every instance and run on one.
//!
//! ```sh
//! MONGODB_URI=mongodb://localhost/shop cargo run -p apalis-service
//! ```
//!
//! SIGTERM stops the workers, lets the work in hand finish, and gives every lock back.

mod jobs;

use std::{env, io, str::FromStr, time::Duration};

use anyhow::Context as _;
use apalis::prelude::{Monitor, ParallelizeExt as _, WorkerBuilder};
use apalis_cron::CronScheduler;
use cron::Schedule;
use mongo_lock_runtime::LockClient;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().init();
    let mongodb = env::var("MONGODB_URI").context("MONGODB_URI")?;
    // The period of the jobs in seconds, a divisor of 60.
    let every: u64 = setting("EVERY", 30)?;
    // With the three seconds below, shorter than the 30 s after which Kubernetes sends SIGKILL.
    let grace = Duration::from_secs(setting("GRACE", 20)?);
    let stopping = stopping()?;

    let mut locks = LockClient::builder().uri(mongodb);
    if let Ok(instance) = env::var("INSTANCE") {
        locks = locks.owner(instance);
    }
    let locks = locks.build().await?;
    locks.install_global()?;

    let schedule = Schedule::from_str(&format!("*/{every} * * * * *"))?;
    let workers = workers(schedule).run_with_signal({
        let stopping = stopping.clone();
        async move {
            stopping.cancelled().await;
            Ok(())
        }
    });
    // At the same time: the workers end when their jobs have, and a job that takes longer than the grace time is
    // stopped by the shutdown of the locks.
    let give_back = async {
        stopping.cancelled().await;
        info!("stopping");
        let shutdown = locks.shutdown().wait_for_bodies(grace);
        shutdown.limit(Duration::from_secs(3)).await
    };
    let (workers, report) = tokio::join!(workers, give_back);
    workers?;
    info!("stopped: {report}");
    Ok(())
}

fn workers(schedule: Schedule) -> Monitor {
    let import = schedule.clone();
    Monitor::new()
        .register(move |_| {
            WorkerBuilder::new("totals")
                .backend(CronScheduler::new(schedule.clone()))
                // A task for each run. In the worker's own task, a job that blocks would hold up the clock.
                .parallelize(tokio::spawn)
                .build(jobs::fire_totals)
        })
        .register(move |_| {
            WorkerBuilder::new("import")
                .backend(CronScheduler::new(import.clone()))
                .parallelize(tokio::spawn)
                .build(jobs::fire_import)
        })
        // A worker that was not polled in time, as on a paused machine, ends with an error about the tick.
        .should_restart(|worker, error| {
            warn!("the worker {} starts again: {error}", worker.name());
            true
        })
}

/// Cancelled by SIGTERM, which the platform sends, or by Ctrl-C. The handlers are in place when this returns, so
/// that no signal is lost during the start.
fn stopping() -> io::Result<CancellationToken> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stopping = CancellationToken::new();
    let cancel = stopping.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        cancel.cancel();
    });
    Ok(stopping)
}

fn setting(name: &str, default: u64) -> anyhow::Result<u64> {
    match env::var(name) {
        Ok(text) => text.parse().with_context(|| format!("{name}={text}")),
        Err(_) => Ok(default),
    }
}
