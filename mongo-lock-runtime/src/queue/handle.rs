//! The caller's side of a waiter.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context as Polling, Poll, ready},
};

use tokio::sync::oneshot;

use super::{queues::WaitQueues, waiter::WaitResult};
use crate::{error::Error, name::LockName, store::LeaseId};

/// The caller's side of a waiter. Dropping the handle has the waiter leave the queue.
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
