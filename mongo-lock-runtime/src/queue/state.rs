//! All queues of a client: a state machine without I/O. Its events change it; what they bring about
//! is returned, to be done outside of its mutex.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::sync::{Notify, oneshot};

use super::{
    queue::{Action, Answer, Known, PendingRequest, Settings, WaitQueue},
    waiter::{WaitResult, Waiter},
};
use crate::{
    clock::Moment,
    lease::{OwnedLease, PendingLease},
    name::LockName,
    outcome::Skipped,
    store::LeaseId,
};

pub(super) struct QueueState {
    settings: Settings,
    queues: BTreeMap<LockName, WaitQueue>,
    closed: bool,
}

/// What an event brings about.
#[derive(Default)]
pub(super) struct Effects {
    pub(super) answers: Vec<(oneshot::Sender<WaitResult>, WaitResult)>,
    /// Waiters to be skipped, once what they may have been granted is cleaned up.
    pub(super) skips: Vec<(PendingLease, oneshot::Sender<WaitResult>, Skipped)>,
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

    pub(super) fn skip(&mut self, waiter: Waiter, pending: PendingLease, skipped: Skipped) {
        self.skips.push((pending, waiter.answer, skipped));
    }

    pub(super) fn notify(&mut self, notify: &Arc<Notify>) {
        self.notify.push(Arc::clone(notify));
    }
}

/// A waiter was let in.
pub(super) struct Joined {
    /// What wakes the driver of its queue, if that is new and needs one.
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

    pub(super) fn has_waiters(&self, name: &LockName) -> bool {
        let queue = self.queues.get(name);
        queue.is_some_and(|queue| !queue.waiters.is_empty())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queues.is_empty()
    }

    /// What the driver of a queue is to do next. After [`Action::End`], the queue is gone.
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

    /// Takes out a queue that has no driver any more. Its waiters learn of it when it is dropped.
    pub(super) fn abandon(&mut self, name: &LockName) -> Option<WaitQueue> {
        self.queues.remove(name)
    }

    fn with(&mut self, name: &str, event: impl FnOnce(&mut WaitQueue, &mut Effects)) -> Effects {
        let mut effects = Effects::default();
        if let Some(queue) = self.queues.get_mut(name) {
            event(queue, &mut effects);
        }
        effects
    }
}
