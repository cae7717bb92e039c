//! Acquisitions in a second, of many locks at once, beside equal commands that are written by hand.
//!
//! `cargo bench --bench throughput`: below three minutes.
//!
//! Each of 64 or 512 tasks acquires and releases a lock of its own, again and again, over one driver client
//! with a pool of 10 or of 100 connections. The contenders take turns of a short time each, in an order
//! that is shuffled anew, so that whatever else the machine does hits all of them alike.
//!
//! Timings are for the reader to judge. Nothing asserts on them.

#![allow(
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a benchmark talks to the person who runs it, in rounded figures"
)]

mod commands;
#[path = "../round_trips/raw.rs"]
#[expect(dead_code, reason = "the other benchmark uses more of it")]
mod raw;
#[path = "../round_trips/stats.rs"]
#[expect(dead_code, reason = "the other benchmark uses more of it")]
mod stats;

use std::{
    env,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result, bail};
use mongo_lock_runtime::{Acquisition, LockClient, LockSpec, distributed_lock};
use mongo_lock_testkit::Server;
use mongodb::{Client, options::ClientOptions};
use tokio::{task::JoinSet, time::Instant};

use self::{commands::Commands, raw::Raw, stats::Sorted};

const NAMES: [usize; 2] = [64, 512];
const POOLS: [u32; 2] = [10, 100];
const TTL: Duration = Duration::from_secs(60 * 60);

/// The way in which a contender acquires and releases a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// `#[distributed_lock]`
    Attribute,
    /// `LockClient::try_acquire`
    Guard,
    /// Our own two commands, by the driver's `run_command`.
    Commands,
    /// The least that a lock can be, by `run_command`.
    Minimal,
}

const WAYS: [Way; 4] = [Way::Attribute, Way::Guard, Way::Commands, Way::Minimal];

#[distributed_lock(name = "attribute-{number}", ttl = "1h", client = client)]
async fn locked(client: &LockClient, number: usize) {}

/// All that the contenders need.
struct Field {
    client: LockClient,
    raw: Raw,
    commands: Commands,
}

impl Field {
    async fn pair(&self, way: Way, number: usize) -> Result<()> {
        match way {
            Way::Attribute => {
                if !locked(&self.client, number).await?.is_executed() {
                    bail!("the lock is not free");
                }
            }
            Way::Guard => {
                let spec = LockSpec::new(format!("guard-{number}"), TTL)?;
                match self.client.try_acquire(&spec).await? {
                    Acquisition::Acquired(guard) => drop(guard.release().await?),
                    Acquisition::Skipped(skipped) => bail!("{skipped}"),
                }
            }
            Way::Commands => self.commands.pair(&format!("commands-{number}")).await?,
            Way::Minimal => {
                self.raw
                    .pair_by_command(&format!("minimal-{number}"))
                    .await?;
            }
        }
        Ok(())
    }

    /// The pairs in a second.
    async fn turn(self: &Arc<Self>, way: Way, names: usize, time: Duration) -> Result<f64> {
        let pairs = Arc::new(AtomicU64::new(0));
        let begin = Instant::now();
        let mut tasks = JoinSet::new();
        for number in 0..names {
            let (field, pairs) = (Arc::clone(self), Arc::clone(&pairs));
            tasks.spawn(async move {
                while begin.elapsed() < time {
                    field.pair(way, number).await?;
                    pairs.fetch_add(1, Ordering::Relaxed);
                }
                anyhow::Ok(())
            });
        }
        while let Some(ended) = tasks.join_next().await {
            ended??;
        }
        Ok(pairs.load(Ordering::Relaxed) as f64 / begin.elapsed().as_secs_f64())
    }
}

/// `cargo bench` says `--bench`; `cargo test` does not, and only the code is on trial there.
fn main() -> Result<()> {
    let (rounds, time) = if env::args().any(|arg| arg == "--bench") {
        (12, Duration::from_millis(700))
    } else {
        (1, Duration::from_millis(20))
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async { tokio::spawn(run(rounds, time)).await })?
}

async fn run(rounds: usize, time: Duration) -> Result<()> {
    for pool in POOLS {
        let field = Arc::new(prepare(pool).await?);
        for names in NAMES {
            compare(&field, (pool, names), rounds, time).await?;
        }
        field.client.shutdown().await;
    }
    println!(
        "\n× commands: the median over the rounds of the ratio to our own two commands by `run_command`; \
         × minimal: to the least pipeline by `run_command`. In brackets: the 95 % interval. More is better."
    );
    Ok(())
}

async fn prepare(pool: u32) -> Result<Field> {
    let db = Server::shared().await.database().await;
    let mut options = ClientOptions::parse(db.uri()).await?;
    options.max_pool_size = Some(pool);
    let database = Client::with_options(options)?.database(db.name());
    let client = LockClient::builder()
        .client(database.client().clone())
        .database(database.name())
        .build()
        .await?;
    Ok(Field {
        raw: Raw::prepare(&database, "distributed_locks", client.owner()).await?,
        commands: Commands::prepare(&database)?,
        client,
    })
}

async fn compare(
    field: &Arc<Field>,
    (pool, names): (u32, usize),
    rounds: usize,
    time: Duration,
) -> Result<()> {
    // The first of a round also makes the documents and connections.
    for way in WAYS {
        field.turn(way, names, time).await?;
    }
    let mut results: Vec<[f64; WAYS.len()]> = Vec::new();
    let mut order = WAYS;
    for _ in 0..rounds {
        fastrand::shuffle(&mut order);
        let mut result = [0.0; WAYS.len()];
        for way in order {
            let index = WAYS.iter().position(|other| *other == way);
            result[index.context("it is one of them")?] = field.turn(way, names, time).await?;
        }
        results.push(result);
    }
    println!("\n{names} names, a pool of {pool}: pairs in a second, × commands, × minimal");
    for (index, way) in WAYS.iter().enumerate() {
        let of = |ratio: &dyn Fn(&[f64; WAYS.len()]) -> f64| {
            Sorted::new(results.iter().map(ratio).collect()).ratio()
        };
        let pairs = of(&|result| result[index]);
        let [commands, minimal] = [2, 3].map(|base| of(&|result| result[index] / result[base]));
        println!(
            "  {:<22} {:>7.0}   {:.3} [{:.3}, {:.3}]   {:.3} [{:.3}, {:.3}]",
            format!("{way:?}"),
            pairs.median,
            commands.median,
            commands.low,
            commands.high,
            minimal.median,
            minimal.low,
            minimal.high,
        );
    }
    Ok(())
}
