//! Many seeds, on several threads.

use std::{
    fmt,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
};

use super::{
    generate::generate,
    oracle::{Rules, Violation},
    profile::Profile,
    script::Scenario,
    shrink::shrink,
    stage::run,
};

/// How many lines of a history are shown, from its beginning and from its end.
const SHOWN: usize = 60;

/// Which seeds to run, and how.
#[derive(Debug, Clone)]
pub(crate) struct Campaign {
    pub(crate) first: u64,
    pub(crate) seeds: u64,
    pub(crate) threads: usize,
    /// `None`: each seed chooses its own.
    pub(crate) profile: Option<&'static Profile>,
    pub(crate) rules: Rules,
    /// Whether to go on after a failure.
    pub(crate) all: bool,
}

/// A seed that broke a promise.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) seed: u64,
    pub(crate) profile: &'static str,
    pub(crate) violation: Violation,
}

impl Campaign {
    /// The seeds that fail, in their order. Without `all`, a few at most.
    pub(crate) fn run(&self) -> Vec<Failure> {
        let (next, stop) = (AtomicU64::new(0), AtomicBool::new(false));
        let failures = Mutex::new(Vec::new());
        thread::scope(|scope| {
            for _ in 0..self.threads.max(1) {
                scope.spawn(|| {
                    while !stop.load(Ordering::Relaxed) {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= self.seeds {
                            break;
                        }
                        if let Some(failure) = self.one(self.first.wrapping_add(number)) {
                            stop.fetch_or(!self.all, Ordering::Relaxed);
                            let failures = failures.lock();
                            failures
                                .unwrap_or_else(PoisonError::into_inner)
                                .push(failure);
                        }
                    }
                });
            }
        });
        let failures = failures.into_inner();
        let mut failures = failures.unwrap_or_else(PoisonError::into_inner);
        failures.sort_by_key(|failure| failure.seed);
        failures
    }

    fn one(&self, seed: u64) -> Option<Failure> {
        let scenario = generate(seed, self.profile);
        let violation = run(&scenario, &self.rules, false).violation?;
        Some(Failure {
            seed,
            profile: scenario.profile,
            violation,
        })
    }
}

impl Failure {
    /// The shortest scenario that breaks the same promise.
    pub(crate) fn shortest(&self) -> Scenario {
        let scenario = generate(self.seed, Profile::named(self.profile));
        shrink(&scenario, self.violation.rule)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shortest = self.shortest();
        let outcome = run(&shortest, &Rules::only(self.violation.rule), true);
        writeln!(
            f,
            "seed {} ({}) breaks a promise. {shortest}",
            self.seed, self.profile
        )?;
        let history = &outcome.history;
        let left_out = if history.len() > 2 * SHOWN {
            SHOWN..history.len() - SHOWN
        } else {
            0..0
        };
        for (at, line) in history.iter().enumerate() {
            if at == left_out.start && !left_out.is_empty() {
                writeln!(f, "        … {} more …", left_out.len())?;
            }
            if !left_out.contains(&at) {
                writeln!(f, "{line}")?;
            }
        }
        let violation = outcome.violation.as_ref().unwrap_or(&self.violation);
        writeln!(
            f,
            "{:>6}  {}: {}",
            violation.at, violation.rule, violation.text
        )?;
        write!(
            f,
            "to run it again: cargo run --release --example simulate -- --seed {} --profile {}",
            self.seed, self.profile
        )
    }
}
