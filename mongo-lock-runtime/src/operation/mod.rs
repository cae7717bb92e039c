//! One operation: its time limit, its repetition, and the place where it is polled.

mod context;
mod in_flight;
mod outage;
mod requests;
mod retry;
mod runtime;
mod timing;

#[cfg(feature = "__simulation")]
pub use self::context::Process;
pub(crate) use self::{
    context::{Context, OperationError, Trouble},
    in_flight::{InFlight, Running},
    retry::{Backoff, Pauses, jittered},
    runtime::Runtime,
    timing::{Margin, renewal_interval, renewal_pause},
};
