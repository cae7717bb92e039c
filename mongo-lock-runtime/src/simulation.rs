//! The items that the simulation and the model in this repository use. Not a part of the public
//! interface: they change without notice.

use std::{sync::Arc, time::Duration};

use tokio::runtime::Handle;

use crate::{
    client::{ClientInner, LockClient, Parts},
    clock::Clock,
    operation::Margin,
    random,
    store::Store,
};
pub use crate::{
    operation::Process,
    spec::Mode,
    store::{
        failure::{AttemptError, Persistence, StoreError},
        memory::locks::Locks,
        protocol::{
            AcquireReply, AcquireRequest, Confirmation, Grant, LeaseId, Queued, ReleaseRequest,
            Renewal, Renewed, Reply, Request, Standing, Ticket, Wakeup,
        },
        simulated::{Answered, Network},
    },
};

/// The settings of a simulated client.
#[derive(Clone)]
pub struct Settings {
    /// The client's label.
    pub owner: String,
    /// The longest that one operation takes.
    pub operation_timeout: Duration,
    /// The way to the store and back.
    pub network: Arc<dyn Network>,
    /// The process in which the client runs.
    pub process: Arc<dyn Process>,
}

/// A client on the current runtime, whose clock is tokio's.
#[must_use]
pub fn client(settings: Settings) -> LockClient {
    LockClient(Arc::new(ClientInner::new(Parts {
        store: Arc::new(Store::Simulated(settings.network)),
        owner: settings.owner.into(),
        operation_timeout: settings.operation_timeout,
        margin: Margin::Proportional,
        clock: Clock::tokio(),
        runtime: Handle::current(),
        process: Some(settings.process),
    })))
}

/// Seeds the ids and the jitter of this thread: from now on they follow from `seed`.
pub fn seed(seed: u64) {
    random::seeded::seed(seed);
}
