//! All queues of a client: a state machine without I/O. An event changes the state and returns its
//! effects, which are carried out outside of the mutex.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::sync::Notify;

use super::{
    effects::Effects,
    queue::{Action, Answer, Known, PendingRequest, Settings, WaitQueue},
    waiter::Waiter,
};
use crate::{clock::Moment, name::LockName, store::LeaseId};

pub(super) struct QueueState {
    settings: Settings,
    queues: BTreeMap<LockName, WaitQueue>,
    closed: bool,
}

/// The result of letting a waiter in.
pub(super) struct Joined {
    /// The signal for the driver of a new queue, which is to be started.
    pub(super) new: Option<Arc<Notify>>,
}

impl QueueState {
    pub(super) fn new(queue_id: Arc<str>, operation_timeout: Duration) -> Self {
        Self {
            settings: Settings {
                queue_id,
                operation_timeout,
            },
            queues: BTreeMap::new(),
            closed: false,
        }
    }

    /// `None` when the client is shutting down.
    pub(super) fn join(&mut self, mut waiter: Waiter) -> (Effects, Option<Joined>) {
        let mut effects = Effects::default();
        if self.closed {
            effects.forget.extend(waiter.pending.take());
            return (effects, None);
        }
        let name = waiter.spec.name().clone();
        let mut new = None;
        let queue = self.queues.entry(name).or_insert_with(|| {
            let queue = WaitQueue::default();
            new = Some(Arc::clone(&queue.notify));
            queue
        });
        queue.join(waiter, &mut effects);
        (effects, Some(Joined { new }))
    }

    pub(super) fn leave(&mut self, name: &LockName, id: LeaseId) -> Effects {
        self.with(name.as_str(), |queue, effects| queue.leave(id, effects))
    }

    pub(super) fn wake(&mut self, name: &str) -> Effects {
        self.with(name, WaitQueue::wake)
    }

    pub(super) fn wake_all(&mut self) -> Effects {
        let mut effects = Effects::default();
        for queue in self.queues.values_mut() {
            queue.wake(&mut effects);
        }
        effects
    }

    pub(super) fn left(&mut self, name: &LockName) -> Effects {
        self.with(name.as_str(), WaitQueue::left)
    }

    pub(super) fn close(&mut self) -> Effects {
        self.closed = true;
        let mut effects = Effects::default();
        for queue in self.queues.values_mut() {
            queue.close(&mut effects);
        }
        effects
    }

    pub(super) fn take_first(
        &mut self,
        name: &LockName,
        now: Moment,
    ) -> Option<Box<PendingRequest>> {
        self.queues.get_mut(name)?.take_first(&self.settings, now)
    }

    pub(super) fn is_leaving(&self, name: &LockName) -> bool {
        self.queues.get(name).is_some_and(WaitQueue::is_leaving)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queues.is_empty()
    }

    /// The next action of a queue's driver. After [`Action::End`], the queue is gone.
    pub(super) fn next(
        &mut self,
        name: &LockName,
        now: Moment,
        known: &Known,
    ) -> (Effects, Action) {
        let mut effects = Effects::default();
        let Some(queue) = self.queues.get_mut(name) else {
            return (effects, Action::End);
        };
        let action = queue.next(&self.settings, now, known, &mut effects);
        if matches!(action, Action::End) {
            self.queues.remove(name);
        }
        (effects, action)
    }

    pub(super) fn answered(
        &mut self,
        name: &LockName,
        id: LeaseId,
        answer: Answer,
        now: Moment,
        wakeups: bool,
    ) -> Effects {
        let mut effects = Effects::default();
        match (self.queues.get_mut(name), answer) {
            (Some(queue), answer) => queue.answered(id, answer, now, wakeups, &mut effects),
            (None, Answer::Granted(lease)) => effects.give_back.push(lease),
            (
                None,
                Answer::Queued { pending, .. }
                | Answer::Refused { pending, .. }
                | Answer::Failed { pending, .. },
            ) => effects.forget.push(pending),
        }
        effects
    }

    /// Takes out a queue that has no driver any more. Dropping the queue fails its waiters.
    pub(super) fn abandon(&mut self, name: &LockName) -> Option<WaitQueue> {
        self.queues.remove(name)
    }

    pub(super) fn parts(&mut self) -> (&mut BTreeMap<LockName, WaitQueue>, &Settings) {
        (&mut self.queues, &self.settings)
    }

    pub(super) fn with(
        &mut self,
        name: &str,
        event: impl FnOnce(&mut WaitQueue, &mut Effects),
    ) -> Effects {
        let mut effects = Effects::default();
        if let Some(queue) = self.queues.get_mut(name) {
            event(queue, &mut effects);
        }
        effects
    }
}
