//! Many locks, and many readers, of one process.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use mongo_lock_runtime::{LockClient, LockSpec};
use tokio::{task::JoinSet, time::sleep};

use crate::{Bars, crowd::spec, server::Watched};

/// As many acquisitions are under way at once.
const AT_ONCE: usize = 32;

/// The time between confirmations.
const INTERVAL: f64 = 1.6;

/// One waiter for each of many locks, all in one process.
pub(crate) async fn locks(watched: &Watched, count: usize, bars: &mut Bars) -> Result<()> {
    let holder = LockClient::connect(watched.db.uri()).await?;
    let waiting = LockClient::connect(watched.db.uri()).await?;
    let names: Vec<_> = (0..count).map(|lock| format!("many-{lock}")).collect();
    let mut guards = Vec::new();
    for names in names.chunks(AT_ONCE) {
        let mut acquiring = JoinSet::new();
        for name in names {
            let (client, spec) = (holder.clone(), spec(name));
            acquiring.spawn(async move { client.acquire(&spec).await });
        }
        while let Some(guard) = acquiring.join_next().await {
            guards.push(guard??);
        }
    }
    let mut waiters = JoinSet::new();
    for name in names {
        let (client, spec) = (waiting.clone(), spec(&name));
        waiters.spawn(async move { client.acquire(&spec).await.map(drop) });
    }
    let started = Instant::now();
    while watched.places().await? != count {
        ensure!(
            started.elapsed() < Duration::from_secs(60),
            "{count} callers do not wait"
        );
        sleep(Duration::from_millis(200)).await;
    }
    sleep(Duration::from_secs(4)).await;
    let before = watched.commands().await?;
    let spent = watched.rest(Duration::from_secs(8)).await?;
    // Not the command that counts the places.
    let commands = (watched.commands().await? - before) as f64 / (spent.time / INTERVAL);
    let kept = watched.places().await?;
    println!(
        "\n{count} locks, each with a waiter of one process: {commands:.1} commands per interval, {:.1} % of a \
         core, {kept} places kept",
        spent.percent()
    );
    bars.add(
        "1,000 locks with a waiter each: commands per interval",
        commands,
        5.0,
        "",
    );
    bars.add(
        "1,000 locks with a waiter each: idle",
        spent.percent(),
        5.0,
        "%",
    );
    let started = Instant::now();
    waiting.shutdown().await;
    println!("shutdown of the client that waits: {:?}", started.elapsed());
    waiters.shutdown().await;
    let started = Instant::now();
    drop(guards);
    holder.shutdown().limit(Duration::from_secs(60)).await;
    println!(
        "release of {count} guards at a shutdown: {:?}",
        started.elapsed()
    );
    Ok(())
}

/// Readers of one process that join one after the other.
pub(crate) async fn readers(watched: &Watched, count: usize, bars: &mut Bars) -> Result<()> {
    let client = LockClient::connect(watched.db.uri()).await?;
    let spec = LockSpec::builder("readers", Duration::from_secs(600));
    let spec = spec.shared(true).build()?;
    let part = count / 10;
    let (mut guards, mut costs) = (Vec::new(), Vec::new());
    println!("\nreaders of one process   ms of processor time and ms per acquisition");
    for done in (0..count).step_by(part) {
        let start = watched.begin()?;
        for _ in 0..part {
            guards.push(client.acquire(&spec).await?);
        }
        let spent = watched.spent(&start)?;
        let (cpu, time) = (
            spent.cpu * 1e3 / part as f64,
            spent.time * 1e3 / part as f64,
        );
        println!("{:>22}{cpu:>25.2}{time:>8.2}", done + part);
        costs.push(time);
    }
    let (first, last) = (costs[0], costs[costs.len() - 1]);
    bars.add(
        "1,000 readers: the time of the last acquisitions over the first",
        last / first,
        1.5,
        "x",
    );
    drop(guards);
    client.shutdown().limit(Duration::from_secs(60)).await;
    Ok(())
}
