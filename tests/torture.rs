//! A short run of the example `torture`: processes that are killed and paused, a replica set that is
//! failed over, and a checker of every promise. And the checker's own tests.

#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects; a failure names the line"
)]

#[path = "../examples/torture/run/mod.rs"]
mod run;

use std::env;

use run::{Launch, Settings};

#[test]
fn no_promise_is_broken() {
    let mut settings = Settings::new(Launch {
        program: env::current_exe().unwrap(),
        args: [
            "--exact",
            "worker",
            "--ignored",
            "--nocapture",
            "--test-threads=1",
        ]
        .map(str::to_owned)
        .into(),
    });
    settings.seconds = 10;
    let report = run::main(&settings).unwrap();
    assert!(report.violations.is_empty(), "{report}");
    // A run without acquisitions shows nothing.
    assert!(report.acquisitions > 20, "{report}");
}

#[test]
#[ignore = "a worker of the other test, in a process of its own"]
fn worker() {
    if let Some(config) = run::worker::config() {
        run::worker::main(&config).unwrap();
    }
}
