//! A body that ended after its lease: code that blocks its thread cannot be stopped in time.

use std::time::Duration;

use super::lease::Lease;
use crate::{error::LossReason, events::Event};

impl Lease {
    /// Reports a body that came to its end by itself. A body that did so after the end of its lease may have
    /// worked beside another holder, which its value does not say.
    pub(crate) fn body_ended(&self) {
        // Has the end noticed that no task could notice meanwhile.
        if self.check().is_ok() {
            return;
        }
        if let Some((late, reason)) = self.overrun() {
            self.context().observers.report(&Event::BodyLate {
                lock: self.observed(),
                token: self.token(),
                held: self.held(),
                late,
                reason,
            });
        }
    }

    /// The time since the end of the lease, and its reason, unless the lease was released.
    fn overrun(&self) -> Option<(Duration, LossReason)> {
        let now = self.context().clock.now();
        let term = self.term();
        let (at, reason) = term.end.clone()?;
        // The end may have been noticed late.
        let ended = at.min(term.deadline);
        (reason != LossReason::Released).then(|| (now.since(ended), reason))
    }
}
