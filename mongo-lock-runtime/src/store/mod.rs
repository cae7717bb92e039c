//! The one boundary to a database: what a lock needs of it, in a lock's own words.
//!
//! A store makes a single attempt. Time limits, repetition and cleaning up are the business of the
//! caller, and the same for every store.

mod failure;
mod memory;
mod mongo;
mod protocol;
#[cfg(test)]
mod tests;

use std::time::Duration;

use tokio::{sync::watch, time::timeout};

pub(crate) use self::failure::{AttemptError, StoreError};
use self::memory::MemoryStore;
use self::mongo::MongoWakeups;
pub(crate) use self::mongo::{MongoStore, Place, StartUp};
pub(crate) use self::protocol::*;
use crate::LockName;

/// Where the locks are.
pub(crate) enum Store {
    Mongo(MongoStore),
    Memory(MemoryStore),
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
        match self {
            Self::Mongo(store) => store.acquire(request).await,
            Self::Memory(store) => Ok(store.with(|locks, now| locks.acquire(now, request)).await),
        }
    }

    /// One attempt to release a lease and acquire another in the same step, and says whether
    /// the first was there. Nobody can come between the two, save who has waited longer.
    pub(crate) async fn hand_over(
        &self,
        lease: &ReleaseRequest,
        request: &AcquireRequest,
    ) -> Result<(bool, AcquireReply), AttemptError> {
        match self {
            Self::Mongo(store) => store.hand_over(lease, request).await,
            Self::Memory(store) => Ok(store
                .with(|locks, now| locks.hand_over(now, lease, request))
                .await),
        }
    }

    /// One attempt to give up a place in line.
    pub(crate) async fn leave(&self, name: &LockName, line: &str) -> Result<(), AttemptError> {
        match self {
            Self::Mongo(store) => store.leave(name, line).await,
            Self::Memory(store) => {
                store.with(|locks, _| locks.leave(name, line)).await;
                Ok(())
            }
        }
    }

    /// One attempt to release. Says whether the lease was there.
    pub(crate) async fn release(&self, lease: &ReleaseRequest) -> Result<bool, AttemptError> {
        match self {
            Self::Mongo(store) => store.release(lease).await,
            Self::Memory(store) => Ok(store.with(|locks, now| locks.release(now, lease)).await),
        }
    }

    /// One attempt to prolong all of these.
    pub(crate) async fn renew(&self, leases: &[Renewal]) -> Result<Renewed, AttemptError> {
        match self {
            Self::Mongo(store) => store.renew(leases).await,
            Self::Memory(store) => Ok(store.with(|locks, now| locks.renew(now, leases)).await),
        }
    }

    /// WakeupStream for whoever waits under `id`, from now on.
    pub(crate) async fn wakeups(
        &self,
        id: &str,
        look: Duration,
    ) -> Result<WakeupStream, AttemptError> {
        Ok(match self {
            Self::Mongo(store) => WakeupStream::Mongo(Box::new(store.news(id, look).await?)),
            Self::Memory(store) => WakeupStream::Memory(store.changes(), look),
        })
    }

    pub(crate) fn is_in_memory(&self) -> bool {
        matches!(self, Self::Memory(_))
    }

    /// Releases a lease of a store in memory, at once. Says whether the lease was there.
    pub(crate) fn release_in_memory(&self, lease: &ReleaseRequest) -> bool {
        match self {
            Self::Mongo(_) => false,
            Self::Memory(store) => store.step(|locks, now| locks.release(now, lease)),
        }
    }

    /// Whether the other store keeps the same locks.
    pub(crate) fn is_same_place(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Mongo(one), Self::Mongo(other)) => one.place() == other.place(),
            (Self::Memory(one), Self::Memory(other)) => std::ptr::eq(one, other),
            _ => false,
        }
    }

    /// `database.collection`, for people.
    pub(crate) fn namespace(&self) -> String {
        match self {
            Self::Mongo(store) => store.place().to_string(),
            Self::Memory(_) => "memory".into(),
        }
    }
}

/// What brings news of turns.
pub(crate) enum WakeupStream {
    Mongo(Box<MongoWakeups>),
    Memory(watch::Receiver<()>, Duration),
}

/// Whose turn it is.
pub(crate) enum Wakeup {
    Lock(String),
    All,
    /// Nobody's, for a while now.
    Idle,
}

impl WakeupStream {
    pub(crate) async fn next(&mut self) -> Result<Wakeup, AttemptError> {
        match self {
            Self::Mongo(news) => Ok(news.next().await?.map_or(Wakeup::Idle, Wakeup::Lock)),
            Self::Memory(changes, look) => match timeout(*look, changes.changed()).await {
                Ok(Ok(())) => Ok(Wakeup::All),
                _ => Ok(Wakeup::Idle),
            },
        }
    }
}
