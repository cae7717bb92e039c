//! Waiting: the waiters of one client for one lock, first come, first served.
//!
//! Only the first waiter is known to the server, where the client has one entry in the lock's queue;
//! the others wait here, without a command. The entry counts from when that waiter began to wait, by
//! the server's clock, so the order is that of one queue for all waiters of all clients.
//!
//! While the client itself holds the lock, its queue asks nothing: the release takes the first waiter
//! along, and the server lets that one in, or one elsewhere that has waited longer.
//!
//! [`state`] decides, without I/O; [`driver`] has one task per queue that carries out what it decides;
//! each request runs in a task of its own, so that one that hangs holds up no other waiter.

mod driver;
mod pacing;
mod queue;
mod release;
mod state;
mod waiter;
mod watcher;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use self::{
    queue::{Action, Answer, Known, PendingRequest},
    state::{Effects, QueueState},
    waiter::Waiter,
    watcher::WakeupWatcher,
};
pub(crate) use self::{
    release::ReleaseService,
    waiter::{WaitResult, WaiterHandle},
};
use crate::{
    clock::Moment,
    events,
    lease::{LeaseTable, Local, PendingLease},
    name::LockName,
    operation::Context,
    random,
    store::LeaseId,
};

/// The queues of a client.
pub(crate) struct WaitQueues {
    context: Arc<Context>,
    table: Arc<LeaseTable>,
    /// The id of the client's entries in the queues on the server.
    id: Arc<str>,
    state: Mutex<QueueState>,
    watcher: Arc<WakeupWatcher>,
}

impl WaitQueues {
    pub(crate) fn new(context: &Arc<Context>, table: &Arc<LeaseTable>) -> Arc<Self> {
        let id: Arc<str> = random::uuid().to_string().into();
        Arc::new(Self {
            context: Arc::clone(context),
            table: Arc::clone(table),
            state: Mutex::new(QueueState::new(Arc::clone(&id), context.operation_timeout)),
            id,
            watcher: Arc::default(),
        })
    }

    /// Joins the queue for the lock of `pending`. `None` when the client is shutting down.
    pub(crate) fn join(
        self: &Arc<Self>,
        pending: PendingLease,
        until: Option<Moment>,
    ) -> Option<WaiterHandle> {
        let (sender, answer) = oneshot::channel();
        let (name, id) = (pending.name().clone(), pending.id());
        let waiter = Waiter::new(pending, self.context.clock.now(), until, sender);
        let (effects, joined) = self.state().join(waiter);
        self.perform(effects);
        if let Some(notify) = joined?.new {
            driver::start(self, name.clone(), notify);
        }
        Some(WaiterHandle::new(Arc::clone(self), name, id, answer))
    }

    /// The caller of a waiter is gone.
    fn leave(&self, name: &LockName, id: LeaseId) {
        let effects = self.state().leave(name, id);
        self.perform(effects);
    }

    /// The first waiter, for a release to take along.
    fn take_for_hand_over(&self, name: &LockName) -> Option<Box<PendingRequest>> {
        let now = self.context.clock.now();
        self.state().take_first(name, now)
    }

    fn has_waiters(&self, name: &LockName) -> bool {
        self.state().has_waiters(name)
    }

    /// The lock may be free, or it is the client's turn: the first waiter is to ask.
    pub(crate) fn wake(&self, name: &str) {
        let effects = self.state().wake(name);
        self.perform(effects);
    }

    fn wake_all(&self) {
        let effects = self.state().wake_all();
        self.perform(effects);
    }

    fn is_empty(&self) -> bool {
        self.state().is_empty()
    }

    /// What the driver of a queue is to do next.
    fn next(&self, name: &LockName) -> Action {
        let known = match self.table.local(name) {
            Local::Held(lease) => Known::Held {
                until: lease.runs_until(),
                skipped: lease.as_skipped(),
            },
            // The release must go on, whatever becomes of its caller.
            Local::Releasing(_) if self.table.wants_release(name) => Known::Releasing,
            Local::Releasing(_) | Local::Unknown => Known::Nothing,
        };
        let now = self.context.clock.now();
        let (effects, action) = self.state().next(name, now, &known);
        self.perform(effects);
        action
    }

    /// What came of a request for a waiter.
    fn answered(self: &Arc<Self>, name: &LockName, id: LeaseId, answer: Answer) {
        let wakeups = matches!(answer, Answer::Queued { .. }) && self.watcher.watch(self);
        if let Answer::Failed { error, .. } = &answer
            && error.is_transient()
        {
            events::retrying(name, "acquire", &error.cause);
        }
        let now = self.context.clock.now();
        let effects = self.state().answered(name, id, answer, now, wakeups);
        self.perform(effects);
    }

    /// The client's entry in the queue on the server is given up.
    fn left(&self, name: &LockName) {
        let effects = self.state().left(name);
        self.perform(effects);
    }

    /// Lets no more waiters in, and sends those away that are there.
    pub(crate) fn close(&self) {
        let effects = self.state().close();
        self.perform(effects);
    }

    /// The queue has no driver any more: the client's runtime is gone.
    fn abandon(&self, name: &LockName) {
        let queue = self.state().abandon(name);
        drop(queue);
    }

    /// Does what a state has decided. Not under its mutex: this wakes tasks and releases leases.
    fn perform(&self, effects: Effects) {
        let Effects {
            answers,
            skips,
            give_back,
            forget,
            abandoned,
            notify,
            waiting,
        } = effects;
        for (name, id) in abandoned {
            self.table.abandoned(id, &name);
        }
        for notify in notify {
            notify.notify_one();
        }
        if let Some((skipped, ahead)) = waiting {
            events::waiting(&self.context.owner, &skipped, ahead);
        }
        for (sender, result) in answers {
            drop(sender.send(result));
        }
        for (pending, sender, skipped) in skips {
            if pending.may_be_granted() {
                // The caller must not hear "skipped" while a lease of its own may be live.
                self.context.spawn(async move {
                    let result = match pending.clean_up().await {
                        Ok(()) => WaitResult::Skipped(skipped),
                        Err(error) => WaitResult::Error(error),
                    };
                    drop(sender.send(result));
                });
            } else {
                drop(pending);
                drop(sender.send(WaitResult::Skipped(skipped)));
            }
        }
        drop((give_back, forget));
    }

    fn state(&self) -> MutexGuard<'_, QueueState> {
        // No code in a critical section panics.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
