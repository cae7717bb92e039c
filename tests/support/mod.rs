//! What the test binaries of this package have in common: each helper exists once.

#![allow(
    dead_code,
    unused_imports,
    reason = "each test binary uses a part of it"
)]

mod body;
mod clients;
mod commands;
mod executor;
mod fixture;
mod leases;
mod log;
pub(crate) mod preload;
mod time;
mod worker;

pub(crate) use self::{
    body::*, clients::*, commands::*, executor::*, fixture::*, leases::*, log::*, time::*,
    worker::*,
};
