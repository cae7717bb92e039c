//! One holder: when a lease begins, the one before it is over, and so is its body.
//!
//! A lease is over when its holder released it, which is after its body, or when the server let it
//! expire. The holder's word for the first is the line with which its body ended. For the second,
//! the server may not be early: neither before what it granted, nor before what the holder was told
//! that it can rely on. And then the body must not have gone on.

use std::collections::BTreeMap;

use super::{
    super::{
        clock::{MILLISECOND, Micros, seconds},
        evidence::{Evidence, Hold},
        ledger::Line,
    },
    Findings,
};

const PROMISE: &str = "one holder";

/// The server stamps a lease when it begins to work on the request, not when it grants it. If the
/// lock is released in between, the stamp is from before the release. This much of that is the
/// server being busy, not a lock that was granted too early.
pub(super) const STAMP: Micros = 100_000;

pub(super) fn check(evidence: &Evidence, findings: &mut Findings) {
    let mut by_name = BTreeMap::<&str, Vec<&Hold>>::new();
    for hold in &evidence.holds {
        by_name.entry(&hold.name).or_default().push(hold);
    }
    for holds in by_name.values_mut() {
        holds.sort_by_key(|hold| (hold.acquired_at, hold.token));
        let mut writer = None;
        // Since that writer.
        let mut readers = Vec::<&Hold>::new();
        for hold in holds {
            if let Some(before) = writer
                && (readers.is_empty() || hold.shared)
            {
                follows(evidence, before, hold, findings);
            }
            if hold.shared {
                let beside = readers.iter().any(|it| it.ended > Some(hold.acquired_at));
                findings.shared += u64::from(beside);
                readers.push(hold);
            } else {
                for reader in readers.drain(..) {
                    follows(evidence, reader, hold, findings);
                }
                writer = Some(&**hold);
            }
        }
    }
}

fn follows(evidence: &Evidence, first: &Hold, next: &Hold, findings: &mut Findings) {
    let early = first.ended.map(|ended| ended - next.acquired_at);
    match early {
        Some(..=0) => {
            let free_at = first.acquired_at + first.min_hold;
            let removed = evidence.removals.iter().any(|removal| {
                removal.name == first.name && removal.span.overlaps(first.until(next))
            });
            if next.acquired_at < free_at && !removed {
                let early = seconds(free_at - next.acquired_at);
                let what = format!("a lock was free {early} before its `min_hold` was over");
                findings.violation(PROMISE, what, evidence_of(first, next, &[]));
            }
            return;
        }
        // It was released before the other one's holder learned that it has the lock.
        Some(early) if early <= STAMP && first.ended <= Some(next.began().at) => {
            findings.stamped_early.add(early);
            return;
        }
        _ => {}
    }
    if removed(evidence, first, next) {
        return;
    }
    // So it was not released. It may have expired.
    let early = first.granted() - next.acquired_at;
    if early > MILLISECOND {
        let early = seconds(early);
        let what = format!("a lock passed on {early} before the end of its holder's lease");
        findings.violation(PROMISE, what, evidence_of(first, next, &[]));
        return;
    }
    let (until, told) = first.relied;
    let early = until - next.acquired_at;
    if early > MILLISECOND {
        let early = seconds(early);
        let what = format!("a lock passed on {early} before its holder believed so");
        findings.violation(PROMISE, what, evidence_of(first, next, &[told]));
        return;
    }
    went_on(evidence, first, next, findings);
}

/// A body that wrote something when another holder had the lock.
fn went_on(evidence: &Evidence, first: &Hold, next: &Hold, findings: &mut Findings) {
    let late: Vec<usize> = (0..first.lines.len())
        .filter(|&index| first.lines[index].at > next.acquired_at + MILLISECOND)
        .collect();
    let unexcused: Vec<usize> = late
        .iter()
        .copied()
        .filter(|&index| !excused(evidence, first, index))
        .collect();
    if late.len() > unexcused.len() {
        findings.excused += 1;
    }
    if let Some(&last) = unexcused.last() {
        let by = seconds(first.lines[last].at - next.acquired_at);
        let what = format!("a body went on for {by} after its lock had passed on");
        findings.violation(PROMISE, what, evidence_of(first, next, &unexcused));
    }
}

/// Whether the library could not have stopped the body before this line: the poll in which it was
/// written began in time. Then the process was paused in the middle of the step, or the body blocked
/// its thread. Ending is no work: it may follow such a line, or a pause of any kind.
pub(super) fn excused(evidence: &Evidence, hold: &Hold, index: usize) -> bool {
    let line = &hold.lines[index];
    if line.kind == "ended" && index > 0 {
        let process = evidence.processes.get(&hold.by);
        let before = hold.lines[index - 1].at;
        return process.is_some_and(|it| it.paused_between(before, line.at))
            || before > hold.relied.0 && excused(evidence, hold, index - 1);
    }
    let in_time = |polled: Micros| polled <= hold.relied.0 + MILLISECOND;
    line.number("polled").is_ok_and(in_time)
}

/// Whether the operator deleted the lock's document during this lease, and so made room for the next one.
/// The holder must notice before its deadline: that is checked as a limit.
fn removed(evidence: &Evidence, first: &Hold, next: &Hold) -> bool {
    evidence.removals.iter().any(|removal| {
        removal.name == first.name
            && removal.span.overlaps(first.until(next))
            && first.ended.is_none_or(|ended| ended >= removal.span.from)
    })
}

/// The lines that show it: both beginnings, those of the first one's body that matter, and its end.
pub(super) fn evidence_of(first: &Hold, next: &Hold, which: &[usize]) -> Vec<Line> {
    let mut lines = of(first, which);
    lines.push(next.began().clone());
    lines.sort_by_key(|line| line.at);
    lines
}

pub(super) fn of(hold: &Hold, which: &[usize]) -> Vec<Line> {
    const MOST: usize = 5;
    let mut which: Vec<usize> = which.iter().copied().take(MOST).collect();
    which.push(0);
    which.push(hold.lines.len() - 1);
    which.sort_unstable();
    which.dedup();
    which.iter().map(|&it| hold.lines[it].clone()).collect()
}
