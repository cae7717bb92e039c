//! Waiting for locks, and sharing them, on a real MongoDB server: one file per behaviour.

#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects, helpers included; a failure names the line"
)]

mod attribute;
mod cancelled;
mod commands;
mod crowd;
mod dead;
mod exclusive;
mod hung_server;
mod leader;
mod limits;
mod mixed_kinds;
mod order;
mod own_lock;
mod permits;
mod places;
mod polling;
mod privileges;
mod random_callers;
mod readers;
mod several;
mod short_terms;
mod turns;
mod unpolled;
mod wakeups;

#[path = "../support/mod.rs"]
mod support;
