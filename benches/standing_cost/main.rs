//! The cost of waiting at rest: what a server pays for clients that wait, do nothing else, and for a
//! queue that moves.
//!
//! `cargo bench --bench standing_cost`: below four minutes; parts of it with `-- rest`, `drain`, `locks`,
//! `readers` or `cursors`. Linux only, for the processor time of `mongod`.
//!
//! Waiting clients are clients of this process, each with a driver client, connections and a listener of its
//! own: as many listeners as processes would have.

#![allow(
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a benchmark talks to the person who runs it, in rounded figures"
)]

mod crowd;
mod many;
mod server;

use std::{env, process::ExitCode, time::Duration};

use anyhow::Result;
use mongodb::bson::{Document, doc};
use tokio::time::sleep;

use self::{crowd::Crowd, server::Watched};

/// The extent of a run.
struct Size {
    crowds: &'static [usize],
    rest: Duration,
    /// Rounds of unrelated inserts.
    rounds: usize,
    drains: &'static [(usize, usize)],
    many: usize,
}

/// `cargo bench` says `--bench`; `cargo test` does not, and only the code is on trial there.
fn size() -> Size {
    if env::args().any(|arg| arg == "--bench") {
        Size {
            crowds: &[0, 10, 50, 100, 200],
            rest: Duration::from_millis(6400),
            rounds: 5,
            drains: &[(10, 6), (100, 2)],
            many: 1000,
        }
    } else {
        Size {
            crowds: &[0, 2],
            rest: Duration::from_millis(200),
            rounds: 1,
            drains: &[(2, 1), (4, 1)],
            many: 20,
        }
    }
}

/// Bars, and whether they are met.
#[derive(Default)]
pub(crate) struct Bars {
    lines: Vec<String>,
    missed: bool,
}

impl Bars {
    pub(crate) fn add(&mut self, what: &str, measured: f64, bar: f64, unit: &str) {
        let met = measured <= bar;
        self.missed |= !met;
        let verdict = if met { "met" } else { "MISSED" };
        let line =
            format!("  {what:<64}{measured:>8.2}{unit:<3} bar {bar:>6.2}{unit:<3} {verdict}");
        self.lines.push(line);
    }
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let size = size();
    let watched = Watched::start().await?;
    let mut bars = Bars::default();
    let parts: Vec<String> = env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let wanted = |part: &str| parts.is_empty() || parts.iter().any(|it| it == part);
    if wanted("rest") {
        at_rest(&watched, &size, &mut bars).await?;
    }
    if wanted("drain") {
        draining(&watched, &size, &mut bars).await?;
    }
    if wanted("locks") {
        many::locks(&watched, size.many, &mut bars).await?;
    }
    if wanted("readers") {
        many::readers(&watched, size.many, &mut bars).await?;
    }
    if wanted("cursors") {
        cursors(&watched, &mut bars).await?;
    }
    println!("\nbars");
    for line in &bars.lines {
        println!("{line}");
    }
    let judges = size.crowds.len() > 2;
    Ok(if bars.missed && judges {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// Clients that wait, and an application that writes.
async fn at_rest(watched: &Watched, size: &Size, bars: &mut Bars) -> Result<()> {
    println!("waiting clients   idle, % of a core   10,000 inserts, s of processor time");
    let mut alone = 0.0;
    for &count in size.crowds {
        let crowd = Crowd::gather(watched, count, &format!("rest-{count}")).await?;
        let idle = watched.rest(size.rest).await?;
        let mut costs = Vec::new();
        for _ in 0..size.rounds {
            let start = watched.begin()?;
            insert(watched).await?;
            costs.push(watched.spent(&start)?.cpu);
        }
        costs.sort_by(f64::total_cmp);
        let inserts = costs[costs.len() / 2];
        println!("{count:>15}{:>20.1}{inserts:>42.3}", idle.percent());
        match count {
            0 => alone = inserts,
            50 => bars.add(
                "50 waiting clients: unrelated inserts over those with none",
                inserts / alone,
                1.3,
                "x",
            ),
            100 => bars.add("100 waiting clients: idle", idle.percent(), 10.0, "%"),
            _ => {}
        }
        crowd.shut_down().await;
    }
    Ok(())
}

async fn insert(watched: &Watched) -> Result<()> {
    let others = watched.db.collection::<Document>("orders");
    for _ in 0..10 {
        let batch = (0..1000).map(|number| doc! { "number": number, "text": "of the service" });
        others.insert_many(batch).await?;
    }
    Ok(())
}

/// A queue that moves to its end.
async fn draining(watched: &Watched, size: &Size, bars: &mut Bars) -> Result<()> {
    println!("\nwaiters   ms of processor time, ms, and oplog bytes per hand-over");
    let mut costs = Vec::new();
    for &(count, rounds) in size.drains {
        let (mut cpu, mut time, mut bytes) = (0.0, 0.0, 0.0);
        for round in 0..rounds {
            let name = format!("drain-{count}-{round}");
            let crowd = Crowd::gather(watched, count, &name).await?;
            let (end, start) = (watched.oplog_end().await?, watched.begin()?);
            let clients = crowd.drain().await?;
            let spent = watched.spent(&start)?;
            bytes += watched.oplog_bytes(end).await?;
            cpu += spent.cpu;
            time += spent.time;
            drop(clients);
            sleep(Duration::from_millis(500)).await;
        }
        let hand_overs = (count * rounds) as f64;
        println!(
            "{count:>7}{:>26.2}{:>9.2}{:>15.0}",
            cpu * 1e3 / hand_overs,
            time * 1e3 / hand_overs,
            bytes / hand_overs
        );
        costs.push(cpu / hand_overs);
    }
    let [few, many] = costs[..] else {
        return Ok(());
    };
    bars.add(
        "draining 100 waiters over draining 10, per hand-over",
        many / few,
        2.0,
        "x",
    );
    Ok(())
}

/// What is left on the server.
async fn cursors(watched: &Watched, bars: &mut Bars) -> Result<()> {
    Crowd::gather(watched, 5, "shut-down")
        .await?
        .shut_down()
        .await;
    bars.add(
        "cursors after a shutdown",
        watched.cursors().await? as f64,
        0.0,
        "",
    );
    Crowd::gather(watched, 5, "dropped").await?.go().await;
    sleep(Duration::from_secs(2)).await;
    bars.add(
        "cursors two seconds after the clients were dropped",
        watched.cursors().await? as f64,
        0.0,
        "",
    );
    let crowd = Crowd::gather(watched, 5, "step-down").await?;
    for _ in 0..2 {
        watched.server.step_down().await?;
        watched.server.ready().await?;
        sleep(Duration::from_secs(8)).await;
    }
    let extra = watched.cursors().await?.saturating_sub(5);
    bars.add(
        "cursors beyond one per client after two step-downs",
        extra as f64,
        0.0,
        "",
    );
    crowd.shut_down().await;
    bars.add(
        "cursors after step-downs and a shutdown",
        watched.cursors().await? as f64,
        0.0,
        "",
    );
    Ok(())
}
