//! The items that the simulation and the model in this repository use. Not a part of the public
//! interface: they change without notice.

use std::{sync::Arc, time::Duration};

use crate::{
    client::{ClientInner, LockClient},
    clock::Clock,
    events::Observer,
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
    LockClient(Arc::new(ClientInner::new(context(settings))))
}

fn context(settings: Settings) -> Context {
    let context = Context::new(
        Store::Simulated(settings.network),
        settings.owner.into(),
        settings.operation_timeout,
        Margin::Proportional,
        Clock::tokio(),
        Runtime::current(),
    );
    Context {
        process: Some(settings.process),
        ..context
    }
}

/// A client whose events an observer hears.
#[must_use]
pub fn observed_client(settings: Settings, observer: impl Observer) -> LockClient {
    let mut context = context(settings);
    context.observers = context.observers.with(observer);
    LockClient(Arc::new(ClientInner::new(context)))
}

/// Seeds the ids and the jitter of this thread: from now on they follow from `seed`.
pub fn seed(seed: u64) {
    random::seeded::seed(seed);
}
