//! Two processes of the service on a real server.

use anyhow::{Context as _, Result, ensure};
use service_runner::{Instance, database, each_firing_runs_once, get, the_other_takes_over};

const PROGRAM: &str = env!("CARGO_BIN_EXE_axum-service");

#[tokio::test]
async fn jobs_run_on_one_instance_and_the_other_takes_over() -> Result<()> {
    let db = database().await;
    let start = |name| {
        let settings = [
            ("MONGODB_URI", &*db.uri()),
            ("LISTEN", "127.0.0.1:0"),
            ("EVERY", "2"),
            ("GRACE", "1"),
        ];
        Instance::start(&[PROGRAM], name, &settings)
    };
    let mut instances = [start("web-1")?, start("web-2")?];
    for instance in &mut instances {
        let address = address(instance).await?;
        for path in ["/health/live", "/health/ready"] {
            ensure!(get(&address, path).await? == 200, "{path}");
        }
    }

    each_firing_runs_once(&mut instances).await?;
    let mut left = the_other_takes_over(instances).await?;
    let address = address(&mut left).await?;
    ensure!(get(&address, "/health/ready").await? == 200);
    left.terminate().await?;
    ensure!(get(&address, "/health/live").await.is_err());
    Ok(())
}

/// The address on which an instance listens.
async fn address(instance: &mut Instance) -> Result<String> {
    instance
        .sees("its address", |lines| {
            let after = |line: &String| Some(line.split_once(" listening on ")?.1.to_owned());
            lines.iter().find_map(after)
        })
        .await
        .context("the service does not listen")
}
