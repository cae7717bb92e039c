//! The time limits of the waiters of a queue.

use super::{
    effects::Effects,
    queue::{Known, Settings, WaitQueue},
    waiter::{WaitResult, Waiter},
};
use crate::{clock::Moment, operation::OperationError, outcome::Skipped};

impl WaitQueue {
    /// The moment since which the server has given no answer.
    fn silent_since(&self) -> Option<Moment> {
        let asked = self.asking.as_ref().map(|it| it.sent);
        let silent = [
            self.silent_since,
            asked,
            self.releasing_since,
            self.confirming,
        ];
        silent.into_iter().flatten().min()
    }

    /// The moment at which the waiter fails, unless the server answers: a waiter that has come later has
    /// more time.
    fn fails_at(&self, waiter: &Waiter, settings: &Settings) -> Option<Moment> {
        let since = self.silent_since()?.max(waiter.since);
        Some(since + settings.operation_timeout)
    }

    fn is_asked_for(&self, waiter: &Waiter) -> bool {
        self.asking.as_ref().is_some_and(|it| it.id == waiter.id)
    }

    /// The moment at which the waiter is to be ended, whatever the server says.
    pub(super) fn limit(
        &self,
        waiter: &Waiter,
        settings: &Settings,
        known: &Known,
    ) -> Option<Moment> {
        let fails_at = self.fails_at(waiter, settings);
        // Whatever has happened, a call takes no longer than its limit and one operation.
        let ends = waiter.until.map(|until| until + settings.operation_timeout);
        // A waiter may be granted the lock at any moment while a request for it is under way; and a
        // waiter must be told who holds the lock.
        let can_skip = !self.is_asked_for(waiter) && self.skipped(known).is_some();
        let until = waiter.until.filter(|_| can_skip);
        fails_at.into_iter().chain(until).chain(ends).min()
    }

    fn skipped(&self, known: &Known) -> Option<Skipped> {
        match known {
            Known::Held { skipped, .. } => Some(skipped.clone()),
            _ => self.seen.clone(),
        }
    }

    /// Ends the waiters that have waited long enough, and those that the server has kept waiting.
    pub(super) fn end_late(
        &mut self,
        settings: &Settings,
        now: Moment,
        known: &Known,
        effects: &mut Effects,
    ) {
        for at in (0..self.waiters.len()).rev() {
            let waiter = &self.waiters[at];
            if self
                .limit(waiter, settings, known)
                .is_none_or(|at| at > now)
            {
                continue;
            }
            let is_asked_for = self.is_asked_for(waiter);
            let over = waiter.until.is_some_and(|until| until <= now);
            let skipped = self.skipped(known).filter(|_| over && !is_asked_for);
            let Some(mut waiter) = self.remove(at, effects) else {
                continue;
            };
            match (skipped, waiter.pending.take()) {
                (Some(skipped), Some(pending)) => {
                    let until = waiter.until.unwrap_or(now) + settings.operation_timeout;
                    effects.skip(waiter, pending, skipped, until);
                }
                (_, pending) => {
                    effects.forget.extend(pending);
                    let error = self.error.clone();
                    let error = error.unwrap_or(OperationError::Late);
                    effects.answer(waiter, WaitResult::Failed(error));
                }
            }
        }
    }
}
