//! Fencing tokens only grow, in the order in which the server granted the leases.

use std::collections::BTreeMap;

use super::{
    super::{
        clock::seconds,
        evidence::{Evidence, Hold},
    },
    Findings, exclusion,
};

const PROMISE: &str = "fencing tokens only grow";

pub(super) fn check(evidence: &Evidence, findings: &mut Findings) {
    let mut by_name = BTreeMap::<&str, Vec<&Hold>>::new();
    for hold in &evidence.holds {
        by_name.entry(&hold.name).or_default().push(hold);
    }
    for holds in by_name.values_mut() {
        holds.sort_by_key(|hold| (hold.token, hold.acquired_at));
        let Some(mut latest) = holds.first().copied() else {
            continue;
        };
        for pair in holds.windows(2) {
            let (first, next) = (pair[0], pair[1]);
            if first.token == next.token {
                let what = format!("two leases have the token {}", next.token);
                let lines = exclusion::evidence_of(first, next, &[]);
                findings.violation(PROMISE, what, lines);
            }
            // Also by what their holders know: one had the lock before the other asked for it.
            let behind = latest.acquired_at - next.acquired_at;
            if behind > exclusion::STAMP || behind > 0 && next.began().at < latest.asked {
                let by = seconds(behind);
                let what = format!("a lease has a larger token than one that began {by} later");
                let lines = exclusion::evidence_of(latest, next, &[]);
                findings.violation(PROMISE, what, lines);
            } else if behind > 0 {
                findings.stamped_early.add(behind);
            }
            if next.acquired_at > latest.acquired_at {
                latest = next;
            }
        }
    }
}
