//! Processes that fire locked jobs, a tormentor that kills, stops, cuts off and fails over processes and
//! nodes, and a checker that reads the notes of every body afterwards, and looks for a promise that
//! was broken.
//!
//! `cargo run --release --example torture -- --seconds 120` does all of it, on a real replica set of
//! three nodes. The run ends with an error when a promise was broken, and shows the evidence.
//!
//! - `--seconds N`: how long the torment lasts, 30 by default; start and end come on top.
//! - `--seed N`: repeats a run's schedule of jobs and faults. What they hit depends on timing.
//! - `--workers N`: how many processes, 6 by default. Every third one talks through proxies.
//! - `--routers N`: the processes come through N routers whose clocks are a minute apart, 0 by default.

#![allow(
    clippy::print_stdout,
    reason = "an example talks to the person who runs it"
)]

mod run;

use std::env;

use anyhow::{Context as _, Result, bail, ensure};
use run::{Launch, Settings};

fn main() -> Result<()> {
    if let Some(config) = run::worker::config() {
        return run::worker::main(&config);
    }
    let settings = settings(env::args().skip(1))?;
    println!("torture: --seed {}", settings.seed);
    let report = run::main(&settings)?;
    println!("{report}");
    ensure!(
        report.acquisitions > 0,
        "nothing was acquired, so nothing was shown"
    );
    if !report.violations.is_empty() {
        bail!("{} promises were broken", report.violations.len());
    }
    Ok(())
}

fn settings(mut args: impl Iterator<Item = String>) -> Result<Settings> {
    let mut settings = Settings::new(Launch {
        program: env::current_exe()?,
        args: Vec::new(),
    });
    while let Some(flag) = args.next() {
        let value = args.next().unwrap_or_default();
        let number: u64 = value
            .parse()
            .with_context(|| format!("`{flag}` wants a number, not `{value}`"))?;
        match flag.as_str() {
            "--seconds" => settings.seconds = number,
            "--seed" => settings.seed = number,
            "--workers" => settings.workers = usize::try_from(number)?.max(2),
            "--routers" => settings.routers = i64::try_from(number)?,
            _ => bail!(
                "no such flag: `{flag}`; there are --seconds, --seed, --workers and --routers"
            ),
        }
    }
    Ok(settings)
}
