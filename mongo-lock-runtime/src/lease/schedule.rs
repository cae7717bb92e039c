//! The schedule of the keeper: which leases of the table are due.

use std::time::Duration;

use tokio::time::timeout;

use super::{
    entry::{Due, Entry},
    lease::Lease,
    table::LeaseTable,
};
use crate::{
    clock::{Clock, Moment},
    error::LossReason,
    operation::{renewal_interval, renewal_pause},
};

impl LeaseTable {
    /// The longest time for which the keeper sleeps on the system's clock. The timers of tokio do not
    /// count a suspension of the machine: after one, leases that are over are found within this time.
    const CLOCK_CHECK: Duration = Duration::from_secs(1);

    /// Waits until a lease is at its deadline, or due for renewal. `false`: there is no lease to watch,
    /// and the keeper must end.
    pub(super) async fn wait(&self) -> bool {
        loop {
            let sooner = self.sooner.notified();
            let Some(look) = self.next_look() else {
                return false;
            };
            let now = self.clock.now();
            if look <= now {
                return true;
            }
            let mut sleep = look.since(now);
            if matches!(self.clock, Clock::System(_)) {
                sleep = sleep.min(Self::CLOCK_CHECK);
            }
            // Both are reasons to look again: the lease that was due may have been renewed.
            let _ = timeout(sleep, sooner).await;
        }
    }

    fn next_look(&self) -> Option<Moment> {
        let mut state = self.state();
        let next = state.entries.values().filter_map(Entry::look).min();
        // Under the mutex: the insertion of a lease after this `None` starts a keeper anew.
        state.next_look = next;
        next
    }

    /// Ends the leases that are at their deadlines, and gives those that are due for renewal, with
    /// those that may be renewed along with them. Each of these is due again when this attempt has taken
    /// too long: the attempt may hang.
    pub(super) fn collect_due(&self, now: Moment, operation_timeout: Duration) -> Vec<Lease> {
        // Not under the mutex: the check of a lease may end the lease, which is an event.
        for lease in self.held() {
            let _ = lease.check();
        }
        let mut state = self.state();
        let due = state.entries.values().filter_map(Entry::due);
        if !due.into_iter().any(|due| due.at <= now) {
            return Vec::new();
        }
        let mut batch = Vec::new();
        for entry in state.entries.values_mut() {
            if let Entry::Held { lease, due } = entry
                && lease.runs_until().is_some()
                && let Some(due) = due
                && due.along_from <= now
            {
                let limit = operation_timeout.min(renewal_interval(lease.ttl()));
                *due = Due::exact(now + limit);
                batch.push(lease.clone());
            }
        }
        batch
    }

    /// Schedules the next renewal of a lease that was renewed by a request sent at `sent`.
    pub(super) fn renewed(&self, lease: &Lease, sent: Moment) {
        self.reschedule(lease, Due::regular(sent, renewal_interval(lease.ttl())));
    }

    /// Schedules another attempt soon, after a failed one. `overload`: the pause for which an overloaded
    /// server asks.
    pub(super) fn not_renewed(&self, lease: &Lease, overload: Option<Duration>) {
        let at = self.clock.now() + renewal_pause(lease.ttl(), overload);
        self.reschedule(lease, Due::exact(at));
        self.sooner.notify_one();
    }

    fn reschedule(&self, lease: &Lease, next: Due) {
        if let Some(Entry::Held { due: Some(due), .. }) = self.state().entries.get_mut(&lease.id())
        {
            *due = next;
        }
    }

    /// Ends all leases, since the keeper that would renew them, and end them in time, is gone.
    pub(super) fn abandon(&self) {
        self.end_all(&LossReason::RuntimeGone);
        self.state().next_look = None;
    }
}
