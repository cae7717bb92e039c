//! The life of a lease, as events tell it.

use std::time::Duration;

use super::lease::Lease;
use crate::{
    clock::Moment,
    error::LossReason,
    events::{self, Event, ObservedLock, RunOutcome},
    operation::renewal_interval,
};

impl Lease {
    /// The lock, as events name it.
    pub(crate) fn observed(&self) -> ObservedLock {
        self.context().observed(self.spec())
    }

    /// The lock's label.
    pub(crate) fn label(&self) -> &'static str {
        events::label(self.spec())
    }

    /// Reports the end of a lease under which a caller works.
    pub(super) fn report_end(&self, reason: &LossReason) {
        let observers = &self.context().observers;
        let ended = || Event::LeaseEnded {
            lock: self.observed(),
            token: self.token(),
            held: self.held(),
            reason: reason.clone(),
        };
        match reason {
            LossReason::Released => observers.step(ended),
            _ => observers.report(&ended()),
        }
    }

    /// Reports the end of the run under the lease.
    pub(super) fn report_run(&self, outcome: RunOutcome) {
        self.context().observers.step(|| {
            let now = self.context().clock.now();
            let (lease_used, late, margin) = self.usage(now);
            Event::RunEnded {
                lock: self.observed(),
                token: self.token(),
                held: now.since(self.since()),
                outcome,
                lease_used,
                late,
                margin,
            }
        });
    }

    /// The largest share of a term that has passed without a renewal, the time since the deadline, and the
    /// safety margin.
    fn usage(&self, now: Moment) -> (f64, Duration, Duration) {
        let term = self.term();
        let used = term.most_used.max(term.used(now));
        let margin = self.context().margin.of(term.ttl);
        (used, now.since(term.deadline), margin)
    }

    /// The time since the moment at which the lease was due to be renewed.
    pub(crate) fn renewal_lag(&self, now: Moment) -> Duration {
        let counted_from = self.term().counted_from;
        now.since(counted_from + renewal_interval(self.ttl()))
    }
}
