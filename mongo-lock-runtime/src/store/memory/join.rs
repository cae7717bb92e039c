//! A reader that shares the holder of another reader of its client.

use super::{
    super::protocol::{AcquireRequest, Grant},
    document::{Document, Holder, compatible, millis, time},
};

impl Document {
    /// Grants the lease by prolonging the holder that the request names, if that is live, all holders are
    /// readers, and no client waits.
    pub(super) fn join(&mut self, now: i64, request: &AcquireRequest) -> Option<Grant> {
        let share = request.share?;
        let others = self.holders.iter().map(Holder::terms);
        if !self.queue.is_empty() || !compatible(request.mode, request.permits, others) {
            return None;
        }
        let mut holders = self.holders.iter_mut();
        let holder = holders.find(|holder| holder.lease == Some(share) && holder.live(now))?;
        holder.prolong(now, request.ttl);
        Some(Grant {
            holder: share,
            token: self.next_token(now),
            attempt: request.attempt,
            acquired_at: time(now),
            expires_at: time(now + millis(request.ttl)),
            contended: false,
        })
    }
}
