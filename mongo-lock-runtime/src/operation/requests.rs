//! The requests that can make room for a waiter. The client whose request it was wakes the waiter.
//!
//! A release runs in a task, and so does its wake-up. An acquisition that its caller leaves unpolled wakes no
//! waiter: those for which it has made room, by taking out a lease that had ended, look at that end by
//! themselves.

use std::sync::Arc;

use super::context::Context;
use crate::{
    events::Event,
    name::LockName,
    store::{AcquireReply, AcquireRequest, AttemptError, ReleaseRequest, Turn, Wakeup},
};

impl Context {
    /// One attempt to acquire.
    pub(crate) async fn acquire(
        self: &Arc<Self>,
        request: &AcquireRequest,
    ) -> Result<AcquireReply, AttemptError> {
        let (reply, turn) = self.attempt(self.store.acquire(request)).await?;
        self.wake(&request.name, turn);
        Ok(reply)
    }

    /// One attempt to release a lease and to acquire another in one step.
    pub(crate) async fn hand_over(
        self: &Arc<Self>,
        lease: &ReleaseRequest,
        request: &AcquireRequest,
    ) -> Result<(bool, AcquireReply), AttemptError> {
        let (reply, turn) = self.attempt(self.store.hand_over(lease, request)).await?;
        self.wake(&lease.name, turn);
        Ok(reply)
    }

    /// One attempt to give up a queue entry.
    pub(crate) async fn leave(
        self: &Arc<Self>,
        name: &LockName,
        queue_id: &str,
    ) -> Result<(), AttemptError> {
        let ((), turn) = self.attempt(self.store.leave(name, queue_id)).await?;
        self.wake(name, turn);
        Ok(())
    }

    /// One attempt to release. Says whether the lease was there.
    pub(crate) async fn release(
        self: &Arc<Self>,
        request: &ReleaseRequest,
    ) -> Result<bool, AttemptError> {
        let (there, turn) = self.attempt(self.store.release(request)).await?;
        self.wake(&request.name, turn);
        Ok(there)
    }

    /// Wakes these waiters in a task of its own: they wait, whatever becomes of the caller, and the caller
    /// does not wait for them.
    fn wake(self: &Arc<Self>, lock: &LockName, waiters: Turn) {
        if waiters.is_empty() {
            return;
        }
        let lock = lock.clone();
        let context = Arc::clone(self);
        self.spawn(async move {
            let wakeup = Wakeup { lock, waiters };
            let sent = context.attempt(context.store.wake(&wakeup)).await;
            // One that is lost costs time: the waiter asks for itself.
            if let Err(error) = sent
                && !error.is_transient()
                && context.store.reports_wakeups()
            {
                let error = error.cause.to_string();
                context.observers.report(&Event::NoWakeups { error });
            }
        });
    }
}
