//! The cost of a lock, beside equal commands that are written by hand with the raw driver.
//!
//! ```text
//! cargo bench --bench round_trips                    # about a minute
//! cargo bench --bench round_trips -- --rounds 500
//! ```
//!
//! In every round each contender runs once, in an order that is shuffled anew, so that whatever
//! else the machine does hits all of them alike. They share one database on a replica set of one node, one
//! task on a multi-thread runtime, and, but for the lock client that has connections of its own, one client
//! with the driver's default options, and so one connection pool.
//!
//! Timings are for the reader to judge. Nothing asserts on them.

#![allow(clippy::print_stdout, reason = "a table on stdout is what this is for")]

mod contender;
mod count;
mod observed;
mod ours;
mod raw;
mod recipe;
mod rounds;
mod stats;
mod table;

use std::time::Duration;

use anyhow::{Result, bail};
use mongo_lock_testkit::Server;
use mongodb::bson::doc;

use self::{contender::Field, rounds::Size, table::Table};

/// Without `--rounds`: as many as it has room for.
const BUDGET: Duration = Duration::from_secs(45);

/// Under `cargo test`, where only the code is on trial.
const SMOKE: Size = Size::Rounds(3);

fn main() -> Result<()> {
    let size = size(std::env::args().skip(1).collect())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    // In a task, as most of a service runs: on the runtime's workers, not on the thread that waits
    // for it.
    runtime.block_on(async { tokio::spawn(run(size)).await })?
}

async fn run(size: Size) -> Result<()> {
    let db = Server::shared().await.database().await;
    let build = db.run_command(doc! { "buildInfo": 1 }).await?;
    println!("MongoDB {}", build.get_str("version")?);

    let field = Field::prepare(&db, &db.uri()).await?;
    rounds::run(&field, size.warm_up()).await?;
    let commands = count::commands(&field, if size == SMOKE { 1 } else { 50 }).await?;
    let timings = rounds::run(&field, size).await?;
    field.close().await?;

    println!("{}", Table { timings, commands });
    Ok(())
}

/// `cargo bench` says `--bench`; `cargo test` does not, and hands on what was meant for tests.
fn size(args: Vec<String>) -> Result<Size> {
    let given = |name| args.iter().any(|arg| arg == name);
    if !given("--bench") || given("--test") {
        return Ok(SMOKE);
    }
    let options: Vec<_> = args.into_iter().filter(|arg| arg != "--bench").collect();
    match &*options {
        [] => Ok(Size::Time(BUDGET)),
        [option, rounds] if option == "--rounds" => match rounds.parse() {
            Ok(rounds @ 1..) => Ok(Size::Rounds(rounds)),
            _ => bail!("`--rounds` wants a number above zero, not `{rounds}`"),
        },
        _ => bail!("the only option is `--rounds N`"),
    }
}
