//! The events of a lock's life.

use std::time::Duration;

use super::{
    outcome::{AcquisitionOutcome, RunOutcome},
    subject::ObservedLock,
};
use crate::{
    error::{LossReason, Operation},
    name::LockName,
    outcome::{Release, Skipped},
};

/// A step in the life of a lock, or of a client.
///
/// ```
/// use mongo_lock_runtime::observe::{AcquisitionOutcome, Event};
///
/// fn describe(event: &Event) -> Option<String> {
///     match event {
///         Event::AcquisitionEnded { lock, outcome: AcquisitionOutcome::Skipped(why), .. } => {
///             Some(format!("{}: {why}", lock.name))
///         }
///         Event::LeaseEnded { lock, reason, .. } if event.is_warning() => {
///             Some(format!("{} was lost: {reason}", lock.name))
///         }
///         _ => None,
///     }
/// }
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A call asks for a lock.
    #[non_exhaustive]
    AcquisitionBegan {
        /// The lock.
        lock: ObservedLock,
        /// Whether the call waits for a held lock.
        waits: bool,
    },
    /// The call has the lock, or has it not. Comes once for each [`AcquisitionBegan`](Self::AcquisitionBegan).
    #[non_exhaustive]
    AcquisitionEnded {
        /// The lock.
        lock: ObservedLock,
        /// As in [`AcquisitionBegan`](Self::AcquisitionBegan).
        waits: bool,
        /// The end.
        outcome: AcquisitionOutcome,
        /// The time since the beginning.
        waited: Duration,
    },
    /// The server has given the client a place in the queue of a lock.
    #[non_exhaustive]
    Queued {
        /// The lock.
        lock: ObservedLock,
        /// The holder for which the client waits.
        skipped: Skipped,
        /// The number of places ahead of the client's.
        ahead: usize,
    },
    /// An attempt has failed, and time is left for another one.
    #[non_exhaustive]
    Retrying {
        /// The lock.
        lock: ObservedLock,
        /// The operation.
        operation: Operation,
        /// The failure of the attempt.
        error: String,
    },
    /// A task waits for a lock under a guard that it acquired itself: a deadlock, unless the guard went to
    /// another task.
    #[non_exhaustive]
    WaitsForOwnGuard {
        /// The lock.
        lock: ObservedLock,
        /// The fencing token of the guard.
        token: i64,
    },
    /// Two instances disagree on the permits of a lock. The strictest decides; but one of the two is wrong.
    #[non_exhaustive]
    PermitsDiffer {
        /// The lock's name.
        name: LockName,
        /// The permits of this instance.
        permits: u32,
        /// The permits of the other.
        theirs: i64,
        /// The owner label of the other.
        holder: String,
    },
    /// A lease under which a caller works has ended, by its release or otherwise. Comes once for each lock that was
    /// acquired.
    #[non_exhaustive]
    LeaseEnded {
        /// The lock.
        lock: ObservedLock,
        /// The fencing token.
        token: i64,
        /// The time since the acquisition.
        held: Duration,
        /// The reason; [`LossReason::Released`] for a release.
        reason: LossReason,
    },
    /// The body has ended and was dropped, or its guard was released or dropped. Comes once for each lock that was
    /// acquired, in time or after the end of the lease.
    #[non_exhaustive]
    RunEnded {
        /// The lock.
        lock: ObservedLock,
        /// The fencing token.
        token: i64,
        /// The time since the acquisition.
        held: Duration,
        /// The end.
        outcome: RunOutcome,
        /// How near the deadline the run came: of the time from a request that was granted or renewed to
        /// the deadline (the ttl less the safety margin), the largest share that passed until the next renewal, or
        /// the end of the run. 1 is the deadline. About a third where renewals go well.
        lease_used: f64,
        /// The time by which the run went on beyond the deadline of its lease. Zero in the usual case. With more
        /// than `margin`, another holder may have worked beside the run.
        late: Duration,
        /// The [safety margin](crate::LockClientBuilder::margin), of which `late` is a part.
        margin: Duration,
    },
    /// A body came to its end by itself, after the end of its lease.
    #[non_exhaustive]
    BodyLate {
        /// The lock.
        lock: ObservedLock,
        /// The fencing token.
        token: i64,
        /// The time since the acquisition.
        held: Duration,
        /// The time since the end of the lease.
        late: Duration,
        /// The reason for the end of the lease.
        reason: LossReason,
    },
    /// The server has answered a release.
    #[non_exhaustive]
    Released {
        /// The lock.
        lock: ObservedLock,
        /// The fencing token.
        token: i64,
        /// The time since the acquisition.
        held: Duration,
        /// The answer.
        release: Release,
        /// Whether the lease had ended before, which was reported then.
        was_lost: bool,
        /// The time that the release took.
        took: Duration,
    },
    /// A release was given up: the lock stays taken until the lease ends by itself.
    #[non_exhaustive]
    ReleaseFailed {
        /// The lock.
        lock: ObservedLock,
        /// The fencing token.
        token: i64,
        /// The time since the acquisition.
        held: Duration,
        /// The last failure.
        error: String,
    },
    /// An acquisition that may have been granted without its caller was cleaned up.
    #[non_exhaustive]
    CleanedUp {
        /// The lock.
        lock: ObservedLock,
        /// Whether a lease was found.
        release: Release,
        /// The time that the clean-up took.
        took: Duration,
    },
    /// The clean-up of an acquisition was given up: a lease that was granted lasts until its ttl ends.
    #[non_exhaustive]
    CleanUpFailed {
        /// The lock.
        lock: ObservedLock,
        /// The last failure.
        error: String,
    },
    /// The server has answered a renewal: one command for all leases that were due.
    #[non_exhaustive]
    Renewed {
        /// The number of leases.
        leases: usize,
        /// The number of leases that the server does not have any more.
        gone: usize,
        /// The number of leases that were not prolonged as asked.
        behind: usize,
        /// The time that the command took.
        took: Duration,
        /// The time from the moment at which a renewal was due, a third of the ttl after the last one, to the
        /// answer; the longest of all leases that were prolonged.
        lag: Duration,
    },
    /// A renewal has failed, and is tried again.
    #[non_exhaustive]
    RenewalFailed {
        /// Whether this is the first failure of a row.
        first: bool,
        /// The number of leases.
        leases: usize,
        /// The failure.
        error: String,
    },
    /// A renewal has succeeded, after failures.
    #[non_exhaustive]
    RenewalRecovered {
        /// The number of leases.
        leases: usize,
        /// The time since the first failure.
        after: Duration,
    },
    /// This instance leads: see [`LockClient::lead`](crate::LockClient::lead).
    #[non_exhaustive]
    Elected {
        /// The lock.
        lock: ObservedLock,
        /// The fencing token of the term.
        token: i64,
    },
    /// A term has ended, or an election has failed, and the instance stands again.
    #[non_exhaustive]
    StandsAgain {
        /// The lock.
        lock: ObservedLock,
        /// The reason for the end.
        reason: String,
        /// The pause before the instance stands.
        pause: Duration,
    },
    /// Waiters cannot be woken, so they ask again and again. Once per set of clients with one store.
    #[non_exhaustive]
    NoWakeups {
        /// The failure.
        error: String,
    },
    /// The cursor for wake-ups was interrupted, and is opened again.
    #[non_exhaustive]
    WakeupsInterrupted {
        /// The failure.
        error: String,
    },
    /// A shutdown has not ended in time: locks are left to their ttl.
    #[non_exhaustive]
    ShutdownLate {
        /// The limit of the shutdown.
        limit: Duration,
        /// The number of locks that stay taken.
        unreleased: usize,
    },
    /// An observer has panicked. Once per observer, which is still called.
    #[non_exhaustive]
    ObserverPanicked {
        /// The type of the observer.
        observer: &'static str,
        /// The message of the panic, where that is a text.
        message: String,
    },
}

impl Event {
    /// Whether the event needs attention: those that `tracing` hears at level WARN, once per fact. A refusal never
    /// does.
    #[must_use]
    pub fn is_warning(&self) -> bool {
        match self {
            Self::LeaseEnded { reason, .. } => {
                !matches!(reason, LossReason::Released | LossReason::ShutDown)
            }
            Self::Released {
                release, was_lost, ..
            } => *release == Release::AlreadyGone && !was_lost,
            Self::RenewalFailed { first, .. } => *first,
            Self::WaitsForOwnGuard { .. }
            | Self::PermitsDiffer { .. }
            | Self::BodyLate { .. }
            | Self::ReleaseFailed { .. }
            | Self::NoWakeups { .. }
            | Self::ShutdownLate { .. }
            | Self::ObserverPanicked { .. } => true,
            _ => false,
        }
    }

    /// The lock that the event is about. `None` for an event of a client.
    #[must_use]
    pub const fn lock(&self) -> Option<&ObservedLock> {
        match self {
            Self::AcquisitionBegan { lock, .. }
            | Self::AcquisitionEnded { lock, .. }
            | Self::Queued { lock, .. }
            | Self::Retrying { lock, .. }
            | Self::WaitsForOwnGuard { lock, .. }
            | Self::LeaseEnded { lock, .. }
            | Self::RunEnded { lock, .. }
            | Self::BodyLate { lock, .. }
            | Self::Released { lock, .. }
            | Self::ReleaseFailed { lock, .. }
            | Self::CleanedUp { lock, .. }
            | Self::CleanUpFailed { lock, .. }
            | Self::Elected { lock, .. }
            | Self::StandsAgain { lock, .. } => Some(lock),
            _ => None,
        }
    }
}
