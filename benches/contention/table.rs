//! The table of results, for people.

use std::fmt;

use crate::{
    bars::{Bar, bars, fairest, with_eight},
    contest::Contest,
    hand_off::{HandOffs, Rounds},
    way,
};

const LEGEND: &str = "
P × T: P processes with T tasks each, all of which want one lock, hold it for nothing, and want it
again at once; next to each in the queue is a task of another process.
per s: acquisitions. × ours: the time of one over that of ours in the same round; for ours, over ours
with 8 waiters. cpu: of all the processes that wait, per acquisition.
turns: of the waiter that had fewest, and of the one that had most.
server saw: commands per acquisition as `serverStatus` counts them, from every client; all of them, and
all but `getMore`, by which cursors ask for wake-ups. The bars are on all of them.
";

pub(crate) struct Table {
    /// Whether there is enough to judge by.
    pub(crate) judges: bool,
    pub(crate) hand_offs: HandOffs,
    pub(crate) contests: Vec<Contest>,
}

impl Table {
    fn bars(&self) -> Vec<Bar> {
        bars(&self.hand_offs, &self.contests)
    }

    pub(crate) fn is_good(&self) -> bool {
        !self.judges || self.bars().iter().all(Bar::is_good)
    }

    fn hand_offs(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<34}{:>8}{:>10}{:>9}{:>10}{:>8}",
            "hand-off between two processes", "p50 ms", "p99 ms", "× ping", "× write", "times"
        )?;
        let it = &self.hand_offs;
        self.hand_off(f, "a ping", &it.pings)?;
        self.hand_off(f, "a majority write", &it.writes)?;
        let allowed = it.allowed();
        writeln!(f, "  {:<32}{allowed:>8.2}", "6 pings + 2 majority writes")?;
        for way in way::ALL {
            self.hand_off(f, way.label(), &it.ways[way.index()])?;
        }
        writeln!(f)
    }

    fn hand_off(&self, f: &mut fmt::Formatter<'_>, name: &str, times: &Rounds) -> fmt::Result {
        let sorted = times.sorted();
        let (p50, p99) = (sorted.median(), sorted.p99());
        let by_ping = p50 / self.hand_offs.pings.sorted().median();
        let by_write = p50 / self.hand_offs.writes.sorted().median();
        let count = times.count();
        writeln!(
            f,
            "  {name:<32}{p50:>8.2}{p99:>10.2}{by_ping:>9.1}{by_write:>10.1}{count:>8}"
        )
    }

    fn contest(&self, f: &mut fmt::Formatter<'_>, contest: &Contest) -> fmt::Result {
        writeln!(f, "{}", contest.crowd)?;
        let ours = contest.score(way::ALL[0]);
        for way in way::ALL {
            let score = contest.score(way);
            write!(f, "  {:<21}{:>7.1}", way.label(), score.per_second())?;
            let other = match way {
                way::Way::Ours => with_eight(contest, &self.contests),
                way::Way::Polled(_) => Some(ours),
            };
            let time = other.map(|other| format!("{:.2}", score.time_over(other)));
            let turns = format!("{}–{}", score.least(), score.most());
            let used = score.processor_us().map(|us| format!("{us:.0}"));
            write!(
                f,
                "{:>9}{:>9}{turns:>11}{:>9.2}{:>9.2}{:>9.2}  ",
                time.unwrap_or_default(),
                used.unwrap_or_default(),
                fairest(score),
                score.commands(),
                score.commands_without_get_more(),
            )?;
            for (name, count) in score.commands.by_name() {
                let each = count as f64 / score.turns() as f64;
                // A rare command does not belong to the hand-off.
                if each >= 0.005 {
                    write!(f, " {name} {each:.2}")?;
                }
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.hand_offs.is_empty() {
            self.hand_offs(f)?;
        }
        if !self.contests.is_empty() {
            writeln!(f, "{:>84}", "server saw")?;
            writeln!(
                f,
                "{:<23}{:>7}{:>9}{:>9}{:>11}{:>9}{:>9}{:>9}   of which",
                "P × T", "per s", "× ours", "cpu µs", "turns", "max/min", "all", "−getMore"
            )?;
        }
        for contest in &self.contests {
            self.contest(f, contest)?;
        }
        writeln!(f, "{LEGEND}")?;
        if !self.judges {
            return writeln!(f, "A smoke run: too little to judge by.");
        }
        for bar in self.bars() {
            writeln!(f, "{bar}")?;
        }
        Ok(())
    }
}
