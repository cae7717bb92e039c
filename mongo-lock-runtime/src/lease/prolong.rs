//! The effect of a renewal on a lease, as its holder sees it.

use std::{sync::atomic::Ordering, time::Duration};

use super::lease::{Lease, Term};
use crate::{clock::Moment, store::Renewal};

impl Term {
    /// The share of the time up to the deadline that has passed.
    pub(super) fn used(&self, now: Moment) -> f64 {
        let whole = self.deadline.since(self.counted_from);
        if whole.is_zero() {
            return 0.0;
        }
        now.since(self.counted_from).as_secs_f64() / whole.as_secs_f64()
    }
}

impl Lease {
    /// The renewal of this lease, as the store is asked for it.
    pub(super) fn renewal(&self, ttl: Duration) -> Renewal {
        Renewal {
            name: self.name().clone(),
            lease: self.grant().holder,
            ttl,
            alone: self.term().alone,
        }
    }

    /// Takes note of a renewal: a request sent at `sent` has made the lease last `left` on the server from
    /// some time after that, `left` being `ttl` unless the server said less.
    ///
    /// Gives the time since the first of a row of failures, when this renewal ends the row.
    pub(super) fn renewed(&self, sent: Moment, left: Duration, ttl: Duration) -> Option<Duration> {
        let now = self.0.context.clock.now();
        let mut term = self.term();
        // The keeper may not have been polled yet, but the deadline has passed.
        if term.end.is_none() && now < term.deadline {
            self.prolong(&mut term, sent, left, ttl);
            if left >= ttl {
                term.alone = false;
                return term.trouble.take().map(|(since, _)| now.since(since));
            }
        }
        None
    }

    /// Takes note of a failed attempt to renew the lease; `alone`: perhaps because of another lease in the
    /// command. `true` for the first failure of a row.
    pub(super) fn not_renewed(&self, trouble: &str, alone: bool) -> bool {
        let now = self.0.context.clock.now();
        let mut term = self.term();
        let first = term.trouble.is_none();
        let since = term.trouble.take().map_or(now, |(since, _)| since);
        term.trouble = Some((since, trouble.to_owned()));
        term.alone |= alone;
        first
    }

    /// Moves the deadline: the lease lasts `left` from some time after `sent`, by a request for `ttl`.
    /// However much the server reports, the deadline is not later than `sent` plus the ttl less the
    /// margin: the server's clock may have been set.
    pub(super) fn prolong(&self, term: &mut Term, sent: Moment, left: Duration, ttl: Duration) {
        let left = left.min(ttl);
        let margin = self.0.context.margin.of(ttl);
        let mut deadline = sent + left.saturating_sub(margin);
        if let Some(max_hold) = self.0.spec.max_hold() {
            deadline = deadline.min(self.0.since + max_hold);
        }
        if deadline > term.deadline {
            term.most_used = term.most_used.max(term.used(self.0.context.clock.now()));
            term.counted_from = sent;
            term.deadline = deadline;
            term.ttl = ttl;
            self.0
                .deadline
                .store(deadline.as_nanos(), Ordering::Release);
        }
        term.until = term.until.max(self.0.context.clock.now() + left);
    }
}
