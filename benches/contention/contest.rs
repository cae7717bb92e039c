//! Contests: some number of tasks, in some number of processes, want one lock.

use std::{
    fmt,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use tokio::time::sleep;

use crate::{
    count::Commands,
    dice::Dice,
    fleet::Fleet,
    stats::Sorted,
    way::{self, Way},
};

/// The processes and tasks that take part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Crowd {
    pub(crate) processes: usize,
    /// In each of them.
    pub(crate) tasks: usize,
}

/// In the order of the table.
pub(crate) fn all() -> impl Iterator<Item = Crowd> {
    [
        (1, 8),
        (1, 32),
        (1, 64),
        (1, 512),
        (2, 1),
        (8, 1),
        (8, 8),
        (8, 64),
    ]
    .into_iter()
    .map(|(processes, tasks)| Crowd { processes, tasks })
}

impl Crowd {
    pub(crate) fn waiters(self) -> usize {
        self.processes * self.tasks
    }
}

impl fmt::Display for Crowd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} × {}", self.processes, self.tasks)
    }
}

/// The scores of a crowd.
pub(crate) struct Contest {
    pub(crate) crowd: Crowd,
    pub(crate) ways: [Score; way::ALL.len()],
}

/// The score of a crowd with one way to wait.
#[derive(Debug, Default)]
pub(crate) struct Score {
    pub(crate) commands: Commands,
    /// The number of turns of each waiter, in all rounds.
    turns: Vec<u64>,
    pub(crate) rounds: u64,
    /// Seconds per turn, round by round.
    pace: Vec<f64>,
    took: Duration,
    /// Processor time of the workers.
    used: Option<Duration>,
}

impl Contest {
    pub(crate) fn new(crowd: Crowd) -> Self {
        Self {
            crowd,
            ways: Default::default(),
        }
    }

    pub(crate) fn score(&self, way: Way) -> &Score {
        &self.ways[way.index()]
    }
}

/// Every contest once, in each way.
pub(crate) async fn round(
    fleet: &mut Fleet<'_>,
    contests: &mut [Contest],
    watched: Duration,
) -> Result<()> {
    let number = contests.first().map_or(0, |it| it.ways[0].rounds);
    let mut order: Vec<_> = (0..contests.len())
        .flat_map(|contest| way::ALL.map(|way| (contest, way)))
        .collect();
    let mut dice = Dice::default();
    for _ in 0..=number {
        dice.shuffle(&mut order);
    }
    for (contest, way) in order {
        let contest = &mut contests[contest];
        let crowd = contest.crowd;
        let name = format!("{}-{}-{way}-{number}", crowd.processes, crowd.tasks);
        // In a crowd this large, it takes time until every waiter has had a turn; but not by polling, with
        // which most waiters never have one.
        let watched = if crowd.waiters() > 100 && way == Way::Ours {
            watched * 4
        } else {
            watched
        };
        let score = &mut contest.ways[way.index()];
        let one = watch(fleet, crowd, way, &name, watched, score).await;
        one.with_context(|| format!("{crowd}, {}", way.label()))?;
    }
    Ok(())
}

async fn watch(
    fleet: &mut Fleet<'_>,
    crowd: Crowd,
    way: Way,
    name: &str,
    watched: Duration,
    score: &mut Score,
) -> Result<()> {
    let run = format!("run {way} {} {} {name}", crowd.tasks, crowd.processes);
    fleet.tell(crowd.processes, &run).await?;
    // Until every waiter is in the queue, and cursors are open.
    sleep(watched / 4).await;
    let (start, before) = (Instant::now(), turns(fleet, crowd).await?);
    let commands = Commands::of(fleet.db).await?;
    let cpu = fleet.processor_time(crowd.processes);
    sleep(watched).await;
    let used = fleet.processor_time(crowd.processes);
    let after = turns(fleet, crowd).await?;
    let (took, seen) = (start.elapsed(), Commands::of(fleet.db).await?);
    fleet.tell(crowd.processes, "stop").await?;
    // The next crowd must not pay for the work that is left.
    sleep(watched / 10).await;

    let turns: Vec<_> = after
        .iter()
        .zip(before)
        .map(|(n, before)| n - before)
        .collect();
    let total: u64 = turns.iter().sum();
    score.pace.push(took.as_secs_f64() / total as f64);
    score.turns.resize(turns.len(), 0);
    for (sum, turns) in score.turns.iter_mut().zip(turns) {
        *sum += turns;
    }
    score.commands.add(seen.since(&commands));
    score.rounds += 1;
    score.took += took;
    let used = used.zip(cpu).map(|(used, cpu)| used.saturating_sub(cpu));
    score.used = used.map(|used| used + score.used.unwrap_or_default());
    Ok(())
}

/// The number of turns of each waiter so far.
async fn turns(fleet: &mut Fleet<'_>, crowd: Crowd) -> Result<Vec<u64>> {
    let said = fleet.tell(crowd.processes, "count").await?;
    let turns = said.iter().flat_map(|line| line.split_whitespace());
    Ok(turns.map(str::parse).collect::<Result<_, _>>()?)
}

impl Score {
    pub(crate) fn turns(&self) -> u64 {
        self.turns.iter().sum()
    }

    pub(crate) fn least(&self) -> u64 {
        self.turns.iter().min().copied().unwrap_or_default()
    }

    pub(crate) fn most(&self) -> u64 {
        self.turns.iter().max().copied().unwrap_or_default()
    }

    pub(crate) fn per_second(&self) -> f64 {
        self.turns() as f64 / self.took.as_secs_f64()
    }

    /// The processor time of the workers per turn, in microseconds.
    pub(crate) fn processor_us(&self) -> Option<f64> {
        let used = self.used?.as_secs_f64();
        Some(used * 1e6 / self.turns() as f64)
    }

    pub(crate) fn commands(&self) -> f64 {
        self.commands.all() as f64 / self.turns() as f64
    }

    pub(crate) fn commands_without_get_more(&self) -> f64 {
        self.commands.without_get_more() as f64 / self.turns() as f64
    }

    /// The time per turn over that of `other` in the same round.
    pub(crate) fn time_over(&self, other: &Self) -> f64 {
        let pairs = self.pace.iter().zip(&other.pace);
        Sorted::new(pairs.map(|(ours, theirs)| ours / theirs).collect()).median()
    }
}
