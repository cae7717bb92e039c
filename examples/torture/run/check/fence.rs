//! Fenced writes: the document itself shows in which order they were applied.

use std::collections::{HashMap, HashSet};

use super::{
    super::{
        evidence::{Evidence, Write},
        history::{Applied, History},
        jobs::TRANSFERS,
    },
    Findings,
};

const PROMISE: &str = "a newer holder shuts out an older one's writes";

const TOGETHER: &str = "the writes of a transaction are committed together";

pub(super) fn check(evidence: &Evidence, history: &History, findings: &mut Findings) {
    let mut writes = HashMap::<&str, &Write>::new();
    for write in &evidence.writes {
        writes.insert(&write.id, write);
    }
    for (name, applied) in &history.writes {
        in_order(name, applied, &writes, findings);
    }
    for write in &evidence.writes {
        result(write, history.writes.get(&write.name), findings);
    }
    if let Some(accounts) = history.accounts {
        transfers(accounts, history, findings);
    }
}

/// As many transfers as the history has, in both accounts.
fn transfers(accounts: (i64, i64), history: &History, findings: &mut Findings) {
    let applied = history.writes.get(TRANSFERS).map_or(0, Vec::len);
    findings.transfers = applied;
    let applied = i64::try_from(applied).unwrap_or(i64::MAX);
    if accounts != (-applied, applied) {
        let (from, to) = accounts;
        let what = format!(
            "{applied} transfers of 1 are in the history, and the accounts have {from} and {to}"
        );
        findings.violation(TOGETHER, what, Vec::new());
    }
}

fn in_order(
    name: &str,
    applied: &[Applied],
    writes: &HashMap<&str, &Write>,
    findings: &mut Findings,
) {
    let lines = |ids: &[&Applied]| {
        let known = ids.iter().filter_map(|it| writes.get(it.id.as_str()));
        known.map(|write| write.line.clone()).collect()
    };
    for pair in applied.windows(2) {
        let (first, next) = (&pair[0], &pair[1]);
        if next.token < first.token {
            let what = format!(
                "in the document `{name}`, write {} with token {} came after {} with token {}",
                next.id, next.token, first.id, first.token
            );
            findings.violation(PROMISE, what, lines(&[first, next]));
        }
    }
    let mut seen = HashSet::new();
    for write in applied.iter().filter(|write| !seen.insert(&write.id)) {
        let what = format!(
            "in the document `{name}`, write {} is there twice",
            write.id
        );
        findings.violation(PROMISE, what, lines(&[write]));
    }
}

/// Compares the answer to a writer with the document.
fn result(write: &Write, applied: Option<&Vec<Applied>>, findings: &mut Findings) {
    let mut applied = applied.into_iter().flatten();
    let there = applied.clone().any(|it| it.id == write.id);
    let problem = match write.line.find("result") {
        Some("applied") if !there => "a write that was applied is not in the document",
        Some("refused") if there => "a write that was refused is in the document",
        Some("refused") => {
            let newer = write.line.number::<i64>("newer").ok();
            let is_newer = newer.is_some_and(|newer| newer > write.token);
            // The document shows that holder's write, or had it before the run, which is not so.
            if is_newer && applied.any(|it| Some(it.token) == newer) {
                return;
            }
            "a write was refused because of a newer holder that never wrote"
        }
        Some("applied" | "unknown") => return,
        _ => "a write has no result that there should be",
    };
    findings.violation(PROMISE, problem.into(), vec![write.line.clone()]);
}
