//! The kit keeps its word: on real servers, all in one binary.

#![allow(
    clippy::unwrap_used,
    reason = "clippy.toml allows it in tests, but that leaves out their helpers"
)]

mod auth;
mod cleanup;
mod database;
mod fail_point;
mod failover;
mod find;
mod node;
mod proxy;
mod router;
mod send;
mod shared;
mod support;
mod topology;
