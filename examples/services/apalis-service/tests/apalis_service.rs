//! Two processes of the service on a real server.

use anyhow::Result;
use service_runner::{Instance, database, each_firing_runs_once, the_other_takes_over};

const PROGRAM: &str = env!("CARGO_BIN_EXE_apalis-service");

#[tokio::test]
async fn jobs_run_on_one_instance_and_the_other_takes_over() -> Result<()> {
    let db = database().await;
    let start = |name| {
        let settings = [("MONGODB_URI", &*db.uri()), ("EVERY", "1"), ("GRACE", "1")];
        Instance::start(&[PROGRAM], name, &settings)
    };
    let mut instances = [start("web-1")?, start("web-2")?];
    each_firing_runs_once(&mut instances).await?;
    let left = the_other_takes_over(instances).await?;
    left.terminate().await?;
    Ok(())
}
