//! What the events of a queue bring about, to be done outside of its mutex.

use std::sync::Arc;

use tokio::sync::{Notify, oneshot};

use super::waiter::{WaitResult, Waiter};
use crate::{
    clock::Moment,
    lease::{OwnedLease, PendingLease},
    name::LockName,
    outcome::Skipped,
    store::LeaseId,
};

/// A waiter whose time is over.
pub(super) struct Skip {
    pub(super) pending: PendingLease,
    pub(super) answer: oneshot::Sender<WaitResult>,
    pub(super) skipped: Skipped,
    /// When the waiter must have its result.
    pub(super) until: Moment,
}

/// What an event brings about.
#[derive(Default)]
pub(super) struct Effects {
    pub(super) answers: Vec<(oneshot::Sender<WaitResult>, WaitResult)>,
    /// Waiters to be skipped, once what they may have been granted is cleaned up.
    pub(super) skips: Vec<Skip>,
    /// Leases whose waiters are gone, to be released.
    pub(super) give_back: Vec<OwnedLease>,
    /// Leases that no waiter asks for any more. What may have been granted is cleaned up.
    pub(super) forget: Vec<PendingLease>,
    /// Leases that are asked for without a waiter.
    pub(super) abandoned: Vec<(LockName, LeaseId)>,
    /// Drivers to be woken.
    pub(super) notify: Vec<Arc<Notify>>,
    /// The holder for which a queue waits, and how many are ahead of it.
    pub(super) waiting: Option<(Skipped, usize)>,
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
