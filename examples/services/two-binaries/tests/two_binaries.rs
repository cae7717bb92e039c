//! Both binaries on a real server.

use anyhow::{Result, ensure};
use service_runner::{Instance, database};

const WORKER: &str = env!("CARGO_BIN_EXE_worker");
const OPERATOR: &str = env!("CARGO_BIN_EXE_operator");

fn has(lines: &[String], text: &str) -> Option<()> {
    lines.iter().any(|line| line.contains(text)).then_some(())
}

#[tokio::test]
async fn the_operator_and_the_workers_exclude_each_other() -> Result<()> {
    let db = database().await;
    let uri = db.uri();
    let settings = [("MONGODB_URI", &*uri)];
    let mut first = Instance::start(&[WORKER], "worker-1", &settings)?;
    first
        .sees("importing", |lines| has(lines, " importing"))
        .await?;
    let mut second = Instance::start(&[WORKER], "worker-2", &settings)?;
    let skipped = " import skipped: held by worker-1 until";
    second.sees(skipped, |lines| has(lines, skipped)).await?;
    let mut operator = Instance::start(&[OPERATOR, "import"], "operator", &settings)?;
    operator
        .sees("its order", |lines| has(lines, " to import"))
        .await?;
    ensure!(has(&operator.lines(), " importing").is_none());

    let lines = first.terminate().await?;
    ensure!(has(&lines, " stopped: every lock was released").is_some());
    // The operator waits, and the second worker asks again in five seconds.
    let lines = operator.ends().await?;
    ensure!(has(&lines, " import done").is_some(), "{lines:?}");
    second
        .sees("importing", |lines| has(lines, " importing"))
        .await?;
    second.terminate().await?;
    Ok(())
}
