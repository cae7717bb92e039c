//! Shutting down: no new acquisitions, bodies stopped, everything released, in bounded time.

use std::{fmt, future::IntoFuture, pin::Pin, sync::Arc, time::Duration};

use tokio::{sync::oneshot, time::timeout};

use super::{inner::ClientInner, lock_client::LockClient};
use crate::{error::LossReason, events::Event, name::LockName};

/// A shutdown to be awaited: [`LockClient::shutdown`].
#[must_use = "a shutdown does nothing until it is awaited"]
pub struct Shutdown {
    client: LockClient,
    wait: Duration,
    limit: Duration,
}

/// The result of a shutdown: the locks that could not be released, and stay taken until their ttl ends.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// The names of the locks that stay taken, in no particular order.
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
    /// Gives all locks back. To be called, and awaited, before the process ends.
    ///
    /// From now on, the client and its clones refuse to acquire, with
    /// [`Error::ShutDown`](crate::Error::ShutDown). Bodies of annotated functions are stopped (their
    /// callers get [`Error::LeaseLost`](crate::Error::LeaseLost)), unless
    /// [`wait_for_bodies`](Shutdown::wait_for_bodies) gives them time to finish; then all locks are
    /// released, and releases and clean-ups in the background are waited for.
    ///
    /// A shutdown does not release the lock of code that it cannot stop, since another instance would get
    /// in beside that code: a [`LockGuard`](crate::LockGuard) that is still held, a body that does not come
    /// to an await, and one with `on_lost = "continue"`. Their leases are lost
    /// ([`Lease::check`](crate::Lease::check) says so) and end with their ttl; the locks are in
    /// [`ShutdownReport::unreleased`].
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
    /// Dropping the future stops the waiting, not the shutdown. A shutdown can be awaited again.
    pub fn shutdown(&self) -> Shutdown {
        Shutdown {
            client: self.clone(),
            wait: Duration::ZERO,
            limit: self.0.context.operation_timeout,
        }
    }
}

impl Shutdown {
    /// The time for which bodies may go on before they are stopped. Default: zero.
    pub fn wait_for_bodies(mut self, time: Duration) -> Self {
        self.wait = time;
        self
    }

    /// The time to wait for MongoDB, and for bodies to stop, after that. Default: the client's
    /// [operation time limit](crate::LockClientBuilder::operation_timeout). Locks that have not been
    /// released by then are in the report.
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
        // On the runtime of the client's tasks, which has a timer. If it is gone, there is nothing to wait for.
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
        client.queues.stop_listening().await;
    };
    if timeout(limit, everything).await.is_err() {
        let unreleased = client.leases.unreleased().len();
        let late = Event::ShutdownLate { limit, unreleased };
        client.context.observers.report(&late);
    }
}

impl IntoFuture for Shutdown {
    type Output = ShutdownReport;
    type IntoFuture = Pin<Box<dyn Future<Output = ShutdownReport> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}
