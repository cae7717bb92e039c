//! One waiter: its limits, and the way by which its caller gets the result.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context as Polling, Poll, ready},
};

use tokio::sync::oneshot;

use super::WaitQueues;
use crate::{
    clock::Moment,
    error::Error,
    lease::{OwnedLease, PendingLease},
    name::LockName,
    operation::OperationError,
    outcome::Skipped,
    spec::LockSpec,
    store::LeaseId,
};

/// What a waiter gets in the end.
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
    /// The lease that is asked for; `None` while a request for it is under way, which has it.
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

/// The caller's side of a waiter, which leaves the queue when this is dropped.
pub(crate) struct WaiterHandle {
    queues: Arc<WaitQueues>,
    name: LockName,
    id: LeaseId,
    answer: oneshot::Receiver<WaitResult>,
    answered: bool,
}

impl WaiterHandle {
    pub(super) fn new(
        queues: Arc<WaitQueues>,
        name: LockName,
        id: LeaseId,
        answer: oneshot::Receiver<WaitResult>,
    ) -> Self {
        Self {
            queues,
            name,
            id,
            answer,
            answered: false,
        }
    }
}

impl Future for WaiterHandle {
    type Output = Result<WaitResult, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Polling<'_>) -> Poll<Self::Output> {
        let result = ready!(Pin::new(&mut self.answer).poll(cx));
        self.answered = true;
        Poll::Ready(result.map_err(|_| Error::runtime_gone(&self.name)))
    }
}

impl Drop for WaiterHandle {
    fn drop(&mut self) {
        if !self.answered {
            self.queues.leave(&self.name, self.id);
        }
    }
}
