//! One queue: the waiters of a client for one lock, and the next action for the first of them.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use tokio::sync::Notify;

use super::{
    effects::Effects,
    pacing::Pacing,
    waiter::{WaitResult, Waiter},
};
use crate::{
    clock::Moment,
    lease::{Attempt, OwnedLease, PendingLease},
    operation::OperationError,
    outcome::Skipped,
    store::{AcquireRequest, AttemptError, LeaseId, Queued, StoreError, Ticket, protocol::NEAR},
};

#[derive(Default)]
pub(super) struct WaitQueue {
    pub(super) waiters: VecDeque<Waiter>,
    /// Wakes the driver.
    pub(super) notify: Arc<Notify>,
    /// The request under way for the first waiter.
    pub(super) asking: Option<Asking>,
    /// The number of requests under way for waiters that have left meanwhile.
    pub(super) detached: u32,
    /// That number when the last request was sent.
    beside: u32,
    /// Whether the client may have an entry in the queue on the server.
    pub(super) entered: bool,
    /// Whether that entry is being given up.
    pub(super) leaving: bool,
    /// The moment of the next request, unless a wake-up comes.
    pub(super) ask_at: Option<Moment>,
    /// The holder of the lock when the server was last asked.
    pub(super) seen: Option<Skipped>,
    /// The moment since which the server has given no definite answer.
    pub(super) silent_since: Option<Moment>,
    /// The last error since then.
    pub(super) error: Option<OperationError>,
    /// The moment since which the queue waits for a release of the client itself.
    pub(super) releasing_since: Option<Moment>,
    /// The moment at which the oldest confirmation of the entry was sent that has no answer.
    pub(super) confirming: Option<Moment>,
    /// The moment of the last answer to a request.
    pub(super) answered_at: Option<Moment>,
    /// Whether the entry is far back in the queue on the server.
    pub(super) far: bool,
    pub(super) pacing: Pacing,
}

pub(super) struct Asking {
    pub(super) id: LeaseId,
    pub(super) sent: Moment,
    /// Whether a wake-up came meanwhile: the wake-up may be younger than the answer.
    woken: bool,
}

/// The state of a lock as far as the client knows it without asking the server.
pub(super) enum Known {
    /// The client holds the lock itself.
    Held {
        until: Option<Moment>,
        skipped: Skipped,
    },
    /// A release of the client is under way.
    Releasing {
        /// How long the queue waits for it before it asks all the same.
        patience: Duration,
    },
    Nothing,
}

/// The next action of a queue's driver.
pub(super) enum Action {
    Ask(Box<PendingRequest>),
    /// Give up the client's entry in the queue on the server.
    Leave,
    /// Wait for a notification, at most until this moment.
    Wait(Option<Moment>),
    /// No waiter is left.
    End,
}

/// A request for the first waiter of a queue, to be sent.
pub(super) struct PendingRequest {
    pub(super) pending: PendingLease,
    pub(super) attempt: Attempt,
    pub(super) request: AcquireRequest,
    /// Whether the waiter had to wait.
    pub(super) again: bool,
}

/// The answer to a request for a waiter.
pub(super) enum Answer {
    Granted(OwnedLease),
    Queued {
        pending: PendingLease,
        queued: Queued,
    },
    /// Refused for good, without a place in the queue.
    Refused {
        pending: PendingLease,
        problem: String,
    },
    Failed {
        pending: PendingLease,
        error: AttemptError,
    },
}

/// The settings of the client that a queue needs.
pub(super) struct Settings {
    pub(super) queue_id: Arc<str>,
    pub(super) operation_timeout: Duration,
}

impl WaitQueue {
    pub(super) fn join(&mut self, waiter: Waiter, effects: &mut Effects) {
        self.waiters.push_back(waiter);
        effects.notify(&self.notify);
    }

    /// Takes out a waiter whose caller is gone.
    pub(super) fn leave(&mut self, id: LeaseId, effects: &mut Effects) {
        let Some(at) = self.waiters.iter().position(|waiter| waiter.id == id) else {
            return;
        };
        if let Some(waiter) = self.remove(at, effects) {
            effects.forget.extend(waiter.pending);
        }
        effects.notify(&self.notify);
    }

    pub(super) fn wake(&mut self, effects: &mut Effects) {
        if let Some(asking) = &mut self.asking {
            asking.woken = true;
        }
        self.ask_at = None;
        effects.notify(&self.notify);
    }

    /// Takes a waiter out. A request that is under way for the waiter goes on.
    pub(super) fn remove(&mut self, at: usize, effects: &mut Effects) -> Option<Waiter> {
        let waiter = self.waiters.remove(at)?;
        if let Some(asking) = self.asking.take_if(|it| it.id == waiter.id) {
            self.detached += 1;
            self.silent_since.get_or_insert(asking.sent);
            effects
                .abandoned
                .push((waiter.spec.name().clone(), waiter.id));
        }
        if at == 0 {
            // The next waiter is first now, and may have another place in the order.
            self.ask_at = None;
        }
        Some(waiter)
    }

    pub(super) fn next(
        &mut self,
        settings: &Settings,
        now: Moment,
        known: &Known,
        effects: &mut Effects,
    ) -> Action {
        if matches!(known, Known::Releasing { .. }) {
            self.releasing_since.get_or_insert(now);
        } else {
            self.releasing_since = None;
        }
        self.end_late(settings, now, known, effects);
        if self.waiters.is_empty() {
            self.definite();
            return if self.asking.is_some() || self.detached > 0 || self.leaving {
                Action::Wait(None)
            } else if std::mem::take(&mut self.entered) {
                self.leaving = true;
                Action::Leave
            } else {
                Action::End
            };
        }
        let released_by = match known {
            Known::Releasing { patience } => self.releasing_since.map(|since| since + *patience),
            _ => None,
        };
        let ask_at = if self.asking.is_some() {
            None
        } else if let Known::Held { until, .. } = known {
            // The release of the lease comes for the waiter; at its deadline, the queue must ask.
            *until
        } else if let Some(at) = released_by.filter(|at| *at > now) {
            Some(at)
        } else if let Some(at) = self.ask_at.filter(|at| *at > now) {
            Some(at)
        } else if let Some(request) = self.take_first(settings, now) {
            return Action::Ask(request);
        } else {
            None
        };
        let limits = self.waiters.iter();
        let limits = limits.filter_map(|waiter| self.limit(waiter, settings, known));
        Action::Wait(limits.chain(ask_at).min())
    }

    /// The request for the first waiter, unless one is under way.
    pub(super) fn take_first(
        &mut self,
        settings: &Settings,
        now: Moment,
    ) -> Option<Box<PendingRequest>> {
        if self.asking.is_some() {
            return None;
        }
        let waiter = self.waiters.front_mut()?;
        let mut pending = waiter.pending.take()?;
        let ticket = Ticket {
            queue_id: Arc::clone(&settings.queue_id),
            waited: now.since(waiter.since),
        };
        let (attempt, request) = pending.attempt(Some(ticket));
        self.beside = self.detached;
        self.asking = Some(Asking {
            id: waiter.id,
            sent: attempt.sent,
            woken: false,
        });
        Some(Box::new(PendingRequest {
            pending,
            attempt,
            request,
            again: self.entered,
        }))
    }

    pub(super) fn answered(
        &mut self,
        id: LeaseId,
        answer: Answer,
        now: Moment,
        wakeups: bool,
        effects: &mut Effects,
    ) {
        effects.notify(&self.notify);
        self.answered_at = Some(now);
        let asking = self.asking.take_if(|asking| asking.id == id);
        if asking.is_none() {
            self.detached = self.detached.saturating_sub(1);
        }
        let woken = asking.as_ref().is_some_and(|asking| asking.woken);
        let at = self.waiters.iter().position(|waiter| waiter.id == id);
        let at = at.filter(|_| asking.is_some());
        match answer {
            Answer::Granted(lease) => {
                self.definite();
                // The grant took the entry out. Another request may have made one after that, whichever of
                // the answers came first.
                self.entered = self.beside > 0 || self.asking.is_some() || self.detached > 0;
                self.pacing = Pacing::default();
                self.ask_at = None;
                match at.and_then(|at| self.waiters.remove(at)) {
                    Some(waiter) => effects.answer(waiter, WaitResult::Granted(lease)),
                    None => effects.give_back.push(lease),
                }
            }
            Answer::Queued { pending, queued } => {
                self.definite();
                self.entered = true;
                self.far = queued.ahead >= NEAR;
                if at.is_some() {
                    let again = self.pacing.after_answer(&queued, wakeups, now);
                    self.ask_at = (!woken).then_some(again);
                }
                if self.seen.is_none() {
                    let (spec, skipped) = (pending.spec().clone(), queued.skipped.clone());
                    effects.waiting = Some((spec, skipped, queued.ahead));
                }
                self.seen = Some(queued.skipped);
                self.put_back(at, pending, effects);
            }
            Answer::Refused { pending, problem } => {
                self.definite();
                if let Some(waiter) = at.and_then(|at| self.waiters.remove(at)) {
                    let error = OperationError::Failed(StoreError::Other(problem));
                    effects.answer(waiter, WaitResult::Failed(error));
                }
                effects.forget.push(pending);
            }
            Answer::Failed { pending, error } => {
                // The client may have an entry now.
                self.entered |= error.effect_unknown;
                let transient = error.is_transient();
                let sent = asking.map_or(now, |asking| asking.sent);
                if at.is_some() {
                    self.silent_since.get_or_insert(sent);
                    self.ask_at = Some(self.pacing.after_failure(&error, now));
                }
                let error = OperationError::Failed(error.cause);
                match at {
                    Some(at) if !transient => {
                        if let Some(waiter) = self.waiters.remove(at) {
                            effects.answer(waiter, WaitResult::Failed(error));
                        }
                        self.ask_at = None;
                        effects.forget.push(pending);
                    }
                    _ => {
                        if at.is_some() {
                            self.error = Some(error);
                        }
                        self.put_back(at, pending, effects);
                    }
                }
            }
        }
    }

    /// Takes note that the client's entry on the server is given up, or that the command has failed.
    pub(super) fn left(&mut self, effects: &mut Effects) {
        self.leaving = false;
        if self.waiters.is_empty() {
            effects.notify(&self.notify);
        } else {
            // The entry of a waiter that has come meanwhile may be gone, too.
            self.wake(effects);
        }
    }

    /// Whether the client has an entry in the queue on the server, and no waiter for it.
    pub(super) fn is_leaving(&self) -> bool {
        let entered = self.entered || self.leaving || self.detached > 0;
        self.waiters.is_empty() && entered
    }

    /// Sends every waiter away.
    pub(super) fn close(&mut self, effects: &mut Effects) {
        while !self.waiters.is_empty() {
            if let Some(mut waiter) = self.remove(0, effects) {
                effects.forget.extend(waiter.pending.take());
                effects.answer(waiter, WaitResult::ShutDown);
            }
        }
        effects.notify(&self.notify);
    }

    /// Takes note of a definite answer of the server.
    pub(super) fn definite(&mut self) {
        self.confirming = None;
        self.silent_since = None;
        self.error = None;
    }

    fn put_back(&mut self, at: Option<usize>, pending: PendingLease, effects: &mut Effects) {
        match at.and_then(|at| self.waiters.get_mut(at)) {
            Some(waiter) => waiter.pending = Some(pending),
            // The waiter has left: dropping the pending lease cleans up what may have been granted.
            None => effects.forget.push(pending),
        }
    }
}
