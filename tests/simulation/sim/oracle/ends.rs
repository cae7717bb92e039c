//! How leases end: at their deadlines, for good, and not for nothing (2); and what may come after.

use super::{Hold, Oracle};
use crate::sim::{
    api::{Request, millis},
    script::{Fault, Kind},
};

/// By how much a body may be dropped after its deadline: timers count whole milliseconds.
const LATE: u64 = 2;

/// A term shorter than this, its release included, is followed by a pause of at least so long.
const SHORT_TERM: u64 = 1000;
const PAUSE: u64 = 74;

/// The longest pause between two attempts at a release: one that would come after the end of the lease is
/// not made.
const LAST_PAUSE: i64 = 1250;

impl Oracle {
    /// The caller does not rely on it any more: it is about to be released, or dropped.
    pub(crate) fn hold_ended(&mut self, at: u64, number: usize) {
        let Some(hold) = self.holds.remove(&number) else {
            return;
        };
        if let Some(call) = self.calls.get_mut(&hold.call) {
            call.holds -= 1;
            if call.holds == 0 && call.phase == super::Phase::Over {
                call.unwanted = Some(at);
            }
        }
        let lost = hold.handle.check().is_err();
        self.stopped_in_time(at, &hold);
        if lost {
            self.lost_for_a_reason(at, &hold);
        } else if matches!(self.calls[&hold.call].kind, Kind::Lead(_)) {
            let until = (at + PAUSE).min(hold.since + SHORT_TERM);
            self.pauses.insert(hold.call, until);
        }
        self.ended.push(hold);
    }

    /// Whether the library itself has to stop the body.
    fn is_body(&self, call: usize) -> bool {
        let call = &self.calls[&call];
        matches!(call.kind, Kind::Run(_) | Kind::Lead(_)) && !call.terms.goes_on && !call.unpolled
    }

    /// 2: a body is dropped at its deadline, whatever it waits for.
    fn stopped_in_time(&mut self, at: u64, hold: &Hold) {
        let (call, lease) = (&self.calls[&hold.call], &self.leases[&hold.lease]);
        let most = call.terms.max_hold.map(|limit| lease.sent + limit);
        let bound = most.map_or(lease.bound, |most| most.min(lease.bound));
        let excused = self.clients[hold.who].dead || self.paused(hold.who, bound, at) > 0;
        if self.is_body(hold.call) && !excused && at > bound + LATE {
            let call = hold.call;
            self.broken("P2 a body is stopped at its deadline", at, |_| {
                format!("the body of call {call} was there until now; it had until {bound}")
            });
        }
    }

    /// 2: a healthy server, and a process that runs, lose no renewed lease.
    fn lost_for_a_reason(&mut self, at: u64, hold: &Hold) {
        let (call, lease) = (&self.calls[&hold.call], &self.leases[&hold.lease]);
        let client = &self.clients[hold.who];
        let shuts_down = self.faults.iter().any(|fault| {
            matches!(*fault, Fault::Shutdown { client: slot, at: then, .. }
                if slot == client.slot && then <= at)
        });
        let healthy = self.healthy_since(client.slot, at) < lease.sent;
        let set = self.steps.iter().any(|(step, _)| *step >= lease.sent);
        // The first renewal, and the next one, are answered before the deadline.
        let ttl = call.terms.ttl;
        let slow = (ttl / 3).max(self.round_trip) + self.round_trip + 10 > ttl - ttl / 5;
        let excused = shuts_down || set || slow || lease.excused > 0 || lease.wiped;
        if call.terms.renew && call.terms.max_hold.is_none() && healthy && !excused {
            let call = hold.call;
            self.broken("P2 a healthy server loses no renewed lease", at, |_| {
                format!("call {call} has lost its lease, and nothing was wrong")
            });
        }
    }

    /// 2: the end of a lease is final for its holder, whatever answers come later.
    pub(super) fn ends_are_final(&mut self, at: u64) {
        let mut ended = self.ended.iter();
        if let Some(hold) = ended.find(|hold| hold.handle.check().is_ok()) {
            let call = hold.call;
            self.broken("P2 an end is final", at, |_| {
                format!("the lease of call {call} had ended, and is relied on again")
            });
        }
    }

    /// 8: a shutdown that is over has stopped every body, and has not given up before its limit.
    pub(crate) fn shut_down_is_done(
        &mut self,
        (at, now): (u64, i64),
        who: usize,
        (begun, limit): (u64, u64),
        clean: bool,
    ) {
        if self.paused(who, begun, at) > 0 {
            return;
        }
        let mut holds = self.holds.values();
        let left = holds.find(|hold| hold.who == who && self.is_body(hold.call));
        if let Some(call) = left.map(|hold| hold.call) {
            self.broken("P8 a shutdown stops the bodies", at, |_| {
                format!("the body of call {call} goes on after the shutdown")
            });
        }
        let refused = !self.clients[who].hard_error.is_empty();
        let documents = self.mirror.documents.values();
        let lasts = documents.flat_map(|document| document.live(now)).any(|it| {
            let lease = &self.leases[&it.id];
            let unknown = lease.came_back || self.is_set_back(lease);
            // Its release may be given up when the next attempt would come too late.
            it.who == who && !unknown && it.expires_at > now + LAST_PAUSE
        });
        if !clean && lasts && !refused && at + LATE < begun + limit {
            self.broken("P8 a shutdown waits for releases", at, |_| {
                format!("it said after {} ms that locks stay taken", at - begun)
            });
        }
    }

    /// 9: a candidate whose term was short pauses before it stands again.
    pub(super) fn pauses_between_terms(&mut self, at: u64, call: usize) {
        if let Some(until) = self.pauses.remove(&call).filter(|until| at < *until) {
            self.broken("P9 a short term is followed by a pause", at, |_| {
                format!("call {call} leads again, and had to pause until {until}")
            });
        }
    }

    /// A lock is kept for `min_hold`, once a caller has had the lease.
    pub(crate) fn keeps_min_hold(&mut self, at: u64, request: &Request) {
        let (Request::Release(release) | Request::HandOver(release, _)) = request else {
            return;
        };
        let lease = self.leases.get(&release.lease);
        let Some(lease) = lease.filter(|lease| lease.delivered) else {
            return;
        };
        let call = lease.call;
        let wanted = self.calls.get(&call).and_then(|call| call.terms.min_hold);
        let kept = release.min_hold.map(millis);
        if wanted != kept {
            self.broken("P5 a lock is kept for its min_hold", at, |_| {
                format!("call {call} asked for {wanted:?}, and the release for {kept:?}")
            });
        }
    }

    /// Lets go of the leases, which hold the world in turn.
    pub(crate) fn let_go(&mut self) -> impl Sized + use<> {
        (
            std::mem::take(&mut self.holds),
            std::mem::take(&mut self.ended),
        )
    }
}
