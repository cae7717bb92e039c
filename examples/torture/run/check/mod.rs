//! Looks for a promise that was broken, in the evidence alone.

mod exclusion;
mod expiry;
mod fairness;
mod fence;
mod limits;
#[cfg(test)]
mod tests;
mod tokens;

use super::{clock::Micros, evidence::Evidence, history::History, ledger::Line};

/// A broken promise, with the lines that show it.
#[derive(Debug, Clone)]
pub(crate) struct Violation {
    pub(crate) promise: &'static str,
    pub(crate) what: String,
    pub(crate) lines: Vec<Line>,
}

/// Measurements that are no violations, and worth knowing.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) violations: Vec<Violation>,
    /// The longest that a caller was refused because of a holder that was dead.
    pub(crate) blocked_by_dead: Longest,
    /// The longest that it took until the lock of a dead holder was taken again.
    pub(crate) taken_after_death: Longest,
    /// The longest that a caller was refused because of a lease that no body knew of.
    pub(crate) blocked_by_orphan: Longest,
    /// Bodies that went on for a line because their process was paused, or blocked, in the middle
    /// of a step.
    pub(crate) excused: u64,
    /// The time by which a lease began before the end of its predecessor, by the server's stamps, although it
    /// was granted afterwards.
    pub(crate) stamped_early: Longest,
    /// Transactions that were committed.
    pub(crate) transfers: usize,
    /// Readers that had the lock together with another one.
    pub(crate) shared: u64,
    /// The longest that a caller waited for its turn and got it.
    pub(crate) waited: Longest,
    /// The longest that a writer waited for readers.
    pub(crate) writers_waited: Longest,
    /// Callers that waited, or gave up, with nothing in their way but others.
    pub(crate) judged: u64,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Longest {
    pub(crate) count: u64,
    pub(crate) time: Micros,
}

impl Longest {
    fn add(&mut self, time: Micros) {
        self.count += 1;
        self.time = self.time.max(time);
    }
}

impl Findings {
    fn violation(&mut self, promise: &'static str, what: String, lines: Vec<Line>) {
        self.violations.push(Violation {
            promise,
            what,
            lines,
        });
    }
}

pub(crate) fn check(evidence: &Evidence, history: &History) -> Findings {
    let mut findings = Findings::default();
    exclusion::check(evidence, &mut findings);
    limits::check(evidence, &mut findings);
    tokens::check(evidence, &mut findings);
    fence::check(evidence, history, &mut findings);
    expiry::check(evidence, &mut findings);
    fairness::check(evidence, &mut findings);
    for line in &evidence.unexplained {
        let what = "a call failed in a way that no fault explains".into();
        findings.violation(
            "trouble is reported as what it is",
            what,
            vec![line.clone()],
        );
    }
    findings
}
