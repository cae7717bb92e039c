//! The types that users hold: the client, guards, and calls that run under a lock.

mod acquire;
mod acquisition;
mod asked;
mod builder;
mod global;
mod guard;
mod health;
mod inner;
mod leader;
mod lock_client;
mod lock_set;
mod owner;
mod pulse;
mod run;
mod shutdown;
mod start;

#[cfg(feature = "__simulation")]
pub(crate) use self::inner::ClientInner;
pub(crate) use self::{
    acquire::acquire_as_specified,
    run::{Acquired, Judge, Run, Value},
};
pub use self::{
    acquisition::Acquisition,
    builder::LockClientBuilder,
    guard::LockGuard,
    health::Health,
    lock_client::LockClient,
    lock_set::LockSet,
    shutdown::{Shutdown, ShutdownReport},
};
