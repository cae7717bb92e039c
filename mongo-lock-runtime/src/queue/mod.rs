//! Waiting: the waiters of one client for one lock, first come, first served.
//!
//! Only the first waiter is known to the server, where the client has one entry in the lock's queue;
//! the others wait here, without a command. The entry counts from the moment at which that waiter began
//! to wait, by the server's clock, so the order is that of one queue for all waiters of all clients.
//!
//! While the client itself holds the lock, its queue sends no request: the release takes the first waiter
//! along, and the server grants the lock to that waiter, or to one of another client that has waited
//! longer.
//!
//! [`state`] decides, without I/O; [`queues`] guards that state and carries out its effects; [`driver`]
//! has one task per queue, which asks the state what to do next. Each request runs in a task of its own,
//! so that one that hangs holds up no other waiter.

mod driver;
mod effects;
mod handle;
mod hub;
mod limits;
mod pacing;
mod place;
#[allow(
    clippy::module_inception,
    reason = "the folder is named for its main type"
)]
mod queue;
mod queues;
mod refresher;
mod release;
mod state;
mod waiter;
mod watcher;

pub(crate) use self::{
    driver::join, hub::Hub, queues::WaitQueues, release::ReleaseService, waiter::WaitResult,
};
