//! Situations: the real client on a paused clock, over the store in memory, behind a network whose faults
//! are written in the test. One file per part of the client; each test is one situation, to the
//! millisecond. The simulation draws its situations at random.

#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects, helpers included; a failure names the line"
)]

mod abandoned;
mod attempts;
mod bodies;
mod conflict;
mod deadlines;
mod health;
mod heard;
mod listening;
#[path = "../support/log.rs"]
mod log;
mod observers;
mod outages;
mod releases;
mod renewal;
mod runtimes;
mod server;
mod sharing;
mod shutdown;
mod spans;
mod waiting;
