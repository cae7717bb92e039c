//! Simulates many clients on a bad network, for many seeds:
//! `cargo run --release --example simulate -- --seeds 100000`.
//!
//! `--seed N` runs one seed and shows its shortest version that fails; `--profile NAME` chooses the kind
//! of scenarios; `--from N` the first seed; `--only RULE` and `--except RULE` (each may be repeated) the
//! rules that count, by how their names begin; `--all` goes on after a failure and counts the failures, and
//! `--show N` shows N of them; `--history` shows the whole history of one seed, without making it shorter;
//! `--threads N` sets the number of threads.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal"
)]

#[path = "../../tests/simulation/sim/mod.rs"]
mod sim;

use std::{
    collections::BTreeMap, env, process::ExitCode, thread::available_parallelism, time::Instant,
};

use sim::{Campaign, Failure, Profile, Rules, generate, run};

fn main() -> ExitCode {
    match Options::read(env::args().skip(1)) {
        Ok(options) => options.run(),
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

struct Options {
    campaign: Campaign,
    seed: Option<u64>,
    history: bool,
    /// The number of failures to show in full.
    shown: usize,
}

impl Options {
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self {
            campaign: Campaign {
                first: 0,
                seeds: 10_000,
                threads: available_parallelism().map_or(2, usize::from),
                profile: None,
                rules: Rules::default(),
                all: false,
            },
            seed: None,
            history: false,
            shown: 1,
        };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
            let number = |value: String| {
                let number = value.parse::<u64>();
                number.map_err(|_| format!("{value} is not a number"))
            };
            let campaign = &mut options.campaign;
            match argument.as_str() {
                "--seeds" => campaign.seeds = number(value()?)?,
                "--seed" => options.seed = Some(number(value()?)?),
                "--from" => campaign.first = number(value()?)?,
                "--threads" => campaign.threads = usize::try_from(number(value()?)?).unwrap_or(1),
                "--profile" => {
                    let name = value()?;
                    let profile = Profile::named(&name);
                    campaign.profile = Some(profile.ok_or(format!("no profile {name}"))?);
                }
                "--only" => drop(campaign.rules.only.insert(value()?)),
                "--except" => drop(campaign.rules.except.insert(value()?)),
                "--show" => options.shown = usize::try_from(number(value()?)?).unwrap_or(1),
                "--all" => campaign.all = true,
                "--history" => options.history = true,
                other => return Err(format!("{other} is not an option")),
            }
        }
        Ok(options)
    }

    fn run(mut self) -> ExitCode {
        if let Some(seed) = self.seed {
            self.campaign.first = seed;
            self.campaign.seeds = 1;
            if self.history {
                return self.show(seed);
            }
        }
        let begun = Instant::now();
        let failures = self.campaign.run();
        let took = begun.elapsed();
        if failures.is_empty() {
            println!(
                "{} seeds in {took:.1?}: every promise held",
                self.campaign.seeds
            );
            return ExitCode::SUCCESS;
        }
        if self.campaign.all {
            println!("{} seeds in {took:.1?}:", self.campaign.seeds);
            summarize(&failures);
        }
        for failure in failures.iter().take(self.shown) {
            println!("{failure}");
        }
        ExitCode::FAILURE
    }

    fn show(&self, seed: u64) -> ExitCode {
        let scenario = generate(seed, self.campaign.profile);
        println!("seed {seed} ({}): {scenario}", scenario.profile);
        let outcome = run(&scenario, &self.campaign.rules, true);
        for line in &outcome.history {
            println!("{line}");
        }
        match outcome.violation {
            None => ExitCode::SUCCESS,
            Some(broken) => {
                println!("{:>6}  {}: {}", broken.at, broken.rule, broken.text);
                ExitCode::FAILURE
            }
        }
    }
}

fn summarize(failures: &[Failure]) {
    let mut rules = BTreeMap::<_, Vec<_>>::new();
    for failure in failures {
        rules
            .entry(failure.violation.rule)
            .or_default()
            .push(failure);
    }
    for (rule, failures) in rules {
        let seeds: Vec<_> = failures
            .iter()
            .map(|it| (it.seed, it.profile))
            .take(6)
            .collect();
        println!("{rule}: {} times, the first {seeds:?}", failures.len());
    }
}
