//! A dead holder costs its ttl at most. So does a paused one, and one that no body knows of.
//!
//! A refused caller is told the holder, and the latest end of that lease. So every refusal shows a lease as
//! the server saw it.

use std::collections::HashMap;

use super::{
    super::{
        clock::{MILLISECOND, Micros, seconds, span},
        evidence::{Evidence, Hold, Refusal, Span},
        jobs::KINDS,
    },
    Findings,
};

const PROMISE: &str = "a dead holder costs at most its ttl";

/// A renewal that was sent at the last moment may take so long to arrive.
const ARRIVAL: Micros = 1_000_000;

/// A place in line is kept for so long.
const PLACE: Micros = 5_000_000;

/// A release in the background may take so long, when nothing is wrong.
const RELEASE: Micros = 1_000_000;

pub(super) fn check(evidence: &Evidence, findings: &mut Findings) {
    let mut holds = HashMap::<(&str, i64), &Hold>::new();
    for hold in &evidence.holds {
        holds.insert((&hold.name, hold.token), hold);
    }
    for refusal in &evidence.refusals {
        let hold = holds.get(&(refusal.name.as_str(), refusal.token)).copied();
        refused(evidence, refusal, hold, findings);
    }
    for hold in &evidence.holds {
        if let Some(after) = taken_again(evidence, hold) {
            findings.taken_after_death.add(after);
        }
    }
    for line in &evidence.stuck {
        let what = "a lock was not free long after its holder's death".into();
        findings.violation(PROMISE, what, vec![line.clone()]);
    }
}

fn refused(evidence: &Evidence, refusal: &Refusal, hold: Option<&Hold>, findings: &mut Findings) {
    let shown = || {
        let mut lines: Vec<_> = hold.map(|hold| hold.began().clone()).into_iter().collect();
        lines.push(refusal.line.clone());
        lines
    };
    // The server answered later than it was asked, so its clock showed at least that.
    let over = refusal.asked - refusal.until;
    if over > MILLISECOND {
        let over = seconds(over);
        let what = format!("a call was skipped because of a lease that had been over for {over}");
        findings.violation(PROMISE, what, shown());
    }
    let process = evidence.processes.get(&refusal.holder);
    let dead = process.and_then(|it| it.dead);
    if refusal.waiting {
        let kept = dead.map_or(0, |dead| refusal.asked - dead - PLACE);
        if kept > ARRIVAL {
            let by = seconds(kept);
            let what = format!("a dead waiter kept its place for {by} too long");
            findings.violation(PROMISE, what, shown());
        }
        return;
    }
    // The server may have answered as late as the answer came.
    let longest = hold.map_or_else(longest_of_all, |hold| hold.longest);
    let sent = evidence.last_sent(&refusal.holder, refusal.line.at);
    let too_long = refusal.until - (sent + longest + ARRIVAL);
    if too_long > 0 {
        let by = seconds(too_long);
        let what = format!("a holder that could not renew blocks its lock for {by} too long");
        findings.violation(PROMISE, what, shown());
    }
    let over_at = match hold {
        Some(hold) => {
            let shut_down = dead.filter(|_| process.is_some_and(|it| it.clean));
            let over = hold.ended.or(shut_down);
            over.map(|at| at.max(hold.acquired_at + hold.min_hold))
        }
        None => Some(refusal.since),
    };
    if let Some(from) = over_at {
        let to = from + RELEASE;
        if refusal.asked > to && evidence.undisturbed(&refusal.holder, Span { from, to }) {
            let what = if hold.is_some() {
                "a lock was not released when its body was over"
            } else {
                "a lock was taken for a call that had failed, and not released"
            };
            findings.violation(PROMISE, what.into(), shown());
        }
    }
    if let Some(dead) = dead
        && dead < refusal.asked
    {
        findings.blocked_by_dead.add(refusal.asked - dead);
    }
    if hold.is_none() {
        findings
            .blocked_by_orphan
            .add(refusal.asked - refusal.since);
    }
}

/// For a lease of which no body knows: its holder was killed, or its caller gone, before it could
/// write it down.
fn longest_of_all() -> Micros {
    let all = KINDS.iter().map(|kind| kind.terms().longest);
    all.max().map_or(0, span)
}

/// The time from the death of a holder until another one had the lock.
fn taken_again(evidence: &Evidence, hold: &Hold) -> Option<Micros> {
    let dead = evidence.processes.get(&hold.by)?.dead?;
    if hold.ended.is_some() {
        return None;
    }
    let next = evidence
        .holds
        .iter()
        .filter(|other| other.name == hold.name && other.acquired_at > hold.acquired_at)
        .map(|other| other.acquired_at)
        .min()?;
    Some((next - dead).max(0))
}
