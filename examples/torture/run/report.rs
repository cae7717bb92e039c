//! The report of a run, for people.

use std::fmt;

use super::{
    check::{Findings, Longest, Violation},
    clock::{Micros, seconds},
    evidence::Evidence,
    jobs::KINDS,
};

/// The outcome of a run.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) acquisitions: u64,
    pub(crate) violations: Vec<Violation>,
    text: String,
    start: Micros,
    /// The folder of the ledgers, if they were kept.
    kept: Option<String>,
}

impl Report {
    pub(crate) fn new(seed: u64, evidence: &Evidence, findings: Findings) -> Self {
        Self {
            acquisitions: evidence.counts.get("began").copied().unwrap_or_default(),
            text: format!("{:<16} {seed}\n{}", "seed", text(evidence, &findings)),
            violations: findings.violations,
            start: evidence.start,
            kept: None,
        }
    }

    pub(crate) fn kept(&mut self, folder: String) {
        self.kept = Some(folder);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 10;
        f.write_str(&self.text)?;
        writeln!(f, "violations       {}", self.violations.len())?;
        for violation in self.violations.iter().take(SHOWN) {
            writeln!(f, "\nBROKEN: {}\n  {}", violation.promise, violation.what)?;
            for line in &violation.lines {
                writeln!(f, "    {}", line.show(self.start))?;
            }
        }
        if let Some(more) = self.violations.len().checked_sub(SHOWN + 1) {
            writeln!(f, "\n… and {} more", more + 1)?;
        }
        if let Some(folder) = &self.kept {
            writeln!(f, "\nThe ledgers are in {folder}")?;
        }
        Ok(())
    }
}

const LINKS: [&str; 8] = [
    "Hang",
    "HoldReplies",
    "Refuse",
    "Jitter",
    "Close",
    "Block",
    "Error",
    "NoMajority",
];

fn text(evidence: &Evidence, findings: &Findings) -> String {
    let count = |what: &str| evidence.counts.get(what).copied().unwrap_or_default();
    let list = |prefix: &str, names: &[&str]| {
        let each = names.iter().map(|name| {
            let number = count(&format!("{prefix}{name}"));
            format!("{name} {number}")
        });
        each.collect::<Vec<_>>().join(", ")
    };
    let kinds: Vec<_> = KINDS.iter().map(|kind| format!("{kind:?}")).collect();
    let kinds: Vec<_> = kinds.iter().map(String::as_str).chain(["Probe"]).collect();
    [
        row(
            "acquisitions",
            format!("{} ({})", count("began"), list("began ", &kinds)),
        ),
        row("skips", count("skipped")),
        row(
            "calls ended",
            list("", &["executed", "cancelled", "panicked"]),
        ),
        row(
            "calls failed",
            list(
                "failed ",
                &[
                    "lost",
                    "too-late",
                    "timeout",
                    "database",
                    "shut-down",
                    "other",
                ],
            ),
        ),
        row(
            "worker faults",
            format!(
                "killed {}, paused {}, asked to finish {}",
                count("killing"),
                count("stopping"),
                count("asking")
            ),
        ),
        row(
            "link faults",
            format!(
                "{}, Unacknowledged {}",
                list("hung ", &LINKS),
                count("unacknowledged")
            ),
        ),
        row(
            "node faults",
            format!(
                "{}, lock documents deleted {}",
                list(
                    "trouble ",
                    &[
                        "StepDown",
                        "KillPrimary",
                        "KillAhead",
                        "KillSecondary",
                        "Pause"
                    ]
                ),
                count("removed"),
            ),
        ),
        row(
            "fenced writes",
            format!(
                "{}; {} of them transactions that moved 1 between two accounts",
                list("write ", &["applied", "refused", "unknown"]),
                findings.transfers
            ),
        ),
        of_leases(findings),
    ]
    .concat()
}

fn row(name: &str, what: impl fmt::Display) -> String {
    format!("{name:<16} {what}\n")
}

fn of_leases(findings: &Findings) -> String {
    let longest = |it: &Longest, what: &str| match it.count {
        0 => format!("no {what}"),
        count => format!("{} at most, {count} {what}", seconds(it.time)),
    };
    [
        row(
            "dead holders",
            format!(
                "blocked a lock for {}; it was taken again after {}",
                longest(&findings.blocked_by_dead, "refusals"),
                longest(&findings.taken_after_death, "times"),
            ),
        ),
        row(
            "unknown leases",
            format!(
                "blocked a lock for {}",
                longest(&findings.blocked_by_orphan, "refusals")
            ),
        ),
        row(
            "waiting",
            format!(
                "got a lock after {}; writers among readers after {}; {} judged for fairness",
                longest(&findings.waited, "times"),
                longest(&findings.writers_waited, "times"),
                findings.judged,
            ),
        ),
        row(
            "sharing",
            format!("{} readers beside another one", findings.shared),
        ),
        row(
            "excused",
            format!(
                "{} bodies that were paused or blocked in the middle of a step; leases stamped \
                 before their predecessor's end: {}",
                findings.excused,
                longest(&findings.stamped_early, "times"),
            ),
        ),
    ]
    .concat()
}
