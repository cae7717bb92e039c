//! Locks in memory: the store protocol as a pure state machine, and a clock to run it by.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use tokio::{sync::watch, task::yield_now, time::Instant};

use super::{
    CONFIRMED, Grant, LeaseId, PATIENCE, Queued, ReleaseRequest, Renewal, Renewed, Reply, Request,
};
use crate::{
    name::LockName,
    outcome::{self, Reservation, SkipReason, Skipped},
    spec::Mode,
};

/// What the server does, in the same words: time is milliseconds since 1970, and given.
#[derive(Debug, Default)]
pub(super) struct Locks {
    documents: HashMap<LockName, Document>,
    /// Whether a step has made room for somebody in line.
    turn: bool,
}

#[derive(Debug, Default)]
struct Document {
    holders: Vec<Holder>,
    /// The last one given out.
    token: Option<i64>,
    /// In the order of `since`.
    queue: Vec<Place>,
}

#[derive(Debug)]
struct Holder {
    /// `None` once it was released before its `min_hold` was over.
    lease: Option<LeaseId>,
    owner: Arc<str>,
    mode: Mode,
    permits: u32,
    token: i64,
    acquired_at: i64,
    expires_at: i64,
}

/// A place in line.
#[derive(Debug)]
struct Place {
    id: Arc<str>,
    lease: LeaseId,
    owner: Arc<str>,
    mode: Mode,
    permits: u32,
    since: i64,
    seen_at: i64,
    until: i64,
}

impl Locks {
    pub(super) fn acquire(&mut self, now: i64, request: &Request) -> Reply {
        let document = self.documents.entry(request.name.clone()).or_default();
        // The server does not even look for what has expired when a plain request meets one holder.
        if let [holder] = &*document.holders
            && holder.live(now)
            && holder.lease != Some(request.lease)
            && request.is_plain()
            && document.queue.is_empty()
        {
            return Reply::Refused(document.skipped(request));
        }
        let reply = document.step(now, request);
        let line = request.ticket.as_ref().map(|ticket| &*ticket.line);
        self.turn |= document.has_room_for_next(line);
        reply
    }

    pub(super) fn hand_over(
        &mut self,
        now: i64,
        release: &ReleaseRequest,
        request: &Request,
    ) -> (bool, Reply) {
        let document = self.documents.entry(request.name.clone()).or_default();
        let freed = document.lease(release.lease).is_some();
        document.holders.retain(|holder| holder.live(now));
        self.release(now, release);
        (freed, self.acquire(now, request))
    }

    pub(super) fn leave(&mut self, name: &LockName, line: &str) {
        if let Some(document) = self.documents.get_mut(name) {
            document.queue.retain(|place| *place.id != *line);
            self.turn |= document.has_room_for_next(None);
        }
    }

    pub(super) fn release(&mut self, now: i64, request: &ReleaseRequest) -> bool {
        let Some(document) = self.documents.get_mut(&request.name) else {
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
        self.turn |= document.has_room_for_next(None);
        true
    }

    pub(super) fn renew(&mut self, now: i64, leases: &[Renewal]) -> Renewed {
        let mut renewed = Renewed::default();
        for renewal in leases {
            let holder = self.documents.get_mut(&renewal.name).and_then(|document| {
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
        self.documents.remove(name).is_some()
    }
}

impl Document {
    /// Grants the lease, or makes a place in line, or neither.
    fn step(&mut self, now: i64, request: &Request) -> Reply {
        self.holders.retain(|holder| holder.live(now));
        self.queue.retain(|place| place.until > now);
        let line = request.ticket.as_ref();
        let ours = |place: &Place| line.is_some_and(|ticket| ticket.line == place.id);
        let place = self.queue.iter().position(ours);
        let place = place.map(|at| self.queue.remove(at));
        // The place of another caller of the same client counts for nothing.
        let place = place.filter(|place| place.lease == request.lease);
        let since = place.as_ref().map_or_else(
            || now - line.map_or(0, |ticket| millis(ticket.waited)),
            |place| place.since,
        );
        let ahead = self.queue.partition_point(|place| {
            // Of two who came in the same millisecond, the ids decide.
            let id = line.is_none_or(|ticket| place.id < ticket.line);
            place.since < since || place.since == since && id
        });
        if self.lease(request.lease).is_none() && self.fits(request, ahead) {
            let token = self.token.map_or(now, |last| now.max(last + 1));
            self.token = Some(token);
            self.holders.push(Holder {
                lease: Some(request.lease),
                owner: Arc::clone(&request.owner),
                mode: request.mode,
                permits: request.permits,
                token,
                acquired_at: now,
                expires_at: now + millis(request.ttl),
            });
        }
        if let Some(holder) = self.lease(request.lease) {
            return Reply::Granted(Grant {
                token: holder.token,
                acquired_at: time(holder.acquired_at),
                expires_at: time(holder.expires_at),
                contended: !self.queue.is_empty(),
            });
        }
        let Some(ticket) = line else {
            return Reply::Refused(self.skipped(request));
        };
        let confirmed = place.filter(|place| place.seen_at > now - millis(CONFIRMED));
        let place = confirmed.unwrap_or_else(|| Place {
            id: Arc::clone(&ticket.line),
            lease: request.lease,
            owner: Arc::clone(&request.owner),
            mode: request.mode,
            permits: request.permits,
            since,
            seen_at: now,
            until: now + millis(PATIENCE),
        });
        let (seen_at, until) = (place.seen_at, place.until);
        self.queue.insert(ahead, place);
        let ends = if ahead == 0 {
            self.holders.iter().map(|holder| holder.expires_at).min()
        } else {
            self.queue[..ahead].iter().map(|place| place.until).min()
        };
        Reply::Queued(Queued {
            skipped: self.skipped(request),
            ahead,
            seen_at: time(seen_at),
            look_at: time(ends.unwrap_or(until)),
        })
    }

    /// Whether there is room, if all of the first `ahead` in line had their leases.
    fn fits(&self, request: &Request, ahead: usize) -> bool {
        let ahead = &self.queue[..ahead];
        let held = &self.holders;
        if request.mode == Mode::Shared {
            let shared = |mode: Mode| mode == Mode::Shared;
            return held.iter().all(|holder| shared(holder.mode))
                && ahead.iter().all(|place| shared(place.mode));
        }
        let permits = held.iter().map(|holder| holder.permits);
        let allowed = permits.fold(request.permits, u32::min);
        let allowed = usize::try_from(allowed).unwrap_or(usize::MAX);
        let exclusive = held.iter().all(|holder| holder.mode == Mode::Exclusive);
        exclusive && held.len() + ahead.len() < allowed
    }

    /// Whether it is somebody's turn, other than of whoever asks.
    fn has_room_for_next(&self, line: Option<&str>) -> bool {
        let blocked = |mode: Mode| {
            let mut holders = self.holders.iter();
            mode == Mode::Shared && holders.any(|holder| holder.mode == Mode::Exclusive)
        };
        let held = u32::try_from(self.holders.len()).unwrap_or(u32::MAX);
        self.queue.first().is_some_and(|next| {
            line != Some(&*next.id) && next.permits > held && !blocked(next.mode)
        })
    }

    fn lease(&self, lease: LeaseId) -> Option<&Holder> {
        let mut holders = self.holders.iter();
        holders.find(|holder| holder.lease == Some(lease))
    }

    fn skipped(&self, request: &Request) -> Skipped {
        let holders = self.holders.iter();
        let holder = if request.permits > 1 {
            holders.min_by_key(|holder| holder.expires_at)
        } else {
            holders.max_by_key(|holder| holder.expires_at)
        };
        if let Some(holder) = holder {
            let holder = outcome::Holder {
                owner: holder.owner.to_string(),
                since: time(holder.acquired_at),
                until: time(holder.expires_at),
                token: holder.token,
            };
            return Skipped {
                name: request.name.clone(),
                reason: SkipReason::Held(holder),
            };
        }
        let next = self.queue.first();
        let next = next.expect("a free lock is granted, unless somebody is next");
        let next = Reservation {
            owner: next.owner.to_string(),
            waiting_since: time(next.since),
            kept_until: time(next.until),
            last_token: self.token.expect("nobody waits before there is a lease"),
        };
        Skipped {
            name: request.name.clone(),
            reason: SkipReason::Reserved(next),
        }
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
    /// Says that it is somebody's turn.
    turn: watch::Sender<()>,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self {
            locks: Mutex::default(),
            epoch: (Instant::now(), SystemTime::now()),
            turn: watch::Sender::new(()),
        }
    }
}

impl MemoryStore {
    /// As if there were a way to go, there and back: a test meets what happens meanwhile.
    pub(super) async fn with<T>(&self, step: impl FnOnce(&mut Locks, i64) -> T) -> T {
        yield_now().await;
        let result = self.step(step);
        yield_now().await;
        result
    }

    fn step<T>(&self, step: impl FnOnce(&mut Locks, i64) -> T) -> T {
        let now = self.epoch.1 + self.epoch.0.elapsed();
        let now = now.duration_since(SystemTime::UNIX_EPOCH);
        let now = now.map_or(0, millis);
        let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        let result = step(&mut locks, now);
        if std::mem::take(&mut locks.turn) {
            self.turn.send_replace(());
        }
        result
    }

    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.turn.subscribe()
    }
}

/// `LockSpec` keeps every duration far below the range of an `i64`.
fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 4)
}

fn time(millis: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(millis.unsigned_abs())
}
