//! Locks while something is broken: the server, the network, a clock, the process, the caller.
//!
//! One file per fault. Most share one server and harm only their own connections to it; those that
//! kill nodes start their own.

#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects, helpers included; a failure names the line"
)]

mod cancelled;
mod current;
mod dead_holder;
mod deadline;
mod deleted;
mod extend;
mod failover;
mod faulty_acquires;
mod faulty_releases;
mod faulty_renewals;
mod granted_too_late;
mod health;
mod lagging_secondary;
mod levels;
mod lost_answers;
mod many_leases;
mod max_hold;
mod min_hold;
mod on_lost;
mod panics;
mod repeated_releases;
mod restart;
mod runtimes;
mod second_look;
mod server_clock;
mod shutdown;
mod silence;
mod suspended;
mod wall_clock;

#[path = "../support/mod.rs"]
mod support;
