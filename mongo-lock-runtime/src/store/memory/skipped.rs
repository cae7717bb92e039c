//! The refusal that a caller gets: the holder of the lock, or the first in its queue.

use super::document::{Document, Holder, QueueEntry, time};
use crate::{
    name::LockName,
    outcome::{self, Skipped},
    store::protocol::AcquireRequest,
};

impl Document {
    pub(super) fn refusal(&self, request: &AcquireRequest) -> Skipped {
        let held: Vec<&Holder> = self.holders.iter().collect();
        let next = self.queue.first();
        if let Some(next) = next {
            return self.skipped(&request.name, request.permits, &held, next);
        }
        let holder = chosen(&held, request.permits);
        let holder = holder.expect("a free lock is granted, unless there is a queue");
        holder.as_skipped(&request.name)
    }

    pub(super) fn skipped(
        &self,
        name: &LockName,
        permits: u32,
        held: &[&Holder],
        next: &QueueEntry,
    ) -> Skipped {
        if let Some(holder) = chosen(held, permits) {
            return holder.as_skipped(name);
        }
        let reservation = outcome::Reservation {
            owner: next.owner.to_string(),
            waiting_since: time(next.since),
            kept_until: time(next.until),
            last_token: self
                .token
                .expect("there is no queue before the first lease"),
        };
        Skipped::reserved(name.clone(), reservation)
    }
}

/// Of several holders, the one that ends first tells when there is room for one more permit, and the one
/// that ends last when the lock is free.
fn chosen<'a>(held: &[&'a Holder], permits: u32) -> Option<&'a Holder> {
    let held = held.iter().copied();
    if permits > 1 {
        held.min_by_key(|holder| holder.expires_at)
    } else {
        held.max_by_key(|holder| holder.expires_at)
    }
}

impl Holder {
    fn as_skipped(&self, name: &LockName) -> Skipped {
        let holder = outcome::Holder {
            owner: self.owner.to_string(),
            since: time(self.acquired_at),
            until: time(self.expires_at),
            token: self.token,
            is_this_client: false,
        };
        Skipped::held(name.clone(), holder)
    }
}
