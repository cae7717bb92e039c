//! The operator's tool: `operator import` imports now, or after the import that runs; `operator drop-index` does
//! so only if the index is not being built.

use std::{env, process::ExitCode, time::Duration};

use anyhow::{Context as _, bail};
use mongo_lock_runtime::{LockClient, Outcome, distributed_lock};
use tracing::{info, warn};
use two_binaries::locks;

/// The terms are those of the declaration; the tool adds that it waits.
#[distributed_lock(name = locks::Import, wait = "1m")]
async fn import_now() -> anyhow::Result<u32> {
    info!("importing");
    Ok(1)
}

#[distributed_lock(name = locks::Index)]
async fn drop_index() {
    info!("index dropped");
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    tracing_subscriber::fmt().init();
    let mut locks = LockClient::builder()
        .uri(env::var("MONGODB_URI").context("MONGODB_URI")?)
        .operation_timeout(Duration::from_secs(3));
    if let Ok(instance) = env::var("INSTANCE") {
        locks = locks.owner(instance);
    }
    let locks = locks.build().await?;
    let done = locks.scope(run(env::args().nth(1).as_deref())).await;
    // Before the error, if there is one: what is being released is waited for.
    let report = locks.shutdown().await;
    info!("stopped: {report}");
    match done? {
        Outcome::Executed(()) => Ok(ExitCode::SUCCESS),
        // To the operator, unlike to a scheduler, a skip is a failure.
        Outcome::Skipped(skipped) => {
            warn!("not done: {skipped}");
            Ok(ExitCode::FAILURE)
        }
    }
}

async fn run(command: Option<&str>) -> anyhow::Result<Outcome<()>> {
    match command {
        Some("import") => {
            info!("waiting for a turn to import");
            let imported = import_now().await?;
            Ok(imported.map(|batches| info!(batches, "import done")))
        }
        Some("drop-index") => Ok(drop_index().await?),
        _ => bail!("operator import | drop-index"),
    }
}

#[cfg(test)]
mod tests {
    use mongo_lock_runtime::{LockSpec, assert_locks_unique};

    use super::*;

    #[test]
    fn every_lock_has_one_function() {
        assert_locks_unique();
    }

    #[tokio::test(start_paused = true)]
    async fn an_import_waits_and_the_index_does_not() {
        let operator = LockClient::in_memory();
        let worker = operator.with_owner("worker-1").unwrap();
        let mut held = Vec::new();
        for name in ["import", "index"] {
            let spec = LockSpec::new(name, Duration::from_secs(600)).unwrap();
            held.push(worker.acquire(&spec).await.unwrap());
        }
        let dropped = operator.scope(run(Some("drop-index"))).await.unwrap();
        assert!(dropped.is_skipped());

        let waits = tokio::spawn(async move { operator.scope(run(Some("import"))).await });
        tokio::time::sleep(Duration::from_secs(30)).await;
        assert!(!waits.is_finished());
        for guard in held {
            guard.release().await.unwrap();
        }
        assert!(waits.await.unwrap().unwrap().is_executed());
    }
}
