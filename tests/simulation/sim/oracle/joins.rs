//! Readers that share a holder: one that is live, and past no waiter (1, 5, 9).

use super::{Oracle, margin, mirror::fits};
use crate::sim::api::{AcquireRequest, Answer, LeaseId, millis};

impl Oracle {
    /// A reader was granted its lease by a holder that another reader has.
    pub(super) fn joined(
        &mut self,
        at: u64,
        now: i64,
        (who, sent): (usize, u64),
        request: &AcquireRequest,
        holder: LeaseId,
        answer: Answer,
    ) {
        let Answer::Granted {
            token,
            acquired_at,
            expires_at,
        } = answer
        else {
            return;
        };
        let (name, ttl) = (&request.name, millis(request.ttl));
        let document = self.mirror.document(name);
        let waits = document.places.iter().any(|it| it.surely_there(now));
        let stored = document.lease(holder).cloned();
        let Some(stored) = stored.filter(|it| it.maybe_live(now) && it.who == who && it.shared)
        else {
            self.broken("P1 a reader joins a live holder", at, |_| {
                format!("a lease of `{name}` was granted by a holder that is not there")
            });
            return;
        };
        if waits {
            self.broken("P9 no reader joins past a waiter", at, |_| {
                format!("a reader of `{name}` joined, and a client is in the queue")
            });
        }
        let others = self.mirror.document(name).live(now);
        if !fits(true, u32::MAX, others.filter(|it| it.id != holder)) {
            self.broken("P1 one holder in the store", at, |_| {
                format!("a reader of `{name}` joined beside others than readers")
            });
        }
        let mut new = stored;
        (new.token, new.acquired_at, new.expires_at) = (token, acquired_at, expires_at);
        new.ttl = i64::try_from(ttl).unwrap_or(i64::MAX);
        self.token_grows(at, name, &new);
        self.lasts_a_ttl(at, now, sent, &new);
        self.not_after_clean_shutdown(at, &new);
        self.mirror.document(name).token = Some(token);
        self.busy.insert(name.clone(), at);
        if let Some(lease) = self.leases.get_mut(&request.lease) {
            lease.grants.push((token, holder, sent));
            // One that arrives late is not what its client relies on.
            if !lease.delivered {
                (lease.token, lease.holder, lease.sent) = (token, holder, sent);
                lease.bound = lease.bound.max(sent + ttl - margin(ttl));
                lease.came_back = false;
            }
        }
        // The holder itself lasts as a renewed one does.
        self.renewed_holder(now, name, holder, ttl);
        self.excuse_if_set(holder);
    }
}
