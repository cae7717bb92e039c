//! Shutting down: no new acquisitions, bodies stopped, everything released, in bounded time.

use std::{fmt, future::IntoFuture, pin::Pin, sync::Arc, time::Duration};

use tokio::{sync::oneshot, time::timeout};

use super::{inner::ClientInner, lock_client::LockClient};
use crate::{error::LossReason, events, name::LockName};

/// A shutdown to be awaited: [`LockClient::shutdown`].
#[must_use = "a shutdown does nothing until it is awaited"]
pub struct Shutdown {
    client: LockClient,
    wait: Duration,
    limit: Duration,
}

/// What a shutdown could not release: these locks stay taken until their ttl ends.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// The locks, in no particular order.
    pub unreleased: Vec<LockName>,
}

impl ShutdownReport {
    /// Whether every lock was released.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.unreleased.is_empty()
    }
}

impl fmt::Display for ShutdownReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((first, rest)) = self.unreleased.split_first() else {
            return f.write_str("every lock was released");
        };
        write!(f, "left until their ttl ends: {first}")?;
        rest.iter().try_for_each(|name| write!(f, ", {name}"))
    }
}

impl LockClient {
    /// Gives everything back: to call, and to await, before the process ends.
    ///
    /// From now on, the client and its clones refuse to acquire, with
    /// [`Error::ShutDown`](crate::Error::ShutDown). Bodies of annotated functions are stopped (their
    /// callers get [`Error::LeaseLost`](crate::Error::LeaseLost)), unless
    /// [`wait_for_bodies`](Shutdown::wait_for_bodies) gives them time to finish; then all locks are
    /// released, and what earlier drops left to the background is waited for.
    ///
    /// What it cannot stop, it does not release, since that would let another instance in beside it:
    /// a [`LockGuard`](crate::LockGuard) that is still held, a body that does not come to an await,
    /// and one with `on_lost = "continue"`. Their leases are lost
    /// ([`Lease::check`](crate::Lease::check) says so) and end with their ttl.
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # use mongo_lock_runtime::LockClient;
    /// # async fn example(client: LockClient) {
    /// let report = client
    ///     .shutdown()
    ///     .wait_for_bodies(Duration::from_secs(20))
    ///     .await;
    /// if !report.is_clean() {
    ///     eprintln!("{report}");
    /// }
    /// # }
    /// ```
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops the waiting, not what it has set in motion. It can be called again.
    pub fn shutdown(&self) -> Shutdown {
        Shutdown {
            client: self.clone(),
            wait: Duration::ZERO,
            limit: self.0.context.operation_timeout,
        }
    }
}

impl Shutdown {
    /// How long bodies may go on by themselves before they are stopped. Default: not at all.
    pub fn wait_for_bodies(mut self, time: Duration) -> Self {
        self.wait = time;
        self
    }

    /// How long to wait for MongoDB and for bodies to stop, after that. Default: the client's
    /// [operation time limit](crate::LockClientBuilder::operation_timeout). What has not been
    /// released by then is in the report.
    pub fn limit(mut self, time: Duration) -> Self {
        self.limit = time;
        self
    }

    async fn run(self) -> ShutdownReport {
        let inner = Arc::clone(&self.client.0);
        inner.leases.close();
        inner.queues.close();
        let (wait, limit) = (self.wait, self.limit);
        let client = Arc::clone(&inner);
        let (done, waited) = oneshot::channel();
        // On the client's runtime, which has a timer. If it is gone, there is nothing to wait for.
        inner.context.spawn_aside(async move {
            run(&client, wait, limit).await;
            let _ = done.send(());
        });
        let _ = waited.await;
        ShutdownReport {
            unreleased: inner.leases.unreleased(),
        }
    }
}

async fn run(client: &ClientInner, wait: Duration, limit: Duration) {
    let _ = timeout(wait, client.leases.settled()).await;
    client.leases.end_all(&LossReason::ShutDown);
    client.context.tasks.close();
    let everything = async {
        client.leases.settled().await;
        // Clean-ups of acquisitions, and queues that the client leaves.
        client.context.tasks.wait().await;
    };
    if timeout(limit, everything).await.is_err() {
        events::shutdown_late(limit, client.leases.unreleased().len());
    }
}

impl IntoFuture for Shutdown {
    type Output = ShutdownReport;
    type IntoFuture = Pin<Box<dyn Future<Output = ShutdownReport> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}
