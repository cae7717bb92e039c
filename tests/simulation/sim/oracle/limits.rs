//! Every call ends within its own time limit (9).

use super::{Oracle, Phase};
use crate::sim::script::Kind;

/// What a call may take beyond its limit, besides one way there and back.
const GRACE: u64 = 250;

/// How long a lock can be free, without other callers, before a call has it: a client that has missed
/// the news looks for itself every two seconds.
const PROMPT: u64 = 3000;

impl Oracle {
    pub(crate) fn acquiring(&mut self, at: u64, id: usize) {
        self.enter(at, id, Phase::Acquiring);
    }

    pub(crate) fn holding(&mut self, at: u64, id: usize) {
        self.enter(at, id, Phase::Holding);
    }

    pub(crate) fn extending(&mut self, at: u64, id: usize) {
        self.enter(at, id, Phase::Extending);
        if let Some(call) = self.calls.get_mut(&id) {
            call.extended_at = Some(at);
        }
    }

    pub(crate) fn releasing(&mut self, at: u64, id: usize, guards: u64) {
        self.enter(at, id, Phase::Releasing(guards));
    }

    pub(super) fn enter(&mut self, at: u64, id: usize, phase: Phase) {
        self.ends_in_time(at, id);
        if let Some(call) = self.calls.get_mut(&id) {
            call.phase = phase;
            call.phase_since = at;
        }
    }

    /// 9: the phase of a call ends within its limit.
    fn ends_in_time(&mut self, at: u64, id: usize) {
        let Some(call) = self.calls.get(&id) else {
            return;
        };
        let client = &self.clients[call.who];
        let limit = match (call.phase, call.kind) {
            (Phase::Holding | Phase::Over, _)
            | (Phase::Acquiring, Kind::Wait(None) | Kind::Lead(_)) => None,
            (Phase::Acquiring, Kind::Try | Kind::Run(None)) | (Phase::Extending, _) => {
                Some(self.limit)
            }
            (Phase::Acquiring, Kind::Wait(Some(wait)) | Kind::Run(Some(wait))) => {
                Some(wait + self.limit)
            }
            // What was acquired first is released when the second is refused.
            (Phase::Acquiring, Kind::Both(wait)) => {
                Some(2 * (wait.unwrap_or(0) + self.limit) + self.limit)
            }
            (Phase::Releasing(guards), _) => Some(guards * self.limit),
        };
        let Some(limit) = limit.filter(|_| !call.unpolled && !client.dead) else {
            return;
        };
        let paused = self.paused(call.who, call.phase_since, at);
        let took = at - call.phase_since - paused;
        if took > limit + GRACE + self.round_trip {
            let phase = call.phase;
            self.broken("P9 within its own limit", at, |_| {
                format!("call {id} is {phase:?} for {took} ms; its limit is {limit} ms")
            });
        }
    }

    /// 9: so does a shutdown.
    pub(crate) fn shut_down_in_time(&mut self, at: u64, who: usize, begun: u64, limit: u64) {
        let paused = self.paused(who, begun, at);
        let took = at - begun - paused;
        if took > limit + GRACE {
            self.broken("P9 within its own limit", at, |_| {
                format!("a shutdown took {took} ms; its limit is {limit} ms")
            });
        }
    }

    /// 8: the library itself does not panic.
    pub(crate) fn panicked(&mut self, at: u64) {
        self.broken("P8 no panic of its own", at, |_| {
            "a task of the library has panicked".into()
        });
    }

    /// Every now and then.
    pub(crate) fn look(&mut self, at: u64, now: i64) {
        let running = self
            .calls
            .iter()
            .filter(|(_, call)| call.phase != Phase::Over);
        let running: Vec<_> = running.map(|(id, _)| *id).collect();
        for id in running {
            self.ends_in_time(at, id);
        }
        self.free_lock_is_had(at, now);
        self.nothing_is_left(at, now);
        self.ends_are_final(at);
    }

    /// 9: on a healthy network, the only caller of a free lock has it soon.
    fn free_lock_is_had(&mut self, at: u64, now: i64) {
        for (name, document) in &self.mirror.documents {
            if document.maybe_taken(now) {
                let own = |who: usize| document.places.iter().all(|it| it.who == who);
                let taken = document.leases.iter().any(|it| it.maybe_live(now));
                let alone = (0..self.clients.len()).any(own);
                if taken || !alone {
                    self.busy.insert(name.clone(), at);
                }
            }
        }
        // While a call of a client holds a lock, as far as it knows, its other calls are refused.
        for call in self.calls.values().filter(|call| call.holds > 0) {
            for name in &call.names {
                self.busy.insert(name.clone(), at);
            }
        }
        let mut late = None;
        for (id, call) in &self.calls {
            let client = &self.clients[call.who];
            if call.phase != Phase::Acquiring
                || call.unpolled
                || call.hurt
                || client.dead
                || matches!(call.kind, Kind::Both(_))
            {
                continue;
            }
            let name = &call.names[0];
            let first = self.calls.iter().all(|(other, it)| {
                let before = it.phase != Phase::Over && it.started <= call.started;
                let there = before || it.holds > 0;
                other == id || !there || !it.names.contains(name)
            });
            let busy = self.busy.get(name).copied().unwrap_or(0);
            let set = self.steps.last().map_or(0, |(at, _)| *at);
            let since = [
                call.phase_since,
                busy,
                set,
                self.answered_since(client.slot, at),
            ];
            let since = since.into_iter().max().unwrap_or(0);
            // A candidate pauses after a short term, for up to 10 s.
            let pause = if matches!(call.kind, Kind::Lead(_)) {
                10_000
            } else {
                0
            };
            if first && at > since + PROMPT + pause {
                late = Some((*id, since));
            }
        }
        if let Some((id, since)) = late {
            self.broken("P9 a free lock is had soon", at, |_| {
                format!("call {id} waits alone for a lock that is free since {since}")
            });
        }
    }
}
