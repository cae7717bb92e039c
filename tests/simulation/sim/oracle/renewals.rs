//! Renewals: a live lease is renewed, a lost one stays lost (2).

use mongo_lock_runtime::LockName;

use super::{Call, Oracle, margin};
use crate::sim::api::{LeaseId, Request, millis};

impl Oracle {
    /// 2: a lease that is live is renewed, and lasts a ttl from then.
    #[expect(
        clippy::too_many_arguments,
        reason = "one renewal, as it was asked and answered"
    )]
    pub(super) fn renewed(
        &mut self,
        at: u64,
        now: i64,
        sent: u64,
        name: &LockName,
        lease: LeaseId,
        ttl: u64,
        gone: bool,
    ) {
        let document = self.mirror.document(name);
        document.look(now);
        let stored = document.lease(lease);
        if gone {
            if stored.is_some_and(|it| it.surely_live(now)) {
                self.broken("P2 a live lease is renewed", at, |_| {
                    format!("a live lease of `{name}` is said to be gone")
                });
            }
            return;
        }
        if stored.is_none_or(|it| !it.maybe_live(now)) {
            self.broken("P2 a lost lease stays lost", at, |_| {
                format!("a lease of `{name}` that is gone was renewed")
            });
            return;
        }
        self.renewed_holder(now, name, lease, ttl);
        let calls = &self.calls;
        let leases = self.leases.values_mut().filter(|it| it.holder == lease);
        for member in leases {
            // Another reader's renewal prolongs the holder, and not this lease.
            let prolongs = |call: &Call| call.terms.renew || call.extended_at.is_some();
            if !member.delivered || calls.get(&member.call).is_some_and(prolongs) {
                member.bound = member.bound.max(sent + ttl - margin(ttl));
            }
        }
        self.excuse_if_set(lease);
    }

    /// The holder ends a ttl from now, or at its present end.
    pub(super) fn renewed_holder(&mut self, now: i64, name: &LockName, holder: LeaseId, ttl: u64) {
        let Some(stored) = self.mirror.document(name).lease(holder) else {
            return;
        };
        stored.lapsed = false;
        stored.expires_at = stored.expires_at.min(now + stored.ttl);
        stored.cap = None;
        let ttl_ms = i64::try_from(ttl).unwrap_or(i64::MAX);
        stored.ttl = stored.ttl.max(ttl_ms);
        stored.expires_at = stored.expires_at.max(now + ttl_ms);
        // A request before this one may have cut it.
        let cut_at = stored.cut_at.min(now + stored.ttl);
        stored.cut_at = cut_at.max(now + ttl_ms);
    }

    /// Which of these renewals would not move a lease's end. Before they take effect.
    pub(crate) fn unmoved(&mut self, now: i64, request: &Request) -> bool {
        let Request::Renew(leases) = request else {
            return false;
        };
        leases.iter().any(|renewal| {
            let ttl = i64::try_from(millis(renewal.ttl)).unwrap_or(i64::MAX);
            let stored = self.mirror.document(&renewal.name).lease(renewal.lease);
            stored.is_none_or(|it| !it.maybe_live(now) || it.expires_at >= now + ttl)
        })
    }

    /// How long these leases have left, after they were renewed.
    pub(crate) fn left(&mut self, now: i64, request: &Request) -> Vec<(LeaseId, u64)> {
        let Request::Renew(leases) = request else {
            return Vec::new();
        };
        let left = leases.iter().filter_map(|renewal| {
            let stored = self.mirror.document(&renewal.name).lease(renewal.lease)?;
            let end = stored.expires_at.min(stored.cut_at);
            let left = u64::try_from(end - now).ok()?;
            (left > 0).then_some((renewal.lease, left))
        });
        left.collect()
    }
}
