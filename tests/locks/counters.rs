//! Mutual exclusion, shown by counters that nothing else protects.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use mongo_lock_runtime::{LockClient, Outcome, distributed_lock};
use mongo_lock_testkit::Server;
use tokio::{fs, time::sleep};

use crate::support::{Worker, worker_input};

const PROCESSES: u32 = 8;
const ITERATIONS: u32 = 100;

#[tokio::test]
async fn eight_processes_count_exactly() {
    let db = Server::shared().await.database().await;
    let folder = tempfile::tempdir().unwrap();
    let counters = ["left", "right"].map(|name| folder.path().join(name));
    for counter in &counters {
        fs::write(counter, "0").await.unwrap();
    }
    let workers: Vec<_> = (0..PROCESSES)
        .map(|_| {
            let input = format!("{}\n{}", folder.path().display(), db.uri());
            Worker::start("counters::worker", &input)
        })
        .collect();
    for worker in workers {
        let (status, output) = worker.finish();
        assert!(status.success(), "{output}");
    }
    for counter in &counters {
        let total = fs::read_to_string(counter).await.unwrap();
        assert_eq!(total, (PROCESSES * ITERATIONS).to_string());
    }
}

#[tokio::test]
#[ignore = "one of the processes of the test above"]
async fn worker() {
    let Some(input) = worker_input() else { return };
    let (folder, uri) = input.split_once('\n').unwrap();
    LockClient::connect(uri)
        .await
        .unwrap()
        .install_global()
        .unwrap();
    let folder = Path::new(folder);
    tokio::join!(
        repeat(|| left(folder.join("left"))),
        repeat(|| right(folder.join("right"))),
    );
}

async fn repeat<F: Future<Output = anyhow::Result<Outcome<()>>>>(job: impl Fn() -> F) {
    let mut done = 0;
    while done < ITERATIONS {
        match job().await.unwrap() {
            Outcome::Executed(()) => done += 1,
            Outcome::Skipped(_) => sleep(Duration::from_millis(5)).await,
        }
    }
}

#[distributed_lock(name = "left", ttl = "30s")]
async fn left(counter: PathBuf) -> anyhow::Result<()> {
    increment(&counter).await
}

#[distributed_lock(name = "right", ttl = "30s")]
async fn right(counter: PathBuf) -> anyhow::Result<()> {
    increment(&counter).await
}

/// Loses increments whenever two run at once.
async fn increment(counter: &Path) -> anyhow::Result<()> {
    let count: u32 = fs::read_to_string(counter).await?.parse()?;
    sleep(Duration::from_millis(1)).await;
    fs::write(counter, (count + 1).to_string()).await?;
    Ok(())
}
