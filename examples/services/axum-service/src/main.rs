//! A web service whose jobs are fired by `tokio-cron-scheduler`, on every instance, and run on one.
//!
//! ```sh
//! MONGODB_URI=mongodb://localhost/shop cargo run -p axum-service
//! ```
//!
//! `/health/live` and `/health/ready` are for the platform's probes, `POST /accounts/7/close` has a lock for each
//! account. SIGTERM stops the scheduler, lets the work in hand finish, and gives every lock back.

mod http;
mod jobs;
mod settings;

use std::{future::IntoFuture as _, io, time::Duration};

use anyhow::Context as _;
use mongo_lock_runtime::LockClient;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::settings::Settings;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().init();
    let settings = Settings::from_env()?;
    let terminated = terminated()?;

    // A wrong address or a missing right ends the process here, before the platform stops an old instance.
    let mut locks = LockClient::builder()
        .uri(&settings.mongodb)
        .operation_timeout(Duration::from_secs(3));
    if let Some(instance) = &settings.instance {
        locks = locks.owner(instance);
    }
    let locks = locks.build().await?;
    locks.install_global()?;

    let mut scheduler = jobs::schedule(&settings).await?;
    let listener = TcpListener::bind(&settings.listen)
        .await
        .with_context(|| format!("LISTEN={}", settings.listen))?;
    info!("listening on {}", listener.local_addr()?);
    let stopping = CancellationToken::new();
    let server = axum::serve(listener, http::router(stopping.clone()))
        .with_graceful_shutdown(stopping.clone().cancelled_owned());
    let server = tokio::spawn(server.into_future());
    scheduler.start().await?;

    terminated.await;
    info!("stopping");
    // 1. Accept no request and fire no job any more.
    stopping.cancel();
    scheduler.shutdown().await?;
    // 2. Bodies have the grace time to finish. Then they are stopped, and all locks are given back.
    let report = locks
        .shutdown()
        .wait_for_bodies(settings.grace)
        .limit(Duration::from_secs(3))
        .await;
    // 3. The requests in hand have ended with their bodies, or do so now. A client that reads its answer slowly
    //    must not hold up the end.
    if let Ok(ended) = timeout(Duration::from_secs(2), server).await {
        ended??;
    } else {
        warn!("requests were cut off");
    }
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
