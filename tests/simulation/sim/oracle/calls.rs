//! How calls end: skipped and failed for a reason (7, 9).

use mongo_lock_runtime::LockName;

use super::{Call, Oracle, Phase};
use crate::sim::{
    api::{self, Failure, Named, Request, millis},
    script::{Kind, Terms},
};

impl Oracle {
    pub(crate) fn call_started(
        &mut self,
        at: u64,
        id: usize,
        who: usize,
        kind: Kind,
        terms: Terms,
    ) {
        let mut names = vec![api::name(terms.name)];
        if matches!(kind, Kind::Both(_)) {
            names.push(api::name(terms.name + 1));
        }
        let meets = |call: &Call| {
            let here = call.names.iter().any(|name| names.contains(name));
            here && (call.phase != Phase::Over || call.holds > 0)
        };
        let mut company = false;
        for other in self.calls.values_mut().filter(|call| meets(call)) {
            other.company = true;
            company = true;
        }
        let rivals = self.mirror.documents.iter().any(|(name, document)| {
            names.contains(name)
                && (document.leases.iter().any(|it| it.who != who)
                    || document.places.iter().any(|it| it.who != who))
        });
        let call = Call {
            who,
            kind,
            terms,
            names,
            started: at,
            phase: Phase::Acquiring,
            phase_since: at,
            unpolled: false,
            holds: 0,
            unwanted: None,
            company: company || rivals,
            hurt: false,
            extended_at: None,
            overtaken: 0,
        };
        for name in &call.names {
            let calls = self.by_ttl.entry((terms.ttl, name.clone())).or_default();
            calls.push(id);
        }
        self.calls.insert(id, call);
    }

    /// A request is sent, and something will go wrong with it or is going wrong at present.
    pub(crate) fn sent(&mut self, at: u64, who: usize, request: &Request, trouble: bool) {
        let healthy = self.healthy_since(self.clients[who].slot, at);
        if let Request::Confirm(places) = request
            && (trouble || healthy == at)
        {
            for call in self.calls.values_mut().filter(|call| call.who == who) {
                call.hurt |= places.iter().any(|it| call.names.contains(&it.name));
            }
        }
        let (Request::Acquire(acquire) | Request::HandOver(_, acquire)) = request else {
            return;
        };
        let id = self.call_with(millis(acquire.ttl), &acquire.name);
        for id in self.alike(id, &acquire.name).to_vec() {
            if let Some(call) = self.calls.get_mut(&id) {
                call.hurt |= trouble || healthy == at;
            }
        }
    }

    pub(crate) fn left_unpolled(&mut self, id: usize) {
        if let Some(call) = self.calls.get_mut(&id) {
            call.unpolled = true;
        }
    }

    /// The call has ended without a lease, by being dropped.
    pub(crate) fn cancelled(&mut self, at: u64, id: usize) {
        self.over(at, id);
    }

    /// The call, with all that its caller did, has ended.
    pub(crate) fn over(&mut self, at: u64, id: usize) {
        self.enter(at, id, Phase::Over);
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        if call.holds == 0 {
            call.unwanted.get_or_insert(at);
        }
    }

    pub(crate) fn skipped(&mut self, at: u64, now: i64, id: usize, named: &Named) {
        self.not_skipped_while_live(at, now, id, named);
        self.not_refused_by_itself(at, id, named);
        self.over(at, id);
    }

    /// 7: `Skipped` is never returned while the call's own lease is live.
    fn not_skipped_while_live(&mut self, at: u64, now: i64, id: usize, named: &Named) {
        let mut documents = self.mirror.documents.get(&named.lock).into_iter();
        let live = documents.any(|document| {
            let mut live = document.live(now);
            live.any(|it| {
                let lease = &self.leases[&it.id];
                let surely = lease.delivered || self.is_unlike_others(id, &lease.name);
                lease.call == id && surely && !it.released && !lease.came_back
            })
        });
        if live {
            self.broken("P7 no lease of a call that was skipped", at, |_| {
                format!("call {id} was skipped, and its own lease is live")
            });
        }
    }

    /// 8: a call is not refused by what its own client has let go of.
    fn not_refused_by_itself(&mut self, at: u64, id: usize, named: &Named) {
        let Some(call) = self.calls.get(&id) else {
            return;
        };
        let client = &self.clients[call.who];
        let begun = call.started;
        let healthy = self.healthy_since(client.slot, at);
        let wiped = call.names.iter().any(|name| self.wiped.contains_key(name));
        let settled = healthy == 0 || healthy + self.clean_up() < begun;
        let left: Vec<_> = self.left_behind(id).collect();
        let kept = left.iter().any(|it| *it);
        if named.owner == client.label && !call.company && settled && !kept && !wiped {
            let rule = if named.waits {
                "P8 not refused by its own place"
            } else {
                "P8 not refused by itself"
            };
            self.broken(rule, at, |_| {
                format!(
                    "call {id} was told that its own client has the lock, which had let go of it"
                )
            });
        }
    }

    /// Of every lease of the call's client that keeps the lock taken: whether it may.
    fn left_behind(&self, id: usize) -> impl Iterator<Item = bool> {
        let call = &self.calls[&id];
        let documents = call
            .names
            .iter()
            .filter_map(|name| self.mirror.documents.get(name));
        let leases = documents.flat_map(|document| &document.leases);
        leases.filter(|it| it.who == call.who).map(|it| {
            let lease = &self.leases[&it.id];
            it.released || lease.came_back || self.is_set_back(lease)
        })
    }

    pub(crate) fn failed(&mut self, at: u64, id: usize, failure: &Failure) {
        self.failed_for_a_reason(at, id, failure);
        self.lost_what_it_had(at, id, failure);
        self.over(at, id);
    }

    /// 9: a call fails only when it has been without an answer for the limit itself, or because of an
    /// error that does not pass.
    fn failed_for_a_reason(&mut self, at: u64, id: usize, failure: &Failure) {
        let Some(call) = self.calls.get(&id) else {
            return;
        };
        if call.phase != Phase::Acquiring
            || !matches!(failure, Failure::Timeout | Failure::Database)
        {
            return;
        }
        let client = &self.clients[call.who];
        let hard = call.names.iter().any(|name| {
            let at = client.hard_error.get(name);
            at.is_some_and(|at| *at >= call.started)
        });
        // The next attempt would have begun beyond the limit.
        let pause = match call.kind {
            Kind::Try | Kind::Run(None) => 1000.min(self.limit / 2),
            _ => 50,
        };
        let waited = at - call.phase_since;
        if !hard && waited + pause < self.limit {
            let limit = self.limit;
            self.broken("P9 no failure before the limit", at, |_| {
                format!(
                    "call {id} failed with {failure:?} after {waited} ms; the limit is {limit} ms"
                )
            });
        }
    }

    /// 2: what is said to be lost was held; and what goes on without its lease is not stopped.
    fn lost_what_it_had(&mut self, at: u64, id: usize, failure: &Failure) {
        let Some(call) = self.calls.get(&id).filter(|_| *failure == Failure::Lost) else {
            return;
        };
        if call.phase == Phase::Acquiring && !matches!(call.kind, Kind::Both(_) | Kind::Lead(_)) {
            self.broken("P2 what was never held is not lost", at, |_| {
                format!("call {id} has lost a lease that it never had")
            });
        } else if call.terms.goes_on {
            self.broken("P6 a body that goes on is not stopped", at, |_| {
                format!("the body of call {id} was dropped with its lease")
            });
        }
    }

    /// A request of the client has failed.
    pub(crate) fn error_told(
        &mut self,
        at: u64,
        who: usize,
        names: Vec<LockName>,
        transient: bool,
    ) {
        if !transient {
            for name in names {
                self.clients[who].hard_error.insert(name, at);
            }
        }
    }
}
