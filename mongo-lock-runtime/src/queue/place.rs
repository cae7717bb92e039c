//! The places of a client in the queues on the server, and their confirmations.

use super::{
    effects::Effects,
    pacing::SHORTEST_PAUSE,
    queue::{Settings, WaitQueue},
    state::QueueState,
};
use crate::{
    clock::Moment,
    operation::OperationError,
    store::{Confirmation, Standing, StoreError},
};

impl WaitQueue {
    /// The confirmation of the client's entry, if it has one for a waiter.
    fn place(&mut self, settings: &Settings, far: bool, now: Moment) -> Option<Confirmation> {
        if !self.entered || self.leaving || self.far && !far {
            return None;
        }
        let spec = &self.waiters.front()?.spec;
        self.confirming.get_or_insert(now);
        Some(Confirmation {
            name: spec.name().clone(),
            queue_id: settings.queue_id.clone(),
            permits: spec.permits(),
        })
    }

    /// Takes the result of a confirmation that was sent at `sent` or later. `wakeups`: whether the client
    /// hears of its turn.
    fn confirmed(
        &mut self,
        standing: Standing,
        sent: Moment,
        wakeups: bool,
        now: Moment,
        effects: &mut Effects,
    ) {
        let answered = self.answered_at.is_some_and(|at| at >= sent);
        if answered || self.asking.is_some() {
            // The answer to a request says more.
            self.confirming = None;
            return;
        }
        self.definite();
        match standing {
            Standing::Ask => self.wake(effects),
            Standing::Waits {
                skipped,
                look_in,
                near,
            } => {
                self.seen = Some(skipped);
                self.far = !near;
                let look_at = now + look_in.max(SHORTEST_PAUSE);
                // Without a time, the queue is about to ask.
                let Some(ask_at) = &mut self.ask_at else {
                    return;
                };
                if look_at < *ask_at {
                    effects.notify(&self.notify);
                    *ask_at = look_at;
                } else if wakeups {
                    *ask_at = look_at;
                }
            }
        }
    }

    fn not_confirmed(&mut self, sent: Moment, error: &StoreError, effects: &mut Effects) {
        self.confirming = None;
        self.silent_since.get_or_insert(sent);
        self.error = Some(OperationError::Failed(error.clone()));
        effects.notify(&self.notify);
    }
}

impl QueueState {
    /// The confirmations that are due; with `far`, also those of places far back.
    pub(super) fn places(&mut self, far: bool, now: Moment) -> Vec<Confirmation> {
        let (queues, settings) = self.parts();
        let places = queues.values_mut();
        let places = places.filter_map(|queue| queue.place(settings, far, now));
        places.collect()
    }

    pub(super) fn confirmed(
        &mut self,
        place: &Confirmation,
        standing: Standing,
        sent: Moment,
        wakeups: bool,
        now: Moment,
    ) -> Effects {
        self.with(place.name.as_str(), |queue, effects| {
            queue.confirmed(standing, sent, wakeups, now, effects);
        })
    }

    pub(super) fn not_confirmed(
        &mut self,
        place: &Confirmation,
        sent: Moment,
        error: &StoreError,
    ) -> Effects {
        self.with(place.name.as_str(), |queue, effects| {
            queue.not_confirmed(sent, error, effects);
        })
    }
}
