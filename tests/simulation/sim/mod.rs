//! A deterministic simulation: many clients of the real client code, in one process, on a paused clock,
//! over the in-memory store behind a network that loses, delays and doubles what it carries.
//!
//! A seed gives a [`script`]: plain data. The [`stage`] plays it, and the [`oracle`] holds what happens
//! to the promises. A script that breaks one is made as short as it can be ([`shrink`]).

mod api;
mod caller;
mod campaign;
mod futures;
mod generate;
mod history;
mod network;
mod oracle;
mod print;
mod process;
mod profile;
mod routers;
mod script;
mod server;
mod shrink;
mod stage;
mod world;

#[cfg(test)]
pub(crate) use self::script::{Sabotage, Scenario};
pub(crate) use self::{
    campaign::{Campaign, Failure},
    generate::generate,
    oracle::Rules,
    profile::Profile,
    stage::run,
};
