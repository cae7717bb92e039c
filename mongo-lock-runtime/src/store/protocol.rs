//! What a store is asked, and what it answers: plain values, the same for every store.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use mongodb::bson::Uuid;
use tokio::time::Instant;

use super::failure::StoreError;
use crate::{LockName, Mode, Skipped};

/// Identifies one acquisition for ever. A release or a renewal names it, so that it can never
/// touch another's lease, and an acquisition that is sent twice is granted once.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct LeaseId(pub(super) Uuid);

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
pub(crate) struct AcquireRequest {
    pub(crate) name: LockName,
    pub(crate) lease: LeaseId,
    /// The number of this attempt, counted from 0 for each lease. The holder's element keeps it.
    pub(crate) attempt: u32,
    pub(crate) owner: Arc<str>,
    pub(crate) ttl: Duration,
    pub(crate) mode: Mode,
    /// How many may hold the lock at once, as the request sees it.
    pub(crate) permits: u32,
    /// For one that waits when it is refused.
    pub(crate) ticket: Option<Ticket>,
}

impl AcquireRequest {
    /// Whether all that matters to it is that nobody holds the lock, and nobody waits.
    pub(super) fn is_plain(&self) -> bool {
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
pub(crate) const QUEUE_ENTRY_TTL: Duration = Duration::from_secs(5);

/// A place in line that was confirmed so recently is not confirmed again, which would be a write.
pub(super) const QUEUE_ENTRY_FRESH: Duration = Duration::from_millis(1500);

/// One lease to give back, found by its id alone.
#[derive(Debug, Clone)]
pub(crate) struct ReleaseRequest {
    pub(crate) name: LockName,
    pub(crate) lease: LeaseId,
    /// Until this long after its acquisition, the lock stays taken.
    pub(crate) min_hold: Option<Duration>,
    /// Whether somebody else is likely to wait for it.
    pub(crate) contended: bool,
    /// Whether attempts to acquire the lease may still be on their way: then the release also
    /// revokes the lease's id, so that no attempt that arrives later is granted.
    pub(crate) revoke: bool,
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
    pub(crate) trouble: Option<StoreError>,
}

/// The store's answer to a [`AcquireRequest`].
#[derive(Debug)]
pub(crate) enum AcquireReply {
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
    /// The attempt that was granted.
    pub(crate) attempt: u32,
    pub(crate) acquired_at: SystemTime,
    pub(crate) expires_at: SystemTime,
    /// Whether somebody else was in line already.
    pub(crate) contended: bool,
}

/// One request to a store, of any kind.
#[derive(Debug, Clone)]
pub(crate) enum Request {
    Acquire(AcquireRequest),
    /// A release and an acquisition in one step.
    HandOver(ReleaseRequest, AcquireRequest),
    /// The end of a client's place in the queue of a lock.
    Leave {
        name: LockName,
        client: Arc<str>,
    },
    Release(ReleaseRequest),
    Renew(Vec<Renewal>),
}

/// The answer to a [`Request`] of the same kind.
#[derive(Debug)]
pub(crate) enum Reply {
    Acquire(AcquireReply),
    /// Whether the released lease was there, and the answer to the acquisition.
    HandOver(bool, AcquireReply),
    Left,
    /// Whether the lease was there.
    Released(bool),
    Renewed(Renewed),
}
