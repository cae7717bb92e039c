//! Who waits is served in the order of asking (9).

use mongo_lock_runtime::LockName;

use super::{
    Oracle, Phase,
    mirror::{Stored, fits},
};
use crate::sim::{
    api::{self, AcquireRequest},
    script::Kind,
};

/// How often a call may be overtaken: between two requests of its client, its place may be another
/// caller's.
const OFTEN: u32 = 2;

impl Oracle {
    /// 9: a lease is not granted to a later request that keeps an earlier one from being served.
    pub(super) fn overtakes(
        &mut self,
        at: u64,
        now: i64,
        name: &LockName,
        request: &AcquireRequest,
        new: &Stored,
    ) {
        let place = api::place(request);
        let decided = self.decided;
        let document = self.mirror.document(name);
        let ours = place.and_then(|(client, _)| {
            let mut places = document.places.iter();
            places.find(|it| *it.client == *client && it.lease == request.lease)
        });
        let since = ours.map_or_else(
            || decided.saturating_sub(place.map_or(0, |(_, waited)| waited)),
            |it| it.since,
        );
        let beside = || document.live(now).chain(std::iter::once(new));
        let waiting = document.places.iter().filter(|it| {
            it.surely_there(now)
                && it.since < since
                && place.is_none_or(|(client, _)| *it.client != *client)
                && !fits(it.shared, it.permits, beside())
        });
        let waiting: Vec<_> = waiting.map(|it| (it.call, it.since)).collect();
        for (call, since) in waiting {
            let set = self.steps.iter().any(|(step, _)| *step >= since);
            let waits = self.calls.get(&call).is_some_and(|call| {
                call.phase == Phase::Acquiring
                    && !self.clients[call.who].dead
                    && !is_late(call.kind, call.phase_since, at)
            });
            if waits && !set && self.is_unlike_others(call, name) {
                self.overtaken(at, name, call, new.call);
            }
        }
        self.overtakes_at_home(at, now, name, new);
    }

    /// 9: within one client too.
    fn overtakes_at_home(&mut self, at: u64, now: i64, name: &LockName, new: &Stored) {
        let waits = |kind: Kind| matches!(kind, Kind::Wait(_) | Kind::Lead(_) | Kind::Run(Some(_)));
        let Some(ours) = self.calls.get(&new.call) else {
            return;
        };
        // A request that arrives after its call has failed was sent in time.
        let late = ours.phase == Phase::Over;
        if late || !waits(ours.kind) || !self.is_unlike_others(new.call, name) {
            return;
        }
        let document = self.mirror.documents.get(name);
        let live = document.into_iter().flat_map(|document| document.live(now));
        let beside: Vec<_> = live.chain(std::iter::once(new)).cloned().collect();
        let earlier = self.calls.iter().filter(|(id, call)| {
            **id != new.call
                && call.who == ours.who
                && call.phase == Phase::Acquiring
                && !call.unpolled
                && !is_late(call.kind, call.phase_since, at)
                && waits(call.kind)
                && !matches!(call.kind, Kind::Lead(_))
                && call.names.contains(name)
                && call.phase_since + 1 < ours.phase_since
                && !fits(call.terms.shared, permits(&call.terms), beside.iter())
        });
        let earlier: Vec<_> = earlier.map(|(id, _)| *id).collect();
        if !matches!(ours.kind, Kind::Lead(_)) {
            for call in earlier {
                self.overtaken(at, name, call, new.call);
            }
        }
    }

    fn overtaken(&mut self, at: u64, name: &LockName, call: usize, by: usize) {
        let Some(facts) = self.calls.get_mut(&call) else {
            return;
        };
        facts.overtaken += 1;
        let times = facts.overtaken;
        if times > OFTEN {
            self.broken("P9 in the order of asking", at, |_| {
                format!("call {call}, which waits for `{name}`, was overtaken {times} times, by call {by} last")
            });
        }
    }
}

fn permits(terms: &crate::sim::script::Terms) -> u32 {
    if terms.shared {
        u32::MAX
    } else {
        terms.permits
    }
}

/// Whether a call has waited for as long as it may, and only cleans up.
fn is_late(kind: Kind, since: u64, at: u64) -> bool {
    match kind {
        Kind::Wait(Some(limit)) | Kind::Run(Some(limit)) => at >= since + limit,
        _ => false,
    }
}
