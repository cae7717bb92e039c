//! Leases do not depend on the runtime and the connections of their bodies: bodies that block, a pool that is
//! in use, runtimes that come and go.
//!
//! `ROUNDS=20 cargo test --test independence` repeats those tests that look for a loss.

#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects, helpers included; a failure names the line"
)]

mod blocking;
mod busy_pool;
mod connections;
mod overrun;
mod runtimes;

#[path = "../support/mod.rs"]
mod support;

/// How often a test looks for a loss of a lease that must be kept.
fn rounds() -> usize {
    let given = std::env::var("ROUNDS").ok();
    given.map_or(2, |rounds| rounds.parse().expect("a number"))
}
