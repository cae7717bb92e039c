//! The document of one lock, and the steps that change it.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::super::protocol::{
    AcquireReply, AcquireRequest, Grant, LeaseId, NEAR, QUEUE_ENTRY_FRESH, QUEUE_ENTRY_TTL, Queued,
    REVOCATION_TTL, ReleaseRequest, Renewal, Ticket,
};
use crate::spec::Mode;

/// The contents of the server's document, in equal words. Times are milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Document {
    pub(super) holders: Vec<Holder>,
    /// The last fencing token given out.
    pub(super) token: Option<i64>,
    pub(super) queue: Vec<QueueEntry>,
    revoked: Vec<Revocation>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Holder {
    /// `None` for a lease that was released before its `min_hold` was over.
    pub(super) lease: Option<LeaseId>,
    /// The attempt that was granted.
    attempt: u32,
    pub(super) owner: Arc<str>,
    mode: Mode,
    permits: u32,
    pub(super) token: i64,
    ttl_ms: i64,
    pub(super) acquired_at: i64,
    pub(super) expires_at: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct QueueEntry {
    pub(super) id: Arc<str>,
    lease: LeaseId,
    pub(super) owner: Arc<str>,
    pub(super) mode: Mode,
    pub(super) permits: u32,
    pub(super) since: i64,
    pub(super) seen_at: i64,
    pub(super) until: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Revocation {
    lease: LeaseId,
    until: i64,
}

/// A reply, and the queue ids of the waiters that are to be woken.
type Step = (AcquireReply, Vec<Arc<str>>);

/// Whether a lease of this mode, with so many permits, is compatible with these others: all are of
/// its mode, and either they are shared, or they are fewer than the permits of every one of them.
pub(super) fn compatible(
    mode: Mode,
    permits: u32,
    others: impl Iterator<Item = (Mode, u32)> + Clone,
) -> bool {
    let allowed = others
        .clone()
        .fold(permits, |min, (_, permits)| min.min(permits));
    others.clone().all(|(other, _)| other == mode)
        && (mode == Mode::Shared || u32::try_from(others.count()).is_ok_and(|n| n < allowed))
}

impl Document {
    /// The reply to a request, and the waiters that are to be woken.
    pub(super) fn acquire(&mut self, now: i64, request: &AcquireRequest) -> Step {
        // The plain pipeline leaves a document with one live lease, which claims no more than its ttl, as
        // it is.
        if request.is_plain()
            && let [holder] = &*self.holders
            && holder.live(now)
            && holder.expires_at <= now + holder.ttl_ms
            && holder.lease != Some(request.lease)
            && self.queue.is_empty()
            && !self.is_revoked(request.lease)
        {
            return (AcquireReply::Refused(self.refusal(request)), Vec::new());
        }
        self.step(now, None, request)
    }

    /// Grants the lease, or queues the request, or neither; after the release of another lease.
    pub(super) fn step(
        &mut self,
        now: i64,
        release: Option<&ReleaseRequest>,
        request: &AcquireRequest,
    ) -> Step {
        let before = self.before();
        self.tidy(now, release);
        let changed = release.is_some() || self.holders.len() != before.holders;
        let revoked = self.is_revoked(request.lease);
        let ticket = request.ticket.as_ref().filter(|_| !revoked);
        let ours = |entry: &QueueEntry| ticket.is_some_and(|ticket| ticket.queue_id == entry.id);
        let entry = self.queue.iter().position(ours);
        let entry = entry.map(|at| self.queue.remove(at));
        // The entry of another caller of this client does not count.
        let entry = entry.filter(|entry| entry.lease == request.lease);
        let since = entry.as_ref().map_or_else(
            || now - ticket.map_or(0, |ticket| millis(ticket.waited)),
            |entry| entry.since,
        );
        // Of two that came in one millisecond, the ids decide. A request without an entry is behind
        // all of them.
        let is_ahead = |entry: &QueueEntry| {
            let id = ticket.is_none_or(|ticket| entry.id < ticket.queue_id);
            entry.since < since || entry.since == since && id
        };
        let queue = std::mem::take(&mut self.queue).into_iter();
        let (ahead, behind): (Vec<_>, Vec<_>) = queue.partition(is_ahead);
        // The lease is granted when it is compatible with the leases that are held, and would be even
        // if every waiter ahead had its lease.
        let held = self.holders.iter().map(Holder::terms);
        let others = held.chain(ahead.iter().map(QueueEntry::terms));
        let fits = compatible(request.mode, request.permits, others);
        let grants = fits && !revoked && !self.has(request.lease);
        if grants {
            self.grant(now, request);
        }
        let granted = self.lease(request.lease);
        let granted = granted.map(|holder| holder.grant(request.lease));
        let next = ticket.filter(|_| granted.is_none()).map(|ticket| {
            let confirmed = entry.filter(|entry| entry.confirmed(now));
            confirmed.unwrap_or_else(|| QueueEntry::new(now, since, ticket, request))
        });
        let seen = next.as_ref().map(|entry| (entry.seen_at, entry.until));
        let at = ahead.len();
        self.queue = ahead.into_iter().chain(next).chain(behind).collect();
        let queue_id = ticket.map(|ticket| &*ticket.queue_id);
        let woken = before.wakes(self, changed || grants, queue_id);
        (self.reply(request, granted, revoked, at, seen), woken)
    }

    fn reply(
        &self,
        request: &AcquireRequest,
        granted: Option<Grant>,
        revoked: bool,
        at: usize,
        seen: Option<(i64, i64)>,
    ) -> AcquireReply {
        if let Some(grant) = granted {
            return AcquireReply::Granted(Grant {
                contended: !self.queue.is_empty(),
                ..grant
            });
        }
        if revoked {
            return AcquireReply::Revoked;
        }
        let skipped = self.refusal(request);
        let Some((seen_at, until)) = seen else {
            return AcquireReply::Refused(skipped);
        };
        let ends = if at == 0 {
            self.holders.iter().map(|holder| holder.expires_at).min()
        } else {
            let front = self.queue[..at].iter().take(NEAR);
            front.map(|entry| entry.until).min()
        };
        AcquireReply::Queued(Queued {
            skipped,
            ahead: at,
            seen_at: time(seen_at),
            look_at: time(ends.unwrap_or(until)),
        })
    }

    fn grant(&mut self, now: i64, request: &AcquireRequest) {
        let token = self.next_token(now);
        self.revoked.retain(|revocation| revocation.until > now);
        let ttl_ms = millis(request.ttl);
        self.holders.push(Holder {
            lease: Some(request.lease),
            attempt: request.attempt,
            owner: Arc::clone(&request.owner),
            mode: request.mode,
            permits: request.permits,
            token,
            ttl_ms,
            acquired_at: now,
            expires_at: now + ttl_ms,
        });
    }

    pub(super) fn next_token(&mut self, now: i64) -> i64 {
        let token = self.token.map_or(now, |last| now.max(last + 1));
        self.token = Some(token);
        token
    }

    /// Releases a lease. Says whether the lease was there, and which waiters are to be woken.
    pub(super) fn release(&mut self, now: i64, request: &ReleaseRequest) -> (bool, Vec<Arc<str>>) {
        let there = self.has(request.lease);
        let simple = !request.contended && request.min_hold.is_none() && !request.revoke;
        if simple && self.queue.is_empty() {
            // The `$pull` looks at nothing else.
            self.holders
                .retain(|holder| holder.lease != Some(request.lease));
        } else if there || request.revoke {
            self.tidy(now, Some(request));
            return (there, self.next());
        }
        (there, Vec::new())
    }

    /// Takes out a queue entry. Gives the waiters that are to be woken.
    pub(super) fn leave(&mut self, now: i64, queue_id: &str) -> Vec<Arc<str>> {
        if !self.queue.iter().any(|entry| *entry.id == *queue_id) {
            return Vec::new();
        }
        self.queue.retain(|entry| *entry.id != *queue_id);
        self.tidy(now, None);
        self.next()
    }

    /// Renews a lease. `false`: the lease is not live.
    pub(super) fn renew(&mut self, now: i64, renewal: &Renewal) -> bool {
        let mut holders = self.holders.iter_mut();
        let holder = holders.find(|held| held.lease == Some(renewal.lease) && held.live(now));
        let Some(holder) = holder else {
            return false;
        };
        holder.prolong(now, renewal.ttl);
        true
    }

    /// Keeps the leases that are live once the given one is released, and the queue entries that were
    /// refreshed lately. No lease keeps a claim that is longer than its ttl.
    fn tidy(&mut self, now: i64, release: Option<&ReleaseRequest>) {
        self.holders.retain(|holder| holder.live(now));
        self.queue.retain(|entry| entry.until > now);
        if let Some(release) = release {
            if let Some(min_hold) = release.min_hold {
                for holder in &mut self.holders {
                    if holder.lease == Some(release.lease) {
                        holder.lease = None;
                        holder.expires_at = holder.acquired_at + millis(min_hold);
                    }
                }
            }
            self.holders
                .retain(|holder| holder.lease != Some(release.lease) && holder.live(now));
            if release.revoke {
                self.revoke(now, release.lease);
            }
        }
        self.cut_holders(now);
        for entry in &mut self.queue {
            entry.until = entry.until.min(now + millis(QUEUE_ENTRY_TTL));
            entry.since = entry.since.min(now);
        }
    }

    fn revoke(&mut self, now: i64, lease: LeaseId) {
        let until = now + millis(REVOCATION_TTL);
        self.queue.retain(|entry| entry.lease != lease);
        self.revoked
            .retain(|revocation| revocation.lease != lease && revocation.until > now);
        for revocation in &mut self.revoked {
            revocation.until = revocation.until.min(until);
        }
        self.revoked.push(Revocation { lease, until });
        self.token.get_or_insert(0);
    }

    fn cut_holders(&mut self, now: i64) {
        for holder in &mut self.holders {
            holder.cut(now);
        }
    }

    pub(super) fn has(&self, lease: LeaseId) -> bool {
        self.lease(lease).is_some()
    }

    fn lease(&self, lease: LeaseId) -> Option<&Holder> {
        let mut holders = self.holders.iter();
        holders.find(|holder| holder.lease == Some(lease))
    }

    fn is_revoked(&self, lease: LeaseId) -> bool {
        let mut revoked = self.revoked.iter();
        revoked.any(|revocation| revocation.lease == lease)
    }
}

impl Holder {
    pub(super) fn live(&self, now: i64) -> bool {
        self.expires_at > now
    }

    /// Has the lease end `ttl` from now, or at its present end, whichever is later.
    pub(super) fn prolong(&mut self, now: i64, ttl: Duration) {
        let ttl_ms = millis(ttl);
        self.ttl_ms = self.ttl_ms.max(ttl_ms);
        self.expires_at = self.expires_at.max(now + ttl_ms);
        self.cut(now);
    }

    /// Cuts a lease that claims to end later than its ttl from now: the clock was set back.
    fn cut(&mut self, now: i64) {
        self.expires_at = self.expires_at.min(now + self.ttl_ms);
    }

    pub(super) fn terms(&self) -> (Mode, u32) {
        (self.mode, self.permits)
    }

    fn grant(&self, holder: LeaseId) -> Grant {
        Grant {
            holder,
            token: self.token,
            attempt: self.attempt,
            acquired_at: time(self.acquired_at),
            expires_at: time(self.expires_at),
            contended: false,
        }
    }
}

impl QueueEntry {
    fn new(now: i64, since: i64, ticket: &Ticket, request: &AcquireRequest) -> Self {
        Self {
            id: Arc::clone(&ticket.queue_id),
            lease: request.lease,
            owner: Arc::clone(&request.owner),
            mode: request.mode,
            permits: request.permits,
            since,
            seen_at: now,
            until: now + millis(QUEUE_ENTRY_TTL),
        }
    }

    /// Whether the entry was refreshed so lately that another write is not worth it.
    fn confirmed(&self, now: i64) -> bool {
        self.seen_at > now - millis(QUEUE_ENTRY_FRESH) && self.seen_at <= now
    }

    fn terms(&self) -> (Mode, u32) {
        (self.mode, self.permits)
    }
}

/// The duration in milliseconds. `LockSpec` keeps every duration far below the range of an `i64`.
pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 4)
}

pub(super) fn time(millis: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(millis.unsigned_abs())
}
