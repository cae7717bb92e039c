//! The driver of a queue: one task per lock for which callers of this client wait. The driver asks the
//! queue for the next action and starts it. A request runs in a task of its own.

use std::sync::Arc;

use tokio::{
    sync::{Notify, oneshot},
    time::timeout,
};

use super::{
    handle::WaiterHandle,
    queue::{Action, Answer, PendingRequest},
    queues::WaitQueues,
    refresher,
    waiter::Waiter,
    watcher,
};
use crate::{
    clock::Moment,
    lease::{Attempt, PendingLease},
    name::LockName,
    store::{AcquireReply, AttemptError, LeaseId},
};

/// Joins the queue for the lock of `pending`. `None` when the client is shutting down.
pub(crate) fn join(
    queues: &Arc<WaitQueues>,
    pending: PendingLease,
    until: Option<Moment>,
) -> Option<WaiterHandle> {
    let (sender, answer) = oneshot::channel();
    let (name, id) = (pending.name().clone(), pending.id());
    let waiter = Waiter::new(pending, queues.context.clock.now(), until, sender);
    if let Some(notify) = queues.join(waiter)?.new {
        start(queues, name.clone(), notify);
    }
    Some(WaiterHandle::new(Arc::clone(queues), name, id, answer))
}

fn start(queues: &Arc<WaitQueues>, name: LockName, notify: Arc<Notify>) {
    let driver = QueueDriver {
        queues: Arc::clone(queues),
        name,
        done: false,
    };
    queues.context.spawn(driver.run(notify));
}

struct QueueDriver {
    queues: Arc<WaitQueues>,
    name: LockName,
    done: bool,
}

impl QueueDriver {
    async fn run(mut self, notify: Arc<Notify>) {
        let queues = Arc::clone(&self.queues);
        let clock = &queues.context.clock;
        loop {
            match queues.next(&self.name) {
                Action::Ask(request) => {
                    let (queues, name) = (Arc::clone(&queues), self.name.clone());
                    let context = Arc::clone(&queues.context);
                    context.spawn(async move { ask(&queues, name, *request).await });
                }
                Action::Leave => {
                    let (queues, name) = (Arc::clone(&queues), self.name.clone());
                    let context = Arc::clone(&queues.context);
                    context.spawn(async move { leave(&queues, name).await });
                }
                Action::Wait(Some(until)) => {
                    let left = until.since(clock.now());
                    // Both are reasons to look again.
                    let _ = timeout(left, notify.notified()).await;
                }
                Action::Wait(None) => notify.notified().await,
                Action::End => break,
            }
        }
        self.done = true;
    }
}

impl Drop for QueueDriver {
    fn drop(&mut self) {
        if !self.done {
            self.queues.abandon(&self.name);
        }
    }
}

/// Sends one request for a waiter.
async fn ask(queues: &Arc<WaitQueues>, name: LockName, request: PendingRequest) {
    let PendingRequest {
        mut pending,
        attempt,
        mut request,
        again,
    } = request;
    let context = &queues.context;
    pending.share(&mut request);
    let reply = context.acquire(&request).await;
    let id = pending.id();
    answered(queues, &name, id, answer(pending, attempt, again, reply));
}

/// Gives the queue the answer to a request. A client in the queue listens for wake-ups.
pub(super) fn answered(queues: &Arc<WaitQueues>, name: &LockName, id: LeaseId, answer: Answer) {
    let is_queued = matches!(answer, Answer::Queued { .. });
    queues.answered(name, id, answer);
    if is_queued {
        watcher::watch(&queues.hub, &queues.context);
        refresher::start(&queues.hub, &queues.context);
    }
}

/// The meaning of a reply for the lease that is asked for.
pub(super) fn answer(
    mut pending: PendingLease,
    attempt: Attempt,
    again: bool,
    reply: Result<AcquireReply, AttemptError>,
) -> Answer {
    match reply {
        Ok(AcquireReply::Granted(grant)) => {
            let mut lease = pending.granted(attempt, grant);
            if again {
                lease.set_contended();
            }
            Answer::Granted(lease)
        }
        Ok(AcquireReply::Queued(queued)) => {
            pending.answered(attempt);
            Answer::Queued { pending, queued }
        }
        Ok(AcquireReply::Refused(_)) => {
            pending.answered(attempt);
            Answer::Refused {
                pending,
                problem: "the server refused a place in the queue".into(),
            }
        }
        Ok(AcquireReply::Revoked) => {
            pending.answered(attempt);
            Answer::Refused {
                pending,
                problem: REVOKED.into(),
            }
        }
        Err(error) => {
            pending.failed(attempt, &error);
            Answer::Failed { pending, error }
        }
    }
}

/// A client revokes the id of a lease only when it no longer asks for it.
const REVOKED: &str = "the id of the lease was revoked";

/// Gives up the client's entry in the queue on the server. If the command fails, the entry ends by itself.
async fn leave(queues: &Arc<WaitQueues>, name: LockName) {
    let context = &queues.context;
    drop(context.leave(&name, &queues.id).await);
    queues.left(&name);
}
