//! One waiter: its limits and its result.

use tokio::sync::oneshot;

use crate::{
    clock::Moment,
    error::Error,
    lease::{OwnedLease, PendingLease},
    operation::OperationError,
    outcome::Skipped,
    spec::LockSpec,
    store::LeaseId,
};

/// The result of a waiter.
pub(crate) enum WaitResult {
    Granted(OwnedLease),
    Skipped(Skipped),
    Failed(OperationError),
    Error(Error),
    ShutDown,
}

pub(super) struct Waiter {
    pub(super) id: LeaseId,
    pub(super) spec: LockSpec,
    /// The pending lease; `None` while a request is under way, which owns it.
    pub(super) pending: Option<PendingLease>,
    pub(super) since: Moment,
    pub(super) until: Option<Moment>,
    pub(super) answer: oneshot::Sender<WaitResult>,
}

impl Waiter {
    pub(super) fn new(
        pending: PendingLease,
        since: Moment,
        until: Option<Moment>,
        answer: oneshot::Sender<WaitResult>,
    ) -> Self {
        Self {
            id: pending.id(),
            spec: pending.spec().clone(),
            pending: Some(pending),
            since,
            until,
            answer,
        }
    }
}
