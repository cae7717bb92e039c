//! The effects of the events of a queue, to be carried out outside of its mutex.

use std::sync::Arc;

use tokio::sync::{Notify, oneshot};

use super::waiter::{WaitResult, Waiter};
use crate::{
    clock::Moment,
    lease::{OwnedLease, PendingLease},
    name::LockName,
    outcome::Skipped,
    spec::LockSpec,
    store::LeaseId,
};

/// A waiter whose time is over.
pub(super) struct Skip {
    pub(super) pending: PendingLease,
    pub(super) answer: oneshot::Sender<WaitResult>,
    pub(super) skipped: Skipped,
    /// The moment by which the waiter must have its result.
    pub(super) until: Moment,
}

/// The effects of one event.
#[derive(Default)]
pub(super) struct Effects {
    pub(super) answers: Vec<(oneshot::Sender<WaitResult>, WaitResult)>,
    /// Waiters to be skipped, once the leases that they may have been granted are cleaned up.
    pub(super) skips: Vec<Skip>,
    /// Leases whose waiters are gone, to be released.
    pub(super) give_back: Vec<OwnedLease>,
    /// Pending leases that no waiter asks for any more. Dropping them cleans up what may have been granted.
    pub(super) forget: Vec<PendingLease>,
    /// Leases that are asked for by a request whose waiter is gone.
    pub(super) abandoned: Vec<(LockName, LeaseId)>,
    /// Drivers to be woken.
    pub(super) notify: Vec<Arc<Notify>>,
    /// The lock for which a queue waits, its holder, and the number of entries ahead, for an event.
    pub(super) waiting: Option<(LockSpec, Skipped, usize)>,
}

impl Effects {
    pub(super) fn answer(&mut self, waiter: Waiter, result: WaitResult) {
        self.answers.push((waiter.answer, result));
    }

    pub(super) fn skip(
        &mut self,
        waiter: Waiter,
        pending: PendingLease,
        skipped: Skipped,
        until: Moment,
    ) {
        self.skips.push(Skip {
            pending,
            answer: waiter.answer,
            skipped,
            until,
        });
    }

    pub(super) fn notify(&mut self, notify: &Arc<Notify>) {
        self.notify.push(Arc::clone(notify));
    }
}
