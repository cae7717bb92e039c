//! The one boundary to a database: what a lock needs of it, in a lock's own words.
//!
//! A store makes a single attempt. Time limits, repetition and cleaning up are the business of the
//! caller, and the same for every store.

mod memory;
mod mongo;
#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use mongodb::bson::Uuid;
use tokio::time::Instant;

use self::memory::MemoryStore;
pub(crate) use self::mongo::{MongoStore, Place, StartUp};
use crate::{LockName, Skipped};

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
    pub(crate) async fn acquire(&self, request: &Request) -> Result<Reply, Failure> {
        match self {
            Self::Mongo(store) => store.acquire(request).await,
            Self::Memory(store) => Ok(store.with(|locks, now| locks.acquire(now, request))),
        }
    }

    /// One attempt to release. Says whether the lease was there.
    pub(crate) async fn release(&self, lease: &ReleaseRequest) -> Result<bool, Failure> {
        match self {
            Self::Mongo(store) => store.release(lease).await,
            Self::Memory(store) => Ok(store.with(|locks, now| locks.release(now, lease))),
        }
    }

    /// One attempt to prolong all of these.
    pub(crate) async fn renew(&self, leases: &[Renewal]) -> Result<Renewed, Failure> {
        match self {
            Self::Mongo(store) => store.renew(leases).await,
            Self::Memory(store) => Ok(store.with(|locks, now| locks.renew(now, leases))),
        }
    }

    /// `database.collection`, for people.
    pub(crate) fn place(&self) -> String {
        match self {
            Self::Mongo(store) => store.place().to_string(),
            Self::Memory(_) => "memory".into(),
        }
    }
}

/// Identifies one acquisition for ever. A release or a renewal names it, so that it can never
/// touch another's lease, and an acquisition that is sent twice is granted once.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct LeaseId(Uuid);

impl LeaseId {
    pub(crate) fn unique() -> Self {
        Self(Uuid::new())
    }
}

impl fmt::Debug for LeaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// One request for a lease. Sending it again with the same id is harmless.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) name: LockName,
    pub(crate) lease: LeaseId,
    pub(crate) owner: Arc<str>,
    pub(crate) ttl: Duration,
}

/// One lease to give back, found by its id alone.
#[derive(Debug, Clone)]
pub(crate) struct ReleaseRequest {
    pub(crate) name: LockName,
    pub(crate) lease: LeaseId,
    /// Until this long after its acquisition, the lock stays taken.
    pub(crate) min_hold: Option<Duration>,
}

/// One lease to prolong: it is to end `ttl` from the server's now, or when it would have,
/// whichever is later.
#[derive(Debug, Clone)]
pub(crate) struct Renewal {
    pub(crate) name: LockName,
    pub(crate) lease: LeaseId,
    pub(crate) ttl: Duration,
    /// Whether an earlier attempt failed in company, perhaps because of another lease.
    pub(crate) alone: bool,
}

/// What came of an attempt to prolong leases: all of them were, but for these.
#[derive(Debug, Default)]
pub(crate) struct Renewed {
    /// The store no longer has them.
    pub(crate) gone: HashSet<LeaseId>,
    /// They are live, and seem not to have been prolonged.
    pub(crate) behind: HashSet<LeaseId>,
    /// When it was asked how long they last, and what the answer was: they last at least so long
    /// from then. Empty when all were prolonged.
    pub(crate) left: HashMap<LeaseId, (Instant, Duration)>,
    /// Why.
    pub(crate) trouble: Option<Cause>,
}

/// The store's answer to a [`Request`].
#[derive(Debug)]
pub(crate) enum Reply {
    Granted(Grant),
    Refused(Skipped),
}

/// A lease as the server wrote it, on the server's clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grant {
    pub(crate) token: i64,
    pub(crate) acquired_at: SystemTime,
    pub(crate) expires_at: SystemTime,
}

/// Why an attempt failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) cause: Cause,
    /// Whether the command may have taken effect, or may still do so.
    pub(crate) effect_unknown: bool,
    /// Whether the same command may succeed a moment later.
    pub(crate) transient: bool,
}

#[derive(Debug)]
pub(crate) enum Cause {
    Driver(mongodb::error::Error),
    /// What the server said in an otherwise successful reply.
    Other(String),
    /// What is wrong with the document.
    NotALockDocument(String),
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Not the error's own text, which goes on with a dump of the server's reply.
            Self::Driver(error) => error.kind.fmt(f),
            Self::Other(message) => f.write_str(message),
            Self::NotALockDocument(problem) => write!(f, "not a lock document: {problem}"),
        }
    }
}

impl Failure {
    /// Neither an answer nor an error came for so long that none will, on this connection.
    pub(crate) fn lost() -> Self {
        Self {
            cause: Cause::Other("the command was lost: neither answer nor error came".into()),
            effect_unknown: true,
            transient: true,
        }
    }
}
