//! The requests to a store and its replies: plain values, equal for every store.

#![cfg_attr(
    not(feature = "__simulation"),
    allow(
        unreachable_pub,
        reason = "the feature `__simulation` exports these items"
    )
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use mongodb::bson::Uuid;
use tokio::time::Instant;

use super::failure::StoreError;
use crate::{name::LockName, outcome::Skipped, random, spec::Mode};

/// The id of one acquisition, unique for ever. A release or a renewal names the id, so that neither
/// can touch another lease, and an acquisition that is sent twice is granted once.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LeaseId(pub(super) Uuid);

impl LeaseId {
    /// A new random id.
    pub(crate) fn unique() -> Self {
        Self(random::uuid())
    }

    /// The id with these 128 bits. For simulations, whose ids must not be random.
    #[cfg(any(test, feature = "__simulation"))]
    #[must_use]
    pub fn from_u128(id: u128) -> Self {
        Self(Uuid::from_bytes(id.to_be_bytes()))
    }
}

impl fmt::Debug for LeaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// An attempt to acquire a lease. Sending the request again with an equal id is harmless.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AcquireRequest {
    /// The lock.
    pub name: LockName,
    /// The id of the lease.
    pub lease: LeaseId,
    /// The number of this attempt, counted from 0 for each lease. The holder's element keeps the
    /// number of the attempt that was granted.
    pub attempt: u32,
    /// The owner label of the process.
    pub owner: Arc<str>,
    /// The length of the lease, from the grant, on the server's clock.
    pub ttl: Duration,
    /// Shared or exclusive.
    pub mode: Mode,
    /// The number of leases that may be live at once, as this request sees it.
    pub permits: u32,
    /// The place in the queue, for a request that waits when it is refused.
    pub ticket: Option<Ticket>,
    /// The holder of other readers of this client, which the lease is to share if it can: if the holder is
    /// live and no client waits.
    pub share: Option<LeaseId>,
}

impl AcquireRequest {
    /// Whether the request needs a lock without holders and without a queue: exclusive, one permit,
    /// no waiting.
    pub(super) fn is_plain(&self) -> bool {
        self.mode == Mode::Exclusive && self.permits == 1 && self.ticket.is_none()
    }
}

/// The claim of a request to a place in the queue.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Ticket {
    /// The id of the queue entry. One client has one entry in the queue of each lock; the entry
    /// belongs to the first of the client's callers.
    pub queue_id: Arc<str>,
    /// The time for which the caller has waited. The place in the queue counts from then, by the
    /// server's clock.
    pub waited: Duration,
}

/// The time for which a queue entry is kept without a new request: the longest delay that a dead
/// waiter causes.
pub(crate) const QUEUE_ENTRY_TTL: Duration = Duration::from_secs(5);

/// The age below which a queue entry is not refreshed, since a refresh is a write.
pub(super) const QUEUE_ENTRY_FRESH: Duration = Duration::from_millis(1500);

/// The time for which the document remembers that a lease id is revoked: longer than any attempt
/// can be on its way.
pub(super) const REVOCATION_TTL: Duration = Duration::from_secs(60 * 60);

/// A release of one lease, found by its id alone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ReleaseRequest {
    /// The lock.
    pub name: LockName,
    /// The id of the lease.
    pub lease: LeaseId,
    /// The time, from the acquisition, for which the lock stays taken.
    pub min_hold: Option<Duration>,
    /// Whether other clients are likely to wait for the lock.
    pub contended: bool,
    /// Whether attempts to acquire the lease may still be on their way: then the release also
    /// revokes the lease's id, so that no attempt that arrives later is granted.
    pub revoke: bool,
}

/// A renewal of one lease: the lease is to end `ttl` from the server's now, or at its present end,
/// whichever is later.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Renewal {
    /// The lock.
    pub name: LockName,
    /// The id of the lease.
    pub lease: LeaseId,
    /// The remaining time that the lease is to have at least.
    pub ttl: Duration,
    /// Whether an earlier attempt failed together with other leases, perhaps because of another
    /// lease.
    pub alone: bool,
}

/// The result of an attempt to renew leases: all were renewed, except these.
#[derive(Debug, Clone, Default)]
pub struct Renewed {
    /// The leases that the store no longer has.
    pub gone: BTreeSet<LeaseId>,
    /// The leases that are live, but seem not to have been renewed.
    pub behind: BTreeSet<LeaseId>,
    /// The remaining time of each live lease, and the instant of the question: the lease lasts at
    /// least so long from that instant. Empty when all leases were renewed.
    pub left: BTreeMap<LeaseId, (Instant, Duration)>,
    /// The error that kept leases from being renewed.
    pub trouble: Option<StoreError>,
}

/// The reply to an [`AcquireRequest`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AcquireReply {
    /// The lease is live.
    Granted(Grant),
    /// Other leases, or waiters, stand against the request.
    Refused(Skipped),
    /// Refused, and in the queue.
    Queued(Queued),
    /// The lease's id was revoked: no attempt with this id is granted or queued any more.
    Revoked,
}

/// A refused request that has a place in the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// The holder of the lock, or the first in the queue.
    pub skipped: Skipped,
    /// The number of queue entries ahead.
    pub ahead: usize,
    /// The time at which the server last refreshed the queue entry, on its clock.
    pub seen_at: SystemTime,
    /// The time at which there may be room without a wake-up, on the server's clock: the
    /// leases or entries ahead end by then, unless they are renewed.
    pub look_at: SystemTime,
}

/// A lease as the server wrote it, on the server's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// The id of the holder's element, which renewals and the release are for: the lease's own, or that of
    /// the holder that the lease shares.
    pub holder: LeaseId,
    /// The fencing token.
    pub token: i64,
    /// The number of the attempt that was granted.
    pub attempt: u32,
    /// The start of the lease.
    pub acquired_at: SystemTime,
    /// The end of the lease, unless it is renewed.
    pub expires_at: SystemTime,
    /// Whether another client was in the queue already.
    pub contended: bool,
}

/// A confirmation of a place in a queue, whose entry is kept for another [`QUEUE_ENTRY_TTL`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Confirmation {
    /// The lock.
    pub name: LockName,
    /// The id of the queue entry.
    pub queue_id: Arc<str>,
    /// The number of permits, as the waiter sees it.
    pub permits: u32,
}

/// What a waiter learns from the confirmation of its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// The waiter is to ask: there is room for it, or it has no entry any more.
    Ask,
    /// The waiter is to wait.
    Waits {
        /// The holder of the lock, or the first in the queue.
        skipped: Skipped,
        /// The time after which there may be room without a wake-up.
        look_in: Duration,
        /// Whether the place is among the first [`NEAR`].
        near: bool,
    },
}

/// The number of places at the front of a queue whose turn may come soon.
pub(crate) const NEAR: usize = 8;

/// The least remaining time of an entry that was just confirmed.
pub(super) const CONFIRMED: Duration = Duration::from_secs(3);

/// A wake-up: the waiters that are to ask for a lock again, since the lock has room for them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Wakeup {
    /// The lock.
    pub lock: LockName,
    /// The queue ids of the waiters.
    pub waiters: Vec<Arc<str>>,
}

/// The queue ids of the waiters for which a request has made room. The client whose request it was is to
/// wake them.
pub(crate) type Turn = Vec<Arc<str>>;

/// The part of a queue id that names the listener for its wake-ups: all before the last colon. The
/// clients of a process that share a listener have it in common.
pub(crate) fn listener(queue_id: &str) -> &str {
    queue_id
        .rsplit_once(':')
        .map_or(queue_id, |(first, _)| first)
}

/// One request to a store, of any kind.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Request {
    /// An acquisition.
    Acquire(AcquireRequest),
    /// A release and an acquisition in one step.
    HandOver(ReleaseRequest, AcquireRequest),
    /// The end of a client's entry in the queue of a lock.
    Leave {
        /// The lock.
        name: LockName,
        /// The id of the queue entry.
        queue_id: Arc<str>,
    },
    /// A release.
    Release(ReleaseRequest),
    /// A renewal of any number of leases.
    Renew(Vec<Renewal>),
    /// Confirmations of any number of places.
    Confirm(Vec<Confirmation>),
    /// A message to the waiters for which an earlier request has made room.
    Wake(Wakeup),
}

/// The reply to a [`Request`] of the kind with an equal name.
#[derive(Debug, Clone)]
pub enum Reply {
    /// The reply to an acquisition.
    Acquire(AcquireReply),
    /// Whether the released lease was there, and the reply to the acquisition.
    HandOver(bool, AcquireReply),
    /// The queue entry is gone.
    Left,
    /// Whether the lease was there.
    Released(bool),
    /// The result of a renewal.
    Renewed(Renewed),
    /// The results of the confirmations, in their order.
    Confirmed(Vec<Standing>),
    /// The message is on its way.
    Woken,
}
