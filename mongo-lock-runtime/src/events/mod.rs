//! Events: all that the library reports of a lock's life, to `tracing` and to observers.
//!
//! An event has plain values. No caller may hold a mutex: an observer and a subscriber of `tracing` run
//! foreign code.

mod event;
mod log;
mod observer;
mod outcome;
mod subject;

pub use self::{
    event::Event,
    observer::Observer,
    outcome::{AcquisitionFailure, AcquisitionOutcome, RunOutcome},
    subject::ObservedLock,
};
pub(crate) use self::{log::span, observer::Observers, subject::label};
