//! The table of results, for people.

use std::fmt;

use crate::{
    contender::{ALL, Contender, PING, Way, Work},
    count::Commands,
    rounds::Timings,
    stats::Ratio,
};

/// Of the raw driver's time for the same commands.
const GOAL: f64 = 1.05;

/// With fewer rounds than this, chance decides.
const ENOUGH: usize = 100;

const LEGEND: &str = "
× driver, × run_command, × ping: the median over the rounds of the ratio within a round.
of medians: the median over the driver's median.
driver: typed helpers, with the retryable writes that are their default.
shared client: on the driver's client of the contenders above; the two lines before it have connections
of their own.
run_command: the same commands without retryable writes, as we send them; the stricter comparison.
driver again: the noise of this run; what differs by no more does not differ.
";

pub(crate) struct Table {
    pub(crate) timings: Timings,
    pub(crate) commands: Vec<Commands>,
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.head(f)?;
        for (contender, commands) in ALL.into_iter().zip(&self.commands) {
            match (contender.work, contender.way) {
                (Work::Pair, Way::Typed) => writeln!(f, "acquire and release")?,
                (Work::Refusal, Way::Typed) => writeln!(f, "be refused")?,
                _ => {}
            }
            self.row(f, contender, commands)?;
        }
        writeln!(f, "{LEGEND}")?;
        self.verdicts(f)
    }
}

impl Table {
    fn head(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rounds = self.timings.rounds();
        writeln!(f, "{rounds} rounds; times in milliseconds\n")?;
        writeln!(
            f,
            "{:<34}{:>8}{:>9}{:>10}{:>12}{:>15}{:>8}   server saw",
            "", "median", "p99", "× driver", "of medians", "× run_command", "× ping"
        )
    }

    fn row(&self, f: &mut fmt::Formatter<'_>, row: Contender, commands: &Commands) -> fmt::Result {
        let times = self.timings.sorted(row);
        let name = match row.work {
            Work::Ping => "ping".to_owned(),
            Work::Pair | Work::Refusal => format!("  {}", label(row.way)),
        };
        write!(f, "{name:<34}{:>8.3}{:>9.3}", times.median(), times.p99())?;
        if row == PING {
            write!(f, "{:>37}", "")?;
        } else {
            let by = |way| self.timings.ratio(row, Contender { way, ..row }).median;
            let typed = self.timings.sorted(Contender {
                way: Way::Typed,
                ..row
            });
            let of_medians = times.median() / typed.median();
            let (typed, command) = (by(Way::Typed), by(Way::Command));
            write!(f, "{typed:>10.3}{of_medians:>12.3}{command:>15.3}")?;
        }
        let ping = self.timings.ratio(row, PING).median;
        writeln!(f, "{ping:>8.2}   {commands}")
    }

    fn verdicts(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.timings.rounds() < ENOUGH {
            return writeln!(f, "Fewer than {ENOUGH} rounds: too few to judge by.");
        }
        let goal = format!("goal: at most {GOAL} × the driver's commands");
        writeln!(f, "{goal:<51}{:<32}× run_command", "× driver")?;
        for (work, what) in [
            (Work::Pair, "acquire and release"),
            (Work::Refusal, "be refused"),
        ] {
            for way in [
                Way::Attribute,
                Way::Observed,
                Way::Spanned,
                Way::Guard,
                Way::Shared,
            ] {
                write!(f, "  {what:<21}{:<28}", label(way))?;
                let by = |by| {
                    let other = Contender { work, way: by };
                    verdict(self.timings.ratio(Contender { work, way }, other))
                };
                writeln!(f, "{:<32}{}", by(Way::Typed), by(Way::Command))?;
            }
        }
        writeln!(f, "\nto be seen: × #[distributed_lock]")?;
        for (work, what) in [
            (Work::Pair, "acquire and release"),
            (Work::Refusal, "be refused"),
        ] {
            for way in [Way::Observed, Way::Spanned] {
                let without = Contender {
                    work,
                    way: Way::Attribute,
                };
                let Ratio { median, low, high } =
                    self.timings.ratio(Contender { work, way }, without);
                let way = label(way);
                writeln!(f, "  {what:<21}{way:<28}{median:.3} [{low:.3}, {high:.3}]")?;
            }
        }
        writeln!(f, "In brackets: the 95 % interval.")
    }
}

fn verdict(ratio: Ratio) -> String {
    let Ratio { median, low, high } = ratio;
    let verdict = if high <= GOAL {
        "met"
    } else if low > GOAL {
        "missed"
    } else {
        "unclear"
    };
    format!("{median:.3} [{low:.3}, {high:.3}] {verdict}")
}

fn label(way: Way) -> &'static str {
    match way {
        Way::Typed => "driver",
        Way::Control => "driver again",
        Way::Command => "driver, run_command",
        Way::Recipe => "unique document, by hand",
        Way::Attribute => "#[distributed_lock]",
        Way::Observed => "  with metrics",
        Way::Spanned => "  in a span that is heard",
        Way::Guard => "try_acquire",
        Way::Shared => "try_acquire, shared client",
    }
}
