//! Three instances of a service fire the same job at once; one runs it. Then the holder of a longer
//! job is killed, and another instance takes the lock over.
//!
//! `cargo run --example quickstart` does all of it, on a real MongoDB server, with real processes.

#![allow(
    clippy::print_stdout,
    reason = "an example talks to the person who runs it"
)]

#[path = "support/instance.rs"]
mod instance;

use std::{
    env,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use mongo_lock_runtime::{LockClient, Outcome, distributed_lock};
use mongo_lock_testkit::Server;
use tokio::time::{sleep, timeout};

use crate::instance::{Instance, commands};

/// The job that every instance fires at the same moment.
#[distributed_lock(name = "nightly-report", ttl = "30s")]
async fn nightly_report() -> Result<u32> {
    sleep(Duration::from_millis(500)).await;
    Ok(42)
}

/// The job whose holder dies.
#[distributed_lock(name = "import", ttl = "3s")]
async fn import(rows: u64) -> Result<u64> {
    println!("importing");
    sleep(Duration::from_millis(rows)).await;
    Ok(rows)
}

const TTL: Duration = Duration::from_secs(3);

#[tokio::main]
async fn main() -> Result<()> {
    let mut args = env::args().skip(1);
    if let (Some(name), Some(uri)) = (args.next(), args.next()) {
        return serve(&name, &uri).await;
    }
    timeout(Duration::from_secs(300), show())
        .await
        .context("the example did not end within five minutes")?
}

// ---------------------------------------------------------------------------------------------
// An instance of the service: a process of its own.

async fn serve(name: &str, uri: &str) -> Result<()> {
    let client = LockClient::builder().uri(uri).owner(name).build().await?;
    client.install_global()?;
    println!("ready");
    let mut commands = commands();
    while let Some(command) = commands.recv().await {
        match command.as_str() {
            "report" => match nightly_report().await? {
                Outcome::Executed(pages) => println!("executed: wrote {pages} pages"),
                Outcome::Skipped(skipped) => println!("skipped: {skipped}"),
            },
            "import" => {
                let _ = import(60_000).await?;
            }
            "take over" => {
                let mut skips = 0;
                let rows = loop {
                    match import(1).await? {
                        Outcome::Executed(rows) => break rows,
                        Outcome::Skipped(skipped) if skips == 0 => println!("skipped: {skipped}"),
                        Outcome::Skipped(_) => {}
                    }
                    skips += 1;
                    sleep(Duration::from_millis(50)).await;
                };
                println!("executed: imported {rows} row, after being skipped {skips} times");
            }
            other => bail!("no such command: {other}"),
        }
    }
    Ok(())
}

// ---------------------------------------------------------------------------------------------
// The parent: starts the server and the instances, tells them what to do, checks what they say.

async fn show() -> Result<()> {
    println!("Starting MongoDB (the first run may fetch one) …");
    let started = Instant::now();
    let db = Server::shared().await.database().await;
    println!("… it runs, after {}.\n", seconds(started.elapsed()));

    let mut instances = Vec::new();
    for name in ["web-1", "web-2", "web-3"] {
        instances.push(Instance::start(name, &db.uri()).await?);
    }
    println!("Three instances of a service are up:");
    for instance in &instances {
        println!("  {}  process {}", instance.name, instance.pid);
    }

    println!("\nAll three fire `nightly_report` at once:");
    for instance in &mut instances {
        instance.tell("report").await?;
    }
    let mut said = Vec::new();
    for instance in &mut instances {
        let line = instance.says().await?;
        println!("  {}  {line}", instance.name);
        said.push((instance.name, line));
    }
    check_one_executed(&said)?;

    println!("\nIt is done, so the lock is free. An instance that was skipped fires it again:");
    let skipped = said.iter().position(|(_, line)| is_skipped(line));
    let again = &mut instances[skipped.context("no instance was skipped")?];
    again.tell("report").await?;
    let line = again.says().await?;
    println!("  {}  {line}", again.name);
    ensure!(line.starts_with("executed"), "the lock was not free");

    println!("\nweb-1 begins `import`, with a ttl of {}:", seconds(TTL));
    let mut holder = instances.remove(0);
    holder.tell("import").await?;
    let line = holder.says().await?;
    ensure!(line == "importing", "web-1 said: {line}");
    println!("  web-1  {line}");
    holder.kill().await?;
    let killed = Instant::now();
    println!("  web-1  is dead: SIGKILL, so it released nothing");

    println!("\nweb-2 fires `import` until it gets the lock:");
    let successor = &mut instances[0];
    successor.tell("take over").await?;
    let line = successor.says().await?;
    println!("  web-2  {line}");
    ensure!(line.starts_with("skipped: held by web-1"), "too early");
    let line = successor.says().await?;
    let took = killed.elapsed();
    ensure!(line == "importing", "web-2 said: {line}");
    let line = successor.says().await?;
    println!("  web-2  {line}");
    println!(
        "\nA dead holder blocked the lock for {}: its ttl of {}, and not longer.",
        seconds(took),
        seconds(TTL)
    );
    ensure!(
        took < TTL + Duration::from_millis(500),
        "the take-over was late"
    );
    for instance in instances {
        instance.stop().await?;
    }
    Ok(())
}

fn check_one_executed(said: &[(&str, String)]) -> Result<()> {
    let executed: Vec<_> = said
        .iter()
        .filter(|(_, line)| line.starts_with("executed"))
        .collect();
    let [(holder, _)] = executed[..] else {
        bail!("{} instances executed the job, not one", executed.len());
    };
    for (name, line) in said.iter().filter(|(name, _)| name != holder) {
        ensure!(
            line.starts_with(&format!("skipped: held by {holder} until ")),
            "{name} does not know that {holder} held the lock"
        );
    }
    Ok(())
}

fn is_skipped(line: &str) -> bool {
    line.starts_with("skipped")
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}
