//! Metrics, as a real exporter gives them: one recorder for the process, and labels of its own for each test.

#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects, helpers included; a failure names the line"
)]
#![allow(
    clippy::float_cmp,
    reason = "an exporter writes counts as floats, whole ones"
)]

mod alerts;
mod bounded;
#[path = "../../examples/observability/exporter.rs"]
mod exporter;
mod on_a_server;
mod scrape;
#[path = "../support/mod.rs"]
mod support;
mod zeros;
