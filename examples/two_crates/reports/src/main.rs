//! Two crates of one service claim one lock: the client does not start, and says where both are.
//!
//! `cargo run -p example-reports`. It needs no server: the check comes first.

#![allow(clippy::print_stdout, reason = "it is here to show something")]

use anyhow::{bail, ensure};
use example_billing as billing;
use mongo_lock_runtime::{Error, LockClient, distributed_lock, registered_locks};

/// The name is a lock of `billing`. The author of this crate does not know, and no compiler could tell: it
/// sees one crate at a time.
#[distributed_lock(name = "nightly-report", ttl = "10m")]
async fn nightly_report() {}

#[distributed_lock(name = "clean-up", ttl = "10m")]
async fn clean_up() {}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    println!("The locks of this binary:\n");
    for lock in registered_locks() {
        println!("  {lock}");
    }
    let error = match LockClient::connect("mongodb://localhost").await {
        Ok(client) => {
            client.install_global()?;
            run().await?;
            bail!("started, although two functions claim one lock");
        }
        Err(error) => error,
    };
    println!("\nThe client does not start:\n\n  {error}");
    let Error::LockConflict { conflicts } = &error else {
        bail!("another error than expected: {error}");
    };
    ensure!(conflicts.len() == 1, "{conflicts:?}");
    let places = [&conflicts[0].first, &conflicts[0].second].map(|lock| lock.file());
    for krate in ["billing", "reports"] {
        ensure!(
            places.iter().any(|file| file.contains(krate)),
            "{krate} is not named: {places:?}"
        );
    }
    Ok(())
}

/// The work of the service.
async fn run() -> Result<(), Error> {
    let _ = nightly_report().await?;
    let _ = clean_up().await?;
    let _ = billing::nightly_report().await?;
    let _ = billing::import().await?;
    let _ = billing::pay(7).await?;
    Ok(())
}
