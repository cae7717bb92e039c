//! Waiters are served in the order of asking: none is overtaken, so no writer is starved.

use super::{
    super::{
        clock::{Micros, seconds},
        evidence::{Evidence, Hold, Span},
        ledger::Line,
    },
    Findings,
};

const PROMISE: &str = "first come, first served";

/// A waiter that asked later by this time is behind, however long the requests took.
const CLOSE: Micros = 1_500_000;

/// A grant within this time before is no news to a caller that looks at the lock later.
const NEWS: Micros = 500_000;

/// A waiter that a busy machine keeps from confirming its place may be overtaken now and then.
const SOMETIMES: usize = 2;

struct Waiter<'a> {
    name: &'a str,
    by: &'a str,
    asked: Micros,
    /// The time at which the waiter had the lock, or gave up.
    ended: Micros,
    shared: bool,
    line: &'a Line,
}

pub(super) fn check(evidence: &Evidence, findings: &mut Findings) {
    let served = evidence.holds.iter().filter(|hold| hold.waited);
    for hold in served {
        let waiter = Waiter {
            name: &hold.name,
            by: &hold.by,
            asked: hold.asked,
            ended: hold.acquired_at,
            shared: hold.shared,
            line: hold.began(),
        };
        let time = (hold.acquired_at - hold.asked).max(0);
        findings.waited.add(time);
        if hold.began().find("job") == Some("Writes") {
            findings.writers_waited.add(time);
        }
        overtaken(evidence, &waiter, findings);
    }
    for refusal in evidence.refusals.iter().filter(|refusal| refusal.waited) {
        let waiter = Waiter {
            name: &refusal.name,
            by: &refusal.line.by,
            asked: refusal.asked,
            ended: refusal.line.at,
            shared: refusal.shared,
            line: &refusal.line,
        };
        overtaken(evidence, &waiter, findings);
    }
}

fn overtaken(evidence: &Evidence, waiter: &Waiter<'_>, findings: &mut Findings) {
    let time = Span {
        from: waiter.asked,
        to: waiter.ended,
    };
    // With the document, its place was lost, until it asks again.
    let mut removals = evidence.removals.iter();
    let lost = removals.any(|removal| removal.name == waiter.name && removal.span.overlaps(time));
    if lost || !evidence.undisturbed(waiter.by, time) {
        return;
    }
    findings.judged += 1;
    let overtakes = |hold: &&Hold| {
        hold.name == waiter.name
            && hold.asked > waiter.asked + CLOSE
            && hold.acquired_at + NEWS < waiter.ended
            && !(hold.shared && waiter.shared)
    };
    let by: Vec<_> = evidence.holds.iter().filter(overtakes).collect();
    if by.len() > SOMETIMES {
        let time = seconds(waiter.ended - waiter.asked);
        let what = format!("in {time}, a waiter was overtaken by {}", by.len());
        let others = by.iter().take(3).map(|hold| hold.began().clone());
        let lines = others.chain([waiter.line.clone()]).collect();
        findings.violation(PROMISE, what, lines);
    }
}
