//! Jobs behind a registry of trait objects, fired on every instance by a timer of the service's own.
//!
//! ```sh
//! MONGODB_URI=mongodb://localhost/shop cargo run -p job-registry
//! ```
//!
//! SIGTERM stops the timers, lets the work in hand finish, and gives every lock back.

mod jobs;
mod registry;

use std::{env, io, time::Duration};

use anyhow::Context as _;
use mongo_lock_runtime::LockClient;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::{
    jobs::{Import, Totals},
    registry::Registry,
};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().init();
    let mongodb = env::var("MONGODB_URI").context("MONGODB_URI")?;
    // The period of the jobs in seconds.
    let every = Duration::from_secs(setting("EVERY", 30)?);
    // With the three seconds below, shorter than the 30 s after which Kubernetes sends SIGKILL.
    let grace = Duration::from_secs(setting("GRACE", 20)?);
    let terminated = terminated()?;

    let mut locks = LockClient::builder().uri(mongodb);
    if let Ok(instance) = env::var("INSTANCE") {
        locks = locks.owner(instance);
    }
    let locks = locks.build().await?;

    let mut registry = Registry::default();
    registry.add(Totals::new(&locks, every));
    registry.add(Import::new(&locks, every, 3600));
    let stopping = CancellationToken::new();
    let timers = tokio::spawn(registry.run(stopping.clone()));

    terminated.await;
    info!("stopping");
    stopping.cancel();
    let shutdown = locks.shutdown().wait_for_bodies(grace);
    let report = shutdown.limit(Duration::from_secs(3)).await;
    // The jobs have ended: their calls return.
    timers.await?;
    info!("stopped: {report}");
    Ok(())
}

/// SIGTERM, which the platform sends, or Ctrl-C. The handlers are in place when this returns, so that no signal
/// is lost during the start.
fn terminated() -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

fn setting(name: &str, default: u64) -> anyhow::Result<u64> {
    match env::var(name) {
        Ok(text) => text.parse().with_context(|| format!("{name}={text}")),
        Err(_) => Ok(default),
    }
}
