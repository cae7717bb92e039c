//! The time that the lock is on its way from one process to another.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use mongodb::bson::doc;
use tokio::time::sleep;

use crate::{
    dice::Dice,
    fleet::Fleet,
    stats::{Ratio, Sorted},
    way::{self, Way},
};

/// The times, in milliseconds, round by round. A round has several of each, of which the median
/// stands for the round in a ratio.
#[derive(Debug, Default)]
pub(crate) struct HandOffs {
    pub(crate) pings: Rounds,
    pub(crate) writes: Rounds,
    pub(crate) ways: [Rounds; way::ALL.len()],
}

#[derive(Debug, Default)]
pub(crate) struct Rounds(Vec<Vec<f64>>);

/// The steps of a round: each as often, but for the slowest.
const ROUND: [Step; 13] = [
    Step::Ping,
    Step::Ping,
    Step::Ping,
    Step::Write,
    Step::Write,
    Step::Write,
    Step::HandOff(way::ALL[0]),
    Step::HandOff(way::ALL[0]),
    Step::HandOff(way::ALL[0]),
    Step::HandOff(way::ALL[1]),
    Step::HandOff(way::ALL[1]),
    Step::HandOff(way::ALL[1]),
    Step::HandOff(way::ALL[2]),
];

#[derive(Debug, Clone, Copy)]
enum Step {
    Ping,
    Write,
    HandOff(Way),
}

pub(crate) async fn run(fleet: &mut Fleet<'_>, all: &mut HandOffs, rounds: usize) -> Result<()> {
    let mut dice = Dice::default();
    // Connections, cursors and collections are made once and for all.
    let mut warm_up = HandOffs::default();
    for _ in 0..rounds.min(5) {
        round(fleet, &mut warm_up, &mut dice, 0).await?;
    }
    for number in 0..rounds {
        round(fleet, all, &mut dice, number).await?;
    }
    Ok(())
}

async fn round(
    fleet: &mut Fleet<'_>,
    all: &mut HandOffs,
    dice: &mut Dice,
    number: usize,
) -> Result<()> {
    let rounds = [&mut all.pings, &mut all.writes];
    for rounds in rounds.into_iter().chain(&mut all.ways) {
        rounds.0.push(Vec::new());
    }
    let mut steps = ROUND;
    dice.shuffle(&mut steps);
    for step in steps {
        match step {
            Step::Ping => {
                let start = Instant::now();
                fleet.db.run_command(doc! { "ping": 1 }).await?;
                all.pings.note(start.elapsed());
            }
            Step::Write => {
                let write = doc! {
                    "update": "writes",
                    "updates": [{
                        "q": { "_id": 0 },
                        "u": { "$inc": { "writes": 1 } },
                        "upsert": true,
                    }],
                    "writeConcern": { "w": "majority" },
                };
                let start = Instant::now();
                fleet.db.run_command(write).await?;
                all.writes.note(start.elapsed());
            }
            Step::HandOff(way) => {
                let took = hand_off(fleet, way, dice, number % 2).await?;
                all.ways[way.index()].note(took);
            }
        }
    }
    Ok(())
}

/// From one of the first two workers to the other.
async fn hand_off(
    fleet: &mut Fleet<'_>,
    way: Way,
    dice: &mut Dice,
    from: usize,
) -> Result<Duration> {
    let to = 1 - from;
    fleet.workers[from].tell(&format!("hold {way}")).await?;
    let held = fleet.workers[from].says().await?;
    ensure!(held == "held", "{held}");
    fleet.workers[to].tell(&format!("wait {way}")).await?;
    // Long enough to be in line; then at any moment between two looks of one that polls.
    let pause = u64::try_from(way.pause().as_micros())?;
    sleep(Duration::from_micros(15_000 + dice.roll(pause))).await;
    fleet.workers[from].tell(&format!("release {way}")).await?;
    let released = fleet.number_after(from, "released").await?;
    let got = fleet.number_after(to, "got").await?;
    let took = got.saturating_sub(released);
    // The next hand-off must not wait for the work that is left after this one.
    sleep(Duration::from_millis(5)).await;
    Ok(Duration::from_nanos(u64::try_from(took)?))
}

impl Rounds {
    fn note(&mut self, took: Duration) {
        if let Some(round) = self.0.last_mut() {
            round.push(took.as_secs_f64() * 1e3);
        }
    }

    pub(crate) fn sorted(&self) -> Sorted {
        Sorted::new(self.0.concat())
    }

    pub(crate) fn count(&self) -> usize {
        self.0.iter().map(Vec::len).sum()
    }

    fn medians(&self) -> impl Iterator<Item = f64> {
        self.0
            .iter()
            .map(|round| Sorted::new(round.clone()).median())
    }
}

impl HandOffs {
    pub(crate) fn is_empty(&self) -> bool {
        self.pings.0.is_empty()
    }

    /// The time that our hand-off may take: six pings and two majority writes.
    pub(crate) fn allowed(&self) -> f64 {
        cost(self.pings.sorted().median(), self.writes.sorted().median())
    }

    /// The time of a hand-off over the time that ours may take, in the same round.
    pub(crate) fn of_allowed(&self, way: Way) -> Ratio {
        let allowed = self.pings.medians().zip(self.writes.medians());
        let allowed = allowed.map(|(ping, write)| cost(ping, write));
        let took = self.ways[way.index()].medians();
        Sorted::new(took.zip(allowed).map(|(took, may)| took / may).collect()).ratio()
    }
}

fn cost(ping: f64, write: f64) -> f64 {
    6.0 * ping + 2.0 * write
}
