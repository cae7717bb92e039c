//! Locks on a real MongoDB server: one file per behaviour, one server for all of them.
//!
//! A test that needs a server in an unusual state starts its own.

#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects, helpers included; a failure names the line"
)]

mod asked_again;
mod bad_input;
mod command_count;
mod counters;
mod credentials;
mod events;
mod fencing;
mod first_acquire;
mod foreign_documents;
mod global;
mod health;
mod later_versions;
mod observers;
mod released;
mod routers;
mod send;
mod server_down;
mod shapes;
mod skipped;
mod subscribers;
mod take_over;
mod tight_loops;
mod transactions;

#[path = "../support/mod.rs"]
mod support;
