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
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};

use self::memory::MemoryStore;
use self::mongo::MongoNews;
pub(crate) use self::mongo::{MongoStore, Place, StartUp};
use crate::{name::LockName, outcome::Skipped, spec::Mode};

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
            Self::Memory(store) => Ok(store.with(|locks, now| locks.acquire(now, request)).await),
        }
    }

    /// One attempt to release a lease and acquire another in the same step, and says whether
    /// the first was there. Nobody can come between the two, save who has waited longer.
    pub(crate) async fn hand_over(
        &self,
        lease: &ReleaseRequest,
        request: &Request,
    ) -> Result<(bool, Reply), Failure> {
        match self {
            Self::Mongo(store) => store.hand_over(lease, request).await,
            Self::Memory(store) => Ok(store
                .with(|locks, now| locks.hand_over(now, lease, request))
                .await),
        }
    }

    /// One attempt to give up a place in line.
    pub(crate) async fn leave(&self, name: &LockName, line: &str) -> Result<(), Failure> {
        match self {
            Self::Mongo(store) => store.leave(name, line).await,
            Self::Memory(store) => {
                store.with(|locks, _| locks.leave(name, line)).await;
                Ok(())
            }
        }
    }

    /// One attempt to release. Says whether the lease was there.
    pub(crate) async fn release(&self, lease: &ReleaseRequest) -> Result<bool, Failure> {
        match self {
            Self::Mongo(store) => store.release(lease).await,
            Self::Memory(store) => Ok(store.with(|locks, now| locks.release(now, lease)).await),
        }
    }

    /// One attempt to prolong all of these.
    pub(crate) async fn renew(&self, leases: &[Renewal]) -> Result<Renewed, Failure> {
        match self {
            Self::Mongo(store) => store.renew(leases).await,
            Self::Memory(store) => Ok(store.with(|locks, now| locks.renew(now, leases)).await),
        }
    }

    /// News for whoever waits under `id`, from now on.
    pub(crate) async fn news(&self, id: &str, look: Duration) -> Result<News, Failure> {
        Ok(match self {
            Self::Mongo(store) => News::Mongo(Box::new(store.news(id, look).await?)),
            Self::Memory(store) => News::Memory(store.changes(), look),
        })
    }

    /// `database.collection`, for people.
    pub(crate) fn place(&self) -> String {
        match self {
            Self::Mongo(store) => store.place().to_string(),
            Self::Memory(_) => "memory".into(),
        }
    }
}

/// What brings news of turns.
pub(crate) enum News {
    Mongo(Box<MongoNews>),
    Memory(watch::Receiver<()>, Duration),
}

/// Whose turn it is.
pub(crate) enum Turn {
    Of(String),
    Anybodys,
    /// Nobody's, for a while now.
    Nobodys,
}

impl News {
    pub(crate) async fn next(&mut self) -> Result<Turn, Failure> {
        match self {
            Self::Mongo(news) => Ok(news.next().await?.map_or(Turn::Nobodys, Turn::Of)),
            Self::Memory(changes, look) => match timeout(*look, changes.changed()).await {
                Ok(Ok(())) => Ok(Turn::Anybodys),
                _ => Ok(Turn::Nobodys),
            },
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
    pub(crate) mode: Mode,
    /// How many may hold the lock at once, as the request sees it.
    pub(crate) permits: u32,
    /// For one that waits when it is refused.
    pub(crate) ticket: Option<Ticket>,
}

impl Request {
    /// Whether all that matters to it is that nobody holds the lock, and nobody waits.
    fn is_plain(&self) -> bool {
        self.mode == Mode::Exclusive && self.permits == 1 && self.ticket.is_none()
    }
}

/// What keeps a place in line.
#[derive(Debug, Clone)]
pub(crate) struct Ticket {
    /// Whose place it is: one client has one place in each line, and whoever of its callers is first
    /// stands there.
    pub(crate) line: Arc<str>,
    /// How long the caller has waited. The place counts from then, by the server's clock.
    pub(crate) waited: Duration,
}

/// How long a place in line is kept for one that is not heard of: the longest that a dead waiter
/// delays the next.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// A place in line that was confirmed so recently is not confirmed again, which would be a write.
const CONFIRMED: Duration = Duration::from_millis(1500);

/// One lease to give back, found by its id alone.
#[derive(Debug, Clone)]
pub(crate) struct ReleaseRequest {
    pub(crate) name: LockName,
    pub(crate) lease: LeaseId,
    /// Until this long after its acquisition, the lock stays taken.
    pub(crate) min_hold: Option<Duration>,
    /// Whether somebody else is likely to wait for it.
    pub(crate) contended: bool,
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
    /// Refused, and in line.
    Queued(Queued),
}

/// A place in line.
#[derive(Debug)]
pub(crate) struct Queued {
    /// Who holds the lock, or is next.
    pub(crate) skipped: Skipped,
    /// How many are ahead.
    pub(crate) ahead: usize,
    /// When the server last confirmed the place, on its clock.
    pub(crate) seen_at: SystemTime,
    /// When there may be room even if nobody says so, on the server's clock: what is ahead of us
    /// ends by then, unless it is prolonged.
    pub(crate) look_at: SystemTime,
}

/// A lease as the server wrote it, on the server's clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grant {
    pub(crate) token: i64,
    pub(crate) acquired_at: SystemTime,
    pub(crate) expires_at: SystemTime,
    /// Whether somebody else was in line already.
    pub(crate) contended: bool,
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
    /// The server closed a change stream.
    pub(crate) fn ended() -> Self {
        Self {
            cause: Cause::Other("the change stream was closed by the server".into()),
            effect_unknown: false,
            transient: true,
        }
    }

    /// Neither an answer nor an error came for so long that none will, on this connection.
    pub(crate) fn lost() -> Self {
        Self {
            cause: Cause::Other("the command was lost: neither answer nor error came".into()),
            effect_unknown: true,
            transient: true,
        }
    }
}
