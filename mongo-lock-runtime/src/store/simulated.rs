//! A store behind a simulated network.

use std::pin::Pin;

use tokio::sync::watch;

use super::{
    failure::AttemptError,
    protocol::{Reply, Request},
};

/// The way to a simulated store, which may lose, delay and repeat requests and replies.
pub trait Network: Send + Sync {
    /// Sends a request, and gives its reply.
    fn call(
        &self,
        request: Request,
    ) -> Pin<Box<dyn Future<Output = Result<Reply, AttemptError>> + Send>>;

    /// A channel that changes with each wake-up of waiting clients.
    fn wakeups(&self) -> watch::Receiver<()>;
}
