//! The body stops in time, whether or not a caller waits for the lock.
//!
//! A lease is never to be relied on for longer than the server has it, less the margin. No body goes
//! on for longer than its lease is to be relied on.

use super::{
    super::{
        clock::{MILLISECOND, Micros, seconds},
        evidence::{Evidence, Hold},
    },
    Findings, exclusion,
};

const PROMISE: &str = "the body stops before its lease can pass on";

/// The lease is checked before each poll, so a line is late only when its thread was not scheduled
/// between the check and the line.
const SCHEDULING: Micros = 50_000;

pub(super) fn check(evidence: &Evidence, findings: &mut Findings) {
    for hold in &evidence.holds {
        told(hold, findings);
        stopped(evidence, hold, findings);
        noticed(evidence, hold, findings);
    }
}

/// Checks the time left of a lease that the holder was told.
fn told(hold: &Hold, findings: &mut Findings) {
    let (until, line) = hold.relied;
    let mut violation = |limit: Micros, what: &str| {
        // The server's times are cut to milliseconds.
        if until > limit + MILLISECOND {
            let by = seconds(until - limit);
            let what = format!("a lease was relied on for {by} longer than {what}");
            findings.violation(PROMISE, what, exclusion::of(hold, &[line]));
        }
    };
    if !hold.renew && !hold.extended {
        violation(hold.granted() - hold.margin(), "its ttl, less the margin");
    }
    if hold.max_hold > 0 {
        violation(hold.acquired_at + hold.max_hold, "its `max_hold`");
    }
    // Any lease: what was asked for last was asked for before it was written down.
    let last = hold.lines[line].at;
    violation(
        last.max(hold.acquired_at + MILLISECOND) + hold.longest - hold.margin(),
        "one renewal can make it last, less the margin",
    );
}

/// A body that its lease no longer covers.
fn stopped(evidence: &Evidence, hold: &Hold, findings: &mut Findings) {
    // Its last line may be about its end, which takes no time of its own.
    let late: Vec<usize> = (0..hold.lines.len())
        .filter(|&index| {
            let line = &hold.lines[index];
            line.kind != "ended"
                && line.at > hold.relied.0 + SCHEDULING
                && !exclusion::excused(evidence, hold, index)
        })
        .collect();
    if let Some(&last) = late.last() {
        let by = seconds(hold.lines[last].at - hold.relied.0);
        let what = format!("a body went on for {by} after the end of its lease");
        findings.violation(PROMISE, what, exclusion::of(hold, &late));
    }
}

/// The lock's document was deleted: no renewal can succeed from then on.
fn noticed(evidence: &Evidence, hold: &Hold, findings: &mut Findings) {
    for removal in &evidence.removals {
        let during = removal.name == hold.name
            && hold.acquired_at < removal.span.from
            && hold.ended.is_none_or(|ended| ended > removal.span.to);
        let limit = removal.span.to + hold.longest - hold.margin();
        let (until, line) = hold.relied;
        if during && until > limit + MILLISECOND {
            let by = seconds(until - limit);
            let what = format!("a holder whose lease had been removed relied on it for {by} more");
            findings.violation(PROMISE, what, exclusion::of(hold, &[line]));
        }
    }
}
