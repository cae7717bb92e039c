//! The parts of the store that a simulation or a model outside of this crate needs. Internal: for the
//! workspace's own tests, without any promise of stability.

pub use crate::{
    spec::Mode,
    store::{
        failure::{AttemptError, Persistence, StoreError},
        memory::locks::Locks,
        protocol::{
            AcquireReply, AcquireRequest, Grant, LeaseId, Queued, ReleaseRequest, Renewal, Renewed,
            Reply, Request, Ticket,
        },
        simulated::Network,
    },
};
