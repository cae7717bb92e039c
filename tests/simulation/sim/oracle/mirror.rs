//! What the store must have, by the requests that took effect and their answers alone.

use std::{collections::BTreeMap, sync::Arc};

use mongo_lock_runtime::LockName;

use crate::sim::api::LeaseId;

/// How long the place of a client that is not heard of lasts.
const PLACE: i64 = 5000;

#[derive(Debug, Clone, Default)]
pub(crate) struct Mirror {
    pub(crate) documents: BTreeMap<LockName, Document>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Document {
    pub(crate) leases: Vec<Stored>,
    /// The last one given out.
    pub(crate) token: Option<i64>,
    pub(crate) places: Vec<Place>,
}

/// A lease. Times are the server's.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) id: LeaseId,
    pub(crate) call: usize,
    pub(crate) who: usize,
    pub(crate) shared: bool,
    pub(crate) permits: u32,
    pub(crate) token: i64,
    pub(crate) acquired_at: i64,
    pub(crate) expires_at: i64,
    /// When it may have ended before that: a request that may have cut it after the clock was set back.
    pub(crate) cut_at: i64,
    pub(crate) ttl: i64,
    /// Released before its `min_hold` was over.
    pub(crate) released: bool,
    /// It was seen to have expired: when the clock is set back, the store may or may not have it.
    pub(crate) lapsed: bool,
    /// After the clock was set back: from when on a dead holder must not block.
    pub(crate) cap: Option<i64>,
}

/// A place in the queue.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) client: Arc<str>,
    pub(crate) who: usize,
    pub(crate) lease: LeaseId,
    pub(crate) call: usize,
    pub(crate) shared: bool,
    pub(crate) permits: u32,
    /// When its caller began to wait, by the simulation's clock and the arrival of its first request.
    pub(crate) since: u64,
    /// By the server's clock.
    pub(crate) seen_at: i64,
    pub(crate) asked_at: i64,
}

impl Stored {
    /// The store must have it, and count it.
    pub(crate) fn surely_live(&self, now: i64) -> bool {
        !self.lapsed && self.expires_at.min(self.cut_at) > now
    }

    pub(crate) fn maybe_live(&self, now: i64) -> bool {
        self.expires_at > now
    }
}

impl Place {
    pub(crate) fn surely_there(&self, now: i64) -> bool {
        self.seen_at <= now && now < self.seen_at + PLACE
    }

    pub(crate) fn maybe_there(&self, now: i64) -> bool {
        now < self.asked_at + PLACE
    }
}

/// Whether a lease may be live beside all of these.
pub(crate) fn fits<'a>(
    shared: bool,
    permits: u32,
    others: impl Iterator<Item = &'a Stored>,
) -> bool {
    let (mut count, mut allowed, mut modes) = (1, permits, true);
    for other in others {
        count += 1;
        allowed = allowed.min(other.permits);
        modes &= other.shared == shared;
    }
    modes && (shared || count <= allowed)
}

impl Document {
    /// To be called before each request, so that what has expired is known to have.
    pub(crate) fn look(&mut self, now: i64) {
        for lease in &mut self.leases {
            lease.lapsed |= lease.expires_at.min(lease.cut_at) <= now;
        }
    }

    /// After the clock was set back, a lease lasts at most its ttl from the first request that looks at
    /// all holders.
    pub(crate) fn cap(&mut self, now: i64) {
        for lease in &mut self.leases {
            lease.cut_at = lease.cut_at.min(now + lease.ttl);
            lease.expires_at = lease.expires_at.min(now + lease.ttl);
        }
    }

    /// As [`cap`](Self::cap), for a request that may have done so.
    pub(crate) fn may_cap(&mut self, now: i64) {
        for lease in &mut self.leases {
            lease.cut_at = lease.cut_at.min(now + lease.ttl);
        }
    }

    /// One that was not released.
    pub(crate) fn lease(&mut self, id: LeaseId) -> Option<&mut Stored> {
        let mut leases = self.leases.iter_mut();
        leases.find(|it| it.id == id && !it.released)
    }

    pub(crate) fn live(&self, now: i64) -> impl Iterator<Item = &Stored> {
        self.leases.iter().filter(move |it| it.surely_live(now))
    }

    /// Whether a request without a place could be refused.
    pub(crate) fn maybe_taken(&self, now: i64) -> bool {
        self.leases.iter().any(|it| it.maybe_live(now))
            || self.places.iter().any(|it| it.maybe_there(now))
    }
}

impl Mirror {
    pub(crate) fn document(&mut self, name: &LockName) -> &mut Document {
        if !self.documents.contains_key(name) {
            self.documents.insert(name.clone(), Document::default());
        }
        self.documents.get_mut(name).expect("it is there")
    }
}
