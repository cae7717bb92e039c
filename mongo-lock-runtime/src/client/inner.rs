//! The composition root of a client.

use std::sync::Arc;

use super::pulse::Pulse;
use crate::{
    lease::{LeaseTable, PendingLease, Releaser},
    operation::Context,
    queue::{Hub, ReleaseService, WaitQueues},
    spec::LockSpec,
};

pub(crate) struct ClientInner {
    pub(crate) context: Arc<Context>,
    /// The leases that are not over.
    pub(crate) leases: Arc<LeaseTable>,
    /// The callers that wait.
    pub(crate) queues: Arc<WaitQueues>,
    /// The look at the server.
    pub(super) pulse: Pulse,
    releaser: Arc<dyn Releaser>,
}

impl ClientInner {
    pub(crate) fn new(context: Context) -> Self {
        Self::with_hub(context, &Hub::new())
    }

    /// A client that shares the listener for wake-ups with others.
    fn with_hub(context: Context, hub: &Arc<Hub>) -> Self {
        let context = Arc::new(context);
        let leases = Arc::new(LeaseTable::new(context.clock.clone()));
        let queues = WaitQueues::new(&context, &leases, hub);
        let releaser = ReleaseService::new(&context, &leases, &queues);
        Self {
            context,
            leases,
            queues,
            pulse: Pulse::default(),
            releaser,
        }
    }

    /// Another client of the same locks.
    pub(crate) fn with_owner(&self, owner: Arc<str>) -> Self {
        Self::with_hub(self.context.with_owner(owner), &self.queues.hub)
    }

    /// A pending lease for a new acquisition. `None` when the client is shutting down.
    pub(super) fn pending(&self, spec: &LockSpec) -> Option<PendingLease> {
        PendingLease::begin(&self.context, &self.leases, &self.releaser, spec)
    }
}
