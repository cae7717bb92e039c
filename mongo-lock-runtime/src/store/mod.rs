//! The store: the one boundary to a database, in a lock's own words.
//!
//! A store makes one attempt at one operation. Time limits, repetition and cleaning up are the
//! business of the caller, and equal for every store.

pub(crate) mod failure;
pub(crate) mod memory;
mod mongo;
pub(crate) mod protocol;
#[cfg(feature = "__simulation")]
pub(crate) mod simulated;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, time::timeout};

use self::{
    failure::Persistence,
    memory::MemoryStore,
    mongo::MongoWakeups,
    protocol::{Reply, Request},
};
pub(crate) use self::{
    failure::{AttemptError, StoreError},
    mongo::{MongoStore, Namespace, StartUp, StartUpFailure},
    protocol::{
        AcquireReply, AcquireRequest, Grant, LeaseId, Queued, ReleaseRequest, Renewal, Renewed,
        Ticket,
    },
};
use crate::name::LockName;

/// The place of the locks.
pub(crate) enum Store {
    Mongo(MongoStore),
    Memory(MemoryStore),
    #[cfg(feature = "__simulation")]
    Simulated(Arc<dyn simulated::Network>),
}

impl Store {
    pub(crate) fn in_memory() -> Self {
        Self::Memory(MemoryStore::default())
    }

    /// One attempt to acquire.
    pub(crate) async fn acquire(
        &self,
        request: &AcquireRequest,
    ) -> Result<AcquireReply, AttemptError> {
        if let Self::Mongo(store) = self {
            return store.acquire(request).await;
        }
        match self.call(Request::Acquire(request.clone())).await? {
            Reply::Acquire(reply) => Ok(reply),
            other => Err(other.unexpected()),
        }
    }

    /// One attempt to release a lease and to acquire another in one step; says whether the first
    /// was there. Atomic: only a client that has waited longer can acquire in between.
    pub(crate) async fn hand_over(
        &self,
        lease: &ReleaseRequest,
        request: &AcquireRequest,
    ) -> Result<(bool, AcquireReply), AttemptError> {
        if let Self::Mongo(store) = self {
            return store.hand_over(lease, request).await;
        }
        let both = Request::HandOver(lease.clone(), request.clone());
        match self.call(both).await? {
            Reply::HandOver(there, reply) => Ok((there, reply)),
            other => Err(other.unexpected()),
        }
    }

    /// One attempt to give up the queue entry with this id.
    pub(crate) async fn leave(&self, name: &LockName, queue_id: &str) -> Result<(), AttemptError> {
        if let Self::Mongo(store) = self {
            return store.leave(name, queue_id).await;
        }
        let (name, queue_id) = (name.clone(), Arc::from(queue_id));
        match self.call(Request::Leave { name, queue_id }).await? {
            Reply::Left => Ok(()),
            other => Err(other.unexpected()),
        }
    }

    /// One attempt to release; says whether the lease was there.
    pub(crate) async fn release(&self, lease: &ReleaseRequest) -> Result<bool, AttemptError> {
        if let Self::Mongo(store) = self {
            return store.release(lease).await;
        }
        match self.call(Request::Release(lease.clone())).await? {
            Reply::Released(there) => Ok(there),
            other => Err(other.unexpected()),
        }
    }

    /// One attempt to renew all of these leases.
    pub(crate) async fn renew(&self, leases: &[Renewal]) -> Result<Renewed, AttemptError> {
        if let Self::Mongo(store) = self {
            return store.renew(leases).await;
        }
        match self.call(Request::Renew(leases.to_vec())).await? {
            Reply::Renewed(renewed) => Ok(renewed),
            other => Err(other.unexpected()),
        }
    }

    /// The wake-ups, from now on, of the client with this queue id. Without any for `look`, the
    /// stream says that it is idle.
    pub(crate) async fn news(
        &self,
        id: &str,
        look: Duration,
    ) -> Result<WakeupStream, AttemptError> {
        Ok(match self {
            Self::Mongo(store) => WakeupStream::Mongo(Box::new(store.watch(id, look).await?)),
            Self::Memory(store) => WakeupStream::Memory(store.wakeups(), look),
            #[cfg(feature = "__simulation")]
            Self::Simulated(network) => WakeupStream::Memory(network.wakeups(), look),
        })
    }

    pub(crate) fn is_in_memory(&self) -> bool {
        matches!(self, Self::Memory(_))
    }

    /// Releases a lease of a store in memory, at once. Says whether the lease was there.
    pub(crate) fn release_in_memory(&self, lease: &ReleaseRequest) -> bool {
        let Self::Memory(store) = self else {
            return false;
        };
        matches!(
            store.apply(&Request::Release(lease.clone())),
            Reply::Released(true)
        )
    }

    /// Whether the other store keeps the same locks.
    pub(crate) fn is_same_place(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Mongo(one), Self::Mongo(other)) => one.is_same_place(other),
            (Self::Memory(one), Self::Memory(other)) => std::ptr::eq(one, other),
            #[cfg(feature = "__simulation")]
            (Self::Simulated(_), Self::Simulated(_)) => true,
            _ => false,
        }
    }

    /// `database.collection`, for error messages.
    pub(crate) fn place(&self) -> String {
        match self {
            Self::Mongo(store) => store.namespace().to_string(),
            Self::Memory(_) => "memory".into(),
            #[cfg(feature = "__simulation")]
            Self::Simulated(_) => "simulation".into(),
        }
    }

    /// Sends a request to a store that takes requests as they are.
    async fn call(&self, request: Request) -> Result<Reply, AttemptError> {
        match self {
            Self::Mongo(_) => unreachable!("MongoDB takes a command of its own for each request"),
            Self::Memory(store) => Ok(store.call(&request).await),
            #[cfg(feature = "__simulation")]
            Self::Simulated(network) => network.call(request).await,
        }
    }
}

impl Reply {
    /// The error for a reply to another kind of request.
    fn unexpected(&self) -> AttemptError {
        let message = format!("the store replied to another request: {self:?}");
        AttemptError::new(message, Persistence::Final, true)
    }
}

/// The wake-ups of one client.
pub(crate) enum WakeupStream {
    Mongo(Box<MongoWakeups>),
    Memory(watch::Receiver<()>, Duration),
}

/// A wake-up: the lock that waiters are to ask for again.
pub(crate) enum Wakeup {
    Lock(String),
    All,
    /// There has been no wake-up for a while.
    Idle,
}

impl WakeupStream {
    pub(crate) async fn next(&mut self) -> Result<Wakeup, AttemptError> {
        match self {
            Self::Mongo(stream) => Ok(stream.next().await?.map_or(Wakeup::Idle, Wakeup::Lock)),
            Self::Memory(changes, look) => match timeout(*look, changes.changed()).await {
                Ok(Ok(())) => Ok(Wakeup::All),
                _ => Ok(Wakeup::Idle),
            },
        }
    }
}
