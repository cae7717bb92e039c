//! Bodies and guards: what the library vouches for (1, 2).

use super::{Hold, Oracle};
use crate::sim::api::LeaseHandle;

impl Oracle {
    /// A caller has come to hold a lock. Gives the number under which its steps are known.
    pub(crate) fn hold_started(&mut self, at: u64, call: usize, handle: LeaseHandle) -> usize {
        let name = handle.name().clone();
        let (who, number) = (self.calls[&call].who, self.next_hold);
        self.next_hold += 1;
        let token = handle.token();
        let mut leases = self.leases.iter();
        let lease = leases.find(|(_, it)| {
            let granted = it.grants.iter().any(|(given, ..)| *given == token);
            it.name == name && granted && self.alike(it.call, &name).contains(&call)
        });
        let lease = lease.map(|(id, _)| *id);
        let Some(lease) = lease else {
            self.broken("P1 a holder was granted its lease", at, |_| {
                format!("call {call} holds `{name}` with token {token}, which was not given to it")
            });
            return number;
        };
        if let Some(facts) = self.leases.get_mut(&lease) {
            facts.delivered = true;
            facts.call = call;
            let mut grants = facts.grants.iter();
            if let Some(grant) = grants.find(|(given, ..)| *given == token) {
                (facts.token, facts.holder, facts.sent) = *grant;
            }
        }
        self.pauses_between_terms(at, call);
        let facts = self.calls.get_mut(&call).expect("it was started");
        facts.holds += 1;
        facts.unwanted = None;
        let hold = Hold {
            call,
            who,
            name,
            lease,
            handle,
            since: at,
        };
        self.holds.insert(number, hold);
        number
    }

    /// A body, or the holder of a guard that has just asked its lease, does something.
    pub(crate) fn step(&mut self, at: u64, number: usize) {
        self.step_before_the_end(at, number);
        self.step_alone(at, number);
    }

    /// 2: no step later than the ttl, less the margin, after the granted request was sent.
    fn step_before_the_end(&mut self, at: u64, number: usize) {
        let Some(hold) = self.holds.get(&number) else {
            return;
        };
        let (call, facts) = (hold.call, &self.leases[&hold.lease]);
        let (bound, sent) = (facts.bound, facts.sent);
        if at >= bound {
            self.broken("P2 no step after the deadline", at, |_| {
                format!("call {call} took a step; granted by what was sent at {sent}, it had until {bound}")
            });
        }
        let limit = self.calls[&call].terms.max_hold;
        if let Some(limit) = limit.filter(|limit| at >= sent + limit) {
            self.broken("P2 no step after max_hold", at, |_| {
                format!("call {call} took a step; it had {limit} ms from {sent}")
            });
        }
    }

    /// 1: no two bodies at once.
    fn step_alone(&mut self, at: u64, number: usize) {
        let Some(hold) = self.holds.get(&number) else {
            return;
        };
        if at < self.leases[&hold.lease].excused {
            return;
        }
        let terms = &self.calls[&hold.call].terms;
        let beside = self.holds.iter().filter(|(other, it)| {
            **other != number
                && it.name == hold.name
                && it.lease != hold.lease
                && at >= self.leases[&it.lease].excused
                && it.handle.check().is_ok()
        });
        let (mut count, mut allowed, mut modes) = (1, terms.permits, true);
        let mut calls = vec![hold.call];
        for (_, other) in beside {
            let other_terms = &self.calls[&other.call].terms;
            count += 1;
            allowed = allowed.min(other_terms.permits);
            modes &= other_terms.shared == terms.shared;
            calls.push(other.call);
        }
        let name = hold.name.clone();
        if !modes || !terms.shared && count > allowed {
            self.broken("P1 one body at a time", at, |_| {
                format!("calls {calls:?} hold `{name}` at once")
            });
        }
    }

    /// 6: a body that has finished gives its result, whatever its release comes to.
    pub(crate) fn result(&mut self, at: u64, call: usize, finished: bool, given: bool) {
        if finished && !given {
            self.broken("P6 the body's result is given", at, |_| {
                format!("the body of call {call} had finished, and its caller got something else")
            });
        }
    }
}
