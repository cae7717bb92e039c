//! The composition root of a client.

use std::{sync::Arc, time::Duration};

use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

use crate::{
    clock::Clock,
    lease::{LeaseTable, PendingLease, Releaser},
    operation::{Context, Margin},
    queue::{Hub, ReleaseService, WaitQueues},
    spec::LockSpec,
    store::Store,
};

pub(crate) struct ClientInner {
    pub(crate) context: Arc<Context>,
    /// The leases that are not over.
    pub(crate) leases: Arc<LeaseTable>,
    /// The callers that wait.
    pub(crate) queues: Arc<WaitQueues>,
    releaser: Arc<dyn Releaser>,
}

/// The parts of which a client is made.
pub(crate) struct Parts {
    pub(crate) store: Arc<Store>,
    pub(crate) owner: Arc<str>,
    pub(crate) operation_timeout: Duration,
    pub(crate) margin: Margin,
    pub(crate) clock: Clock,
    pub(crate) runtime: Handle,
    #[cfg(feature = "__simulation")]
    pub(crate) process: Option<Arc<dyn crate::operation::Process>>,
}

impl ClientInner {
    pub(crate) fn new(parts: Parts) -> Self {
        Self::with_hub(parts, &Hub::new())
    }

    /// A client that shares the listener for wake-ups with others.
    fn with_hub(parts: Parts, hub: &Arc<Hub>) -> Self {
        let context = Arc::new(Context {
            store: parts.store,
            owner: parts.owner,
            operation_timeout: parts.operation_timeout,
            margin: parts.margin,
            clock: parts.clock.clone(),
            runtime: parts.runtime,
            tasks: TaskTracker::new(),
            #[cfg(feature = "__simulation")]
            process: parts.process,
        });
        let leases = Arc::new(LeaseTable::new(parts.clock));
        let queues = WaitQueues::new(&context, &leases, hub);
        let releaser = ReleaseService::new(&context, &leases, &queues);
        Self {
            context,
            leases,
            queues,
            releaser,
        }
    }

    /// Another client of the same locks.
    pub(crate) fn with_owner(&self, owner: Arc<str>) -> Self {
        let context = &self.context;
        let parts = Parts {
            store: Arc::clone(&context.store),
            owner,
            operation_timeout: context.operation_timeout,
            margin: context.margin,
            clock: context.clock.clone(),
            runtime: context.runtime.clone(),
            #[cfg(feature = "__simulation")]
            process: context.process.clone(),
        };
        Self::with_hub(parts, &self.queues.hub)
    }

    /// A pending lease for a new acquisition. `None` when the client is shutting down.
    pub(super) fn pending(&self, spec: &LockSpec) -> Option<PendingLease> {
        PendingLease::begin(&self.context, &self.leases, &self.releaser, spec)
    }
}
