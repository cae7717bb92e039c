//! The items that the simulation and the model in this repository use. Not a part of the public
//! interface: they change without notice.

use std::{sync::Arc, time::Duration};

use crate::{
    client::{ClientInner, LockClient},
    clock::Clock,
    operation::{Context, Margin, Runtime},
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
    let context = Context::new(
        Store::Simulated(settings.network),
        settings.owner.into(),
        settings.operation_timeout,
        Margin::Proportional,
        Clock::tokio(),
        Runtime::current(),
    );
    LockClient(Arc::new(ClientInner::new(Context {
        process: Some(settings.process),
        ..context
    })))
}

/// Seeds the ids and the jitter of this thread: from now on they follow from `seed`.
pub fn seed(seed: u64) {
    random::seeded::seed(seed);
}
