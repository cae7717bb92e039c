//! The leases that callers hold, as values.

use std::{
    sync::atomic::Ordering,
    time::{Duration, SystemTime},
};

use super::{lease::Lease, table::LeaseTable};
use crate::{clock::Moment, name::LockName};

/// A lock that this client holds: a caller works under a live lease.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeldLock {
    /// The lock's name.
    pub name: LockName,
    /// The lock's [label](crate::observe::ObservedLock::label).
    pub label: &'static str,
    /// The fencing token.
    pub token: i64,
    /// The time at which the lease began, by the server's clock.
    pub acquired_at: SystemTime,
    /// The time since then, by this process's clock.
    pub held: Duration,
    /// The time until the deadline, unless the lease is renewed.
    pub time_left: Duration,
    /// Whether less than a quarter is left of the time that the last grant or renewal has given. Then a body
    /// without `renew` will soon be stopped, and a lease with `renew`, which is renewed every third of its ttl, was
    /// not renewed in time.
    pub is_near_end: bool,
    /// The time by which a renewal is late: since the moment at which the lease was due, a third of its ttl after
    /// the last one. Zero in time; `None` for a lease without `renew`.
    pub renewal_lag: Option<Duration>,
    /// Whether the lease is a term of a leader: [`LockClient::lead`](crate::LockClient::lead).
    pub leads: bool,
}

impl LeaseTable {
    /// The leases under which callers work, in the order of their names.
    pub(crate) fn held_locks(&self) -> Vec<HeldLock> {
        let now = self.clock.now();
        let mut held: Vec<_> = self
            .held()
            .iter()
            .filter_map(|it| it.as_held(now))
            .collect();
        held.sort_unstable_by(|a, b| (&a.name, a.token).cmp(&(&b.name, b.token)));
        held
    }

    /// Whether the client leads under this name.
    pub(crate) fn leads(&self, name: &str) -> bool {
        let held = self.held();
        held.iter()
            .any(|lease| lease.name().as_str() == name && lease.leads() && lease.check().is_ok())
    }
}

impl Lease {
    /// Marks the lease as a term of a leader.
    pub(crate) fn set_leads(&self) {
        self.0.leads.store(true, Ordering::Relaxed);
    }

    fn leads(&self) -> bool {
        self.0.leads.load(Ordering::Relaxed)
    }

    /// The lease as a value, if a caller works under it, and it is live.
    fn as_held(&self, now: Moment) -> Option<HeldLock> {
        if !self.0.delivered.load(Ordering::Relaxed) || self.check().is_err() {
            return None;
        }
        let (time_left, is_near_end) = {
            let term = self.term();
            (term.deadline.since(now), term.used(now) > 0.75)
        };
        Some(HeldLock {
            name: self.name().clone(),
            label: self.label(),
            token: self.token(),
            acquired_at: self.acquired_at(),
            held: now.since(self.since()),
            time_left,
            is_near_end,
            renewal_lag: self.spec().renew().then(|| self.renewal_lag(now)),
            leads: self.leads(),
        })
    }
}
