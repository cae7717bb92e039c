//! The queues of a client behind their mutex, and the carrying out of their effects.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use tokio::{sync::Notify, time::timeout};

use super::{
    effects::{Effects, Skip},
    hub::{Hub, Subscriber},
    queue::{Action, Answer, Known, PendingRequest},
    state::{Joined, QueueState},
    waiter::{WaitResult, Waiter},
};
use crate::{
    clock::Moment,
    error::Operation,
    events::Event,
    lease::{LeaseTable, Local},
    name::LockName,
    operation::{Context, OperationError},
    store::{Confirmation, LeaseId, Standing, StoreError},
};

/// How long a waiter waits for what becomes of a request whose caller is gone.
const ABANDONED: Duration = Duration::from_millis(250);

/// The queues of a client.
pub(crate) struct WaitQueues {
    pub(super) context: Arc<Context>,
    table: Arc<LeaseTable>,
    /// The id of the client's entries in the queues on the server.
    pub(super) id: Arc<str>,
    state: Mutex<QueueState>,
    /// The signal that a queue has ended.
    over: Notify,
    /// The hub through which wake-ups come.
    pub(crate) hub: Arc<Hub>,
}

impl WaitQueues {
    pub(crate) fn new(
        context: &Arc<Context>,
        table: &Arc<LeaseTable>,
        hub: &Arc<Hub>,
    ) -> Arc<Self> {
        let id = hub.queue_id();
        let queues = Arc::new(Self {
            context: Arc::clone(context),
            table: Arc::clone(table),
            state: Mutex::new(QueueState::new(Arc::clone(&id), context.operation_timeout)),
            id,
            over: Notify::new(),
            hub: Arc::clone(hub),
        });
        let subscriber: Weak<Self> = Arc::downgrade(&queues);
        hub.subscribe(&queues.id, subscriber);
        queues
    }

    /// Lets a waiter in. `None` when the client is shutting down.
    pub(super) fn join(&self, waiter: Waiter) -> Option<Joined> {
        let (effects, joined) = self.state().join(waiter);
        self.perform(effects);
        joined
    }

    /// Takes out a waiter whose caller is gone.
    pub(super) fn leave(&self, name: &LockName, id: LeaseId) {
        let effects = self.state().leave(name, id);
        self.perform(effects);
    }

    /// The first waiter, for a release to take along.
    pub(super) fn take_for_hand_over(&self, name: &LockName) -> Option<Box<PendingRequest>> {
        let now = self.context.clock.now();
        self.state().take_first(name, now)
    }

    /// Has the first waiter of a lock ask the server: the lock may be free, or the client's turn has come.
    pub(crate) fn wake(&self, name: &str) {
        let effects = self.state().wake(name);
        self.perform(effects);
    }

    /// Whether the client is about to give up its entry in the queue of a lock.
    pub(crate) fn is_leaving(&self, name: &LockName) -> bool {
        self.state().is_leaving(name)
    }

    /// Waits until the client has given up its entry in the queue of a lock, or has a waiter there.
    pub(crate) async fn wait_until_left(&self, name: &LockName) {
        loop {
            let over = self.over.notified();
            if !self.is_leaving(name) {
                return;
            }
            over.await;
        }
    }

    /// The next action of a queue's driver.
    pub(super) fn next(&self, name: &LockName) -> Action {
        let known = match self.table.local(name) {
            Local::Held(lease) => Known::Held {
                until: lease.runs_until(),
                skipped: lease.as_skipped(),
            },
            Local::Releasing(_) => {
                // A request without a caller holds up a waiter for a moment only: it may hang.
                let timeout = self.context.operation_timeout / 2;
                let release = self.table.is_releasing(name);
                Known::Releasing {
                    patience: if release {
                        timeout
                    } else {
                        timeout.min(ABANDONED)
                    },
                }
            }
            Local::Unknown => Known::Nothing,
        };
        let now = self.context.clock.now();
        let (effects, action) = self.state().next(name, now, &known);
        self.perform(effects);
        if matches!(action, Action::End) {
            self.over.notify_waiters();
            if self.state().is_empty() {
                self.hub.look_again();
            }
        }
        action
    }

    /// Takes the answer to a request for a waiter.
    pub(super) fn answered(&self, name: &LockName, id: LeaseId, answer: Answer) {
        let wakeups = self.hub.is_open();
        if let Answer::Failed { pending, error } = &answer
            && error.is_transient()
        {
            self.context.observers.step(|| Event::Retrying {
                lock: self.context.observed(pending.spec()),
                operation: Operation::Acquire,
                error: error.cause.to_string(),
            });
        }
        let now = self.context.clock.now();
        let effects = self.state().answered(name, id, answer, now, wakeups);
        self.perform(effects);
    }

    /// Takes note that the client's entry in the queue on the server is given up.
    pub(super) fn left(&self, name: &LockName) {
        let effects = self.state().left(name);
        self.perform(effects);
    }

    /// Lets no more waiters in, and ends those that are there.
    pub(crate) fn close(&self) {
        let effects = self.state().close();
        self.perform(effects);
    }

    /// Ends the subscription to wake-ups, and the listener with the last of its clients. No caller waits.
    pub(crate) async fn stop_listening(&self) {
        self.hub.unsubscribe(&self.id);
        self.hub.settled().await;
    }

    /// Drops a queue whose driver is gone, together with the client's runtime.
    pub(super) fn abandon(&self, name: &LockName) {
        let queue = self.state().abandon(name);
        drop(queue);
    }

    /// Carries out the effects of an event. Not under the mutex: this wakes tasks and releases leases.
    pub(super) fn perform(&self, effects: Effects) {
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
        if let Some((spec, skipped, ahead)) = waiting {
            self.context.observers.step(|| Event::Queued {
                lock: self.context.observed(&spec),
                skipped,
                ahead,
            });
        }
        for (sender, result) in answers {
            drop(sender.send(result));
        }
        for skip in skips {
            if skip.pending.may_be_granted() {
                let left = skip.until.since(self.context.clock.now());
                self.context.spawn(skip_after_clean_up(skip, left));
            } else {
                drop(skip.pending);
                drop(skip.answer.send(WaitResult::Skipped(skip.skipped)));
            }
        }
        drop((give_back, forget));
    }

    pub(super) fn state(&self) -> MutexGuard<'_, QueueState> {
        // No code in a critical section panics.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Subscriber for WaitQueues {
    fn wake(&self, lock: &str) {
        Self::wake(self, lock);
    }

    fn wake_all(&self) {
        let effects = self.state().wake_all();
        self.perform(effects);
    }

    fn is_waiting(&self) -> bool {
        !self.state().is_empty()
    }

    fn places(&self, far: bool, now: Moment) -> Vec<Confirmation> {
        self.state().places(far, now)
    }

    fn confirmed(&self, place: &Confirmation, standing: Standing, sent: Moment, wakeups: bool) {
        let now = self.context.clock.now();
        let effects = self.state().confirmed(place, standing, sent, wakeups, now);
        self.perform(effects);
    }

    fn not_confirmed(&self, place: &Confirmation, sent: Moment, error: &StoreError) {
        let effects = self.state().not_confirmed(place, sent, error);
        self.perform(effects);
    }
}

impl Drop for WaitQueues {
    fn drop(&mut self) {
        self.hub.unsubscribe(&self.id);
    }
}

/// Skips a waiter after the clean-up: the caller must not hear "skipped" while its own lease may be live.
async fn skip_after_clean_up(skip: Skip, left: Duration) {
    let result = match timeout(left, skip.pending.clean_up()).await {
        Ok(Ok(())) => WaitResult::Skipped(skip.skipped),
        Ok(Err(error)) => WaitResult::Error(error),
        Err(_) => WaitResult::Failed(OperationError::Late),
    };
    drop(skip.answer.send(result));
}
