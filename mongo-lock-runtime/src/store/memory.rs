//! Locks in memory: the store protocol as a pure state machine, and a clock to run it by.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use tokio::time::Instant;

use super::{Grant, LeaseId, ReleaseRequest, Renewal, Renewed, Reply, Request};
use crate::{LockName, Skipped};

/// What the server does, in the same words: time is milliseconds since 1970, and given.
#[derive(Debug, Default)]
pub(super) struct Locks(HashMap<LockName, Document>);

#[derive(Debug, Default)]
struct Document {
    holders: Vec<Holder>,
    /// The last one given out.
    token: Option<i64>,
}

#[derive(Debug)]
struct Holder {
    /// `None` once it was released before its `min_hold` was over.
    lease: Option<LeaseId>,
    owner: Arc<str>,
    token: i64,
    acquired_at: i64,
    expires_at: i64,
}

impl Locks {
    pub(super) fn acquire(&mut self, now: i64, request: &Request) -> Reply {
        let document = self.0.entry(request.name.clone()).or_default();
        if !document.holders.iter().any(|holder| holder.live(now)) {
            let token = document.token.map_or(now, |last| now.max(last + 1));
            document.token = Some(token);
            document.holders = vec![Holder {
                lease: Some(request.lease),
                owner: Arc::clone(&request.owner),
                token,
                acquired_at: now,
                expires_at: now + millis(request.ttl),
            }];
        }
        let holders = &document.holders;
        let ours = holders
            .iter()
            .find(|holder| holder.lease == Some(request.lease));
        if let Some(holder) = ours {
            return Reply::Granted(Grant {
                token: holder.token,
                acquired_at: time(holder.acquired_at),
                expires_at: time(holder.expires_at),
            });
        }
        let first = holders.iter().min_by_key(|holder| holder.expires_at);
        let holder = first.expect("there is a live one, or it would be ours");
        Reply::Refused(Skipped {
            name: request.name.clone(),
            holder: holder.owner.to_string(),
            since: time(holder.acquired_at),
            until: time(holder.expires_at),
            token: holder.token,
        })
    }

    pub(super) fn release(&mut self, now: i64, request: &ReleaseRequest) -> bool {
        let Some(document) = self.0.get_mut(&request.name) else {
            return false;
        };
        let holders = &mut document.holders;
        let Some(at) = holders
            .iter()
            .position(|held| held.lease == Some(request.lease))
        else {
            return false;
        };
        let acquired_at = holders[at].acquired_at;
        let free_at = request.min_hold.map(|time| acquired_at + millis(time));
        if let Some(free_at) = free_at.filter(|free_at| *free_at > now) {
            holders[at].lease = None;
            holders[at].expires_at = free_at;
        } else {
            holders.remove(at);
        }
        true
    }

    pub(super) fn renew(&mut self, now: i64, leases: &[Renewal]) -> Renewed {
        let mut renewed = Renewed::default();
        for renewal in leases {
            let holder = self.0.get_mut(&renewal.name).and_then(|document| {
                let holders = &mut document.holders;
                holders
                    .iter_mut()
                    .find(|holder| holder.lease == Some(renewal.lease) && holder.live(now))
            });
            if let Some(holder) = holder {
                holder.expires_at = holder.expires_at.max(now + millis(renewal.ttl));
            } else {
                renewed.gone.insert(renewal.lease);
            }
        }
        renewed
    }

    /// What somebody does by hand.
    #[cfg(test)]
    pub(super) fn delete(&mut self, name: &LockName) -> bool {
        self.0.remove(name).is_some()
    }
}

impl Holder {
    fn live(&self, now: i64) -> bool {
        self.expires_at > now
    }
}

/// The state machine, on tokio's clock, which a test can pause.
pub(crate) struct MemoryStore {
    locks: Mutex<Locks>,
    /// The same moment on both clocks.
    epoch: (Instant, SystemTime),
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self {
            locks: Mutex::default(),
            epoch: (Instant::now(), SystemTime::now()),
        }
    }
}

impl MemoryStore {
    pub(super) fn with<T>(&self, step: impl FnOnce(&mut Locks, i64) -> T) -> T {
        let now = self.epoch.1 + self.epoch.0.elapsed();
        let now = now.duration_since(SystemTime::UNIX_EPOCH);
        let now = now.map_or(0, millis);
        let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        step(&mut locks, now)
    }
}

/// `LockSpec` keeps every duration far below the range of an `i64`.
fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 4)
}

fn time(millis: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(millis.unsigned_abs())
}
