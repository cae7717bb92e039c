//! What the store says and does: one holder (1), tokens (3), releases (4), dead holders (5).

use mongo_lock_runtime::LockName;

use super::{
    Lease, Oracle, margin,
    mirror::{Place, Stored, fits},
};
use crate::sim::api::{
    self, AcquireReply, AcquireRequest, Answer, ReleaseRequest, Reply, Request, Standing, millis,
};

impl Oracle {
    /// A request of `who`, sent at `sent`, has taken effect at `at`, which is `now` on the server's clock.
    pub(crate) fn applied(
        &mut self,
        at: u64,
        now: i64,
        who: usize,
        sent: u64,
        request: &Request,
        reply: &Reply,
    ) {
        match (request, reply) {
            (Request::Acquire(request), Reply::Acquire(reply)) => {
                self.acquire(at, now, who, sent, request, reply);
            }
            (Request::HandOver(release, request), Reply::HandOver(freed, reply)) => {
                self.release(at, now, release, *freed);
                self.acquire(at, now, who, sent, request, reply);
            }
            (
                Request::Leave {
                    name,
                    queue_id: client,
                },
                _,
            ) => {
                let document = self.mirror.document(name);
                document.look(now);
                document.may_cap(now);
                document.places.retain(|place| place.client != *client);
            }
            (Request::Release(release), Reply::Released(freed)) => {
                self.release(at, now, release, *freed);
            }
            (Request::Renew(leases), Reply::Renewed(renewed)) => {
                for renewal in leases {
                    let gone = renewed.gone.contains(&renewal.lease);
                    let ttl = millis(renewal.ttl);
                    self.renewed(at, now, sent, &renewal.name, renewal.lease, ttl, gone);
                }
            }
            (Request::Confirm(places), Reply::Confirmed(standings)) => {
                for (place, standing) in places.iter().zip(standings) {
                    let document = self.mirror.document(&place.name);
                    let mut known = document.places.iter_mut();
                    if let Some(known) = known.find(|it| it.client == place.queue_id)
                        && known.maybe_there(now)
                    {
                        known.asked_at = now;
                        if *standing != Standing::Ask {
                            known.seen_at = now;
                        }
                    }
                }
            }
            _ => {}
        }
    }

    fn acquire(
        &mut self,
        at: u64,
        now: i64,
        who: usize,
        sent: u64,
        request: &AcquireRequest,
        reply: &AcquireReply,
    ) {
        let call = self.call_with(millis(request.ttl), &request.name);
        self.leases.entry(request.lease).or_insert(Lease {
            call,
            holder: request.lease,
            name: request.name.clone(),
            token: 0,
            grants: Vec::new(),
            sent,
            bound: 0,
            excused: 0,
            came_back: false,
            delivered: false,
            wiped: self.wiped.get(&request.name).is_some_and(|at| *at >= sent)
                || self.rolled_back_at.is_some_and(|at| at >= sent),
        });
        self.mirror.document(&request.name).look(now);
        if let Some((holder, granted)) = api::joined(request, reply) {
            self.joined(at, now, (who, sent), request, holder, granted);
            return;
        }
        if matches!(reply, AcquireReply::Revoked) {
            self.mirror.document(&request.name).may_cap(now);
        } else {
            self.mirror.document(&request.name).cap(now);
            self.caps_dead_holders(at, now, request);
        }
        match api::answer(reply) {
            Answer::Granted {
                token,
                acquired_at,
                expires_at,
            } => {
                let document = self.mirror.document(&request.name);
                let known = document.lease(request.lease);
                if let Some(known) = known
                    .filter(|it| it.maybe_live(now) && (it.surely_live(now) || it.token == token))
                {
                    known.lapsed = false;
                    // A release may have cut it, when the clock was set back.
                    let cut = expires_at < known.expires_at && expires_at <= now + known.ttl;
                    let same = known.token == token && (known.expires_at == expires_at || cut);
                    known.expires_at = expires_at;
                    known.cut_at = expires_at;
                    if !same {
                        self.broken("P1 one grant per lease", at, |_| {
                            "a lease was granted again, with other terms".into()
                        });
                    }
                } else {
                    let stored = Stored {
                        id: request.lease,
                        call,
                        who,
                        shared: api::is_shared(request),
                        permits: request.permits,
                        token,
                        acquired_at,
                        expires_at,
                        cut_at: expires_at,
                        ttl: i64::try_from(millis(request.ttl)).unwrap_or(i64::MAX),
                        released: false,
                        lapsed: false,
                        cap: None,
                    };
                    self.granted(at, now, sent, request, stored);
                }
                if let Some((client, _)) = api::place(request) {
                    let document = self.mirror.document(&request.name);
                    document.places.retain(|place| *place.client != *client);
                }
            }
            Answer::Revoked => {}
            Answer::Refused => self.refused_for_a_reason(at, now, &request.name, None),
            Answer::Queued { seen_at } => {
                self.refused_for_a_reason(at, now, &request.name, Some(request));
                self.queued(now, who, call, request, seen_at);
            }
        }
    }

    fn granted(&mut self, at: u64, now: i64, sent: u64, request: &AcquireRequest, stored: Stored) {
        let name = &request.name;
        let ttl = millis(request.ttl);
        self.is_alone(at, now, name, &stored);
        self.token_grows(at, name, &stored);
        self.lasts_a_ttl(at, now, sent, &stored);
        self.not_after_clean_shutdown(at, &stored);
        self.overtakes(at, now, name, request, &stored);
        let document = self.mirror.document(name);
        document.token = Some(stored.token);
        self.busy.insert(name.clone(), at);
        let document = self.mirror.document(name);
        let token = stored.token;
        // What has expired is dropped by the step that grants.
        let again = |it: &Stored| it.id == request.lease && !it.surely_live(now);
        document
            .leases
            .retain(|it| it.maybe_live(now) && !again(it));
        document.leases.push(stored);
        if let Some(lease) = self.leases.get_mut(&request.lease) {
            lease.token = token;
            lease.holder = request.lease;
            lease.sent = sent;
            lease.grants.push((token, request.lease, sent));
            // After an operator has removed the document, an earlier attempt may be granted again.
            lease.bound = lease.bound.max(sent + ttl - margin(ttl));
            lease.came_back = false;
        }
        self.excuse_if_set(request.lease);
    }

    /// 1: no more leases are live than permits allow.
    fn is_alone(&mut self, at: u64, now: i64, name: &LockName, new: &Stored) {
        let document = self.mirror.document(name);
        if !fits(new.shared, new.permits, document.live(now)) {
            let calls: Vec<_> = document.live(now).map(|it| it.call).collect();
            self.broken("P1 one holder in the store", at, |_| {
                format!(
                    "`{name}` was granted to call {} beside calls {calls:?}",
                    new.call
                )
            });
        }
    }

    /// 3: tokens only grow.
    pub(super) fn token_grows(&mut self, at: u64, name: &LockName, new: &Stored) {
        let known = self.last_tokens.get(name).copied();
        let last = self.mirror.document(name).token.or(known);
        if let Some(last) = last.filter(|last| *last >= new.token) {
            self.broken("P3 tokens grow", at, |_| {
                format!("`{name}` gave token {} after {last}", new.token)
            });
        }
    }

    /// 5: a lease is for a ttl by the server's clock.
    pub(super) fn lasts_a_ttl(&mut self, at: u64, now: i64, sent: u64, new: &Stored) {
        if new.acquired_at != now || new.expires_at != now + new.ttl {
            self.broken("P5 a lease lasts a ttl", at, |_| {
                format!("at {now}: from {} to {}", new.acquired_at, new.expires_at)
            });
        }
        let decided = self.decided;
        if decided < sent && self.steps.is_empty() {
            self.broken("P5 a lease lasts a ttl", at, |_| {
                format!("its ttl counts from {decided}, and the request was sent at {sent}")
            });
        }
    }

    /// 5: when a clock was set back, a dead holder costs one ttl from the first request after that.
    fn caps_dead_holders(&mut self, at: u64, now: i64, request: &AcquireRequest) {
        let document = self.mirror.document(&request.name);
        for lease in &mut document.leases {
            if lease.expires_at > now + lease.ttl && lease.cap.is_none() {
                lease.cap = Some(now + lease.ttl);
            }
        }
        let mut blocking = document.leases.iter().filter(|it| it.maybe_live(now));
        let blocked = blocking.clone().next().is_some();
        let dead = |it: &Stored| it.cap.is_some_and(|cap| cap < now);
        if blocked && blocking.all(dead) && document.places.is_empty() {
            let calls: Vec<_> = document.leases.iter().map(|it| it.call).collect();
            let known = document.leases.iter().any(|it| it.id == request.lease);
            if !known {
                self.broken("P5 a ttl from a step back", at, |_| {
                    format!("calls {calls:?} still block `{}`", request.name)
                });
            }
        }
    }

    /// 5: with no lease and no place in the queue, a request is granted.
    fn refused_for_a_reason(
        &mut self,
        at: u64,
        now: i64,
        name: &LockName,
        queued: Option<&AcquireRequest>,
    ) {
        let document = self.mirror.document(name);
        let own = queued.and_then(|request| api::place(request));
        let mut places = document.places.iter().filter(|it| it.maybe_there(now));
        let others = places.any(|it| own.is_none_or(|(client, _)| *it.client != *client));
        let leases = document.leases.iter().any(|it| it.maybe_live(now));
        if !others && !leases {
            self.broken("P5 a free lock is granted", at, |_| {
                format!("`{name}` is free, and was refused")
            });
        }
    }

    fn queued(
        &mut self,
        now: i64,
        who: usize,
        call: usize,
        request: &AcquireRequest,
        seen_at: i64,
    ) {
        let Some((client, waited)) = api::place(request) else {
            return;
        };
        let since = self.decided.saturating_sub(waited);
        let document = self.mirror.document(&request.name);
        let known = document.places.iter_mut().find(|it| *it.client == *client);
        if let Some(place) = known
            && place.lease == request.lease
            && place.maybe_there(now)
        {
            place.seen_at = seen_at;
            place.asked_at = now;
            return;
        }
        document.places.retain(|it| *it.client != *client);
        document.places.push(Place {
            client: client.into(),
            who,
            lease: request.lease,
            call,
            shared: api::is_shared(request),
            permits: request.permits,
            since,
            seen_at,
            asked_at: now,
        });
    }

    /// 4: a release frees its own lease, if that is there.
    fn release(&mut self, at: u64, now: i64, release: &ReleaseRequest, freed: bool) {
        let document = self.mirror.document(&release.name);
        document.look(now);
        document.may_cap(now);
        if release.revoke {
            document.places.retain(|it| it.lease != release.lease);
        }
        let Some(stored) = document.lease(release.lease) else {
            if freed {
                self.broken("P4 own lease only", at, |_| {
                    "a release found a lease that was not there".into()
                });
            }
            return;
        };
        if !freed {
            if stored.surely_live(now) {
                let call = stored.call;
                self.broken("P4 own lease only", at, |_| {
                    format!("the lease of call {call} was not there to be released")
                });
            }
            return;
        }
        let min_hold = release.min_hold.map(millis);
        let acquired_at = stored.acquired_at;
        let free_at = min_hold.map(|time| acquired_at + i64::try_from(time).unwrap_or(0));
        if let Some(free_at) = free_at.filter(|free_at| *free_at > now) {
            stored.released = true;
            stored.expires_at = free_at.min(now + stored.ttl);
            stored.cut_at = stored.expires_at;
        } else {
            document
                .leases
                .retain(|it| it.id != release.lease || it.released);
        }
    }
}
