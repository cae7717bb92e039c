//! Makes a scenario of a seed.

use fastrand::Rng;

use super::{
    profile::{PROFILES, Profile},
    script::{Act, Body, Call, Class, End, Fate, Fault, GiveUp, Kind, Scenario, Terms, What},
};

/// The same seed gives the same scenario. Without a profile, the seed chooses one.
pub(crate) fn generate(seed: u64, profile: Option<&'static Profile>) -> Scenario {
    let mut rng = Rng::with_seed(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let chosen = &PROFILES[rng.usize(..PROFILES.len())];
    let profile = profile.unwrap_or(chosen);
    let mut generator = Generator {
        time: rng.u64(profile.time.0..=profile.time.1),
        clients: rng.usize(profile.clients.0..=profile.clients.1),
        names: rng.u8(1..=profile.names),
        permits: rng.u32(2..=3),
        limit: *one(&mut rng, &[1000, 1000, 1000, 2000, 5000]),
        calls: Vec::new(),
        profile,
        rng,
    };
    let count = generator.rng.usize(profile.calls.0..=profile.calls.1);
    let mut calls: Vec<_> = (0..count).map(|id| generator.call(id)).collect();
    calls.sort_by_key(|call| call.at);
    generator.calls.clone_from(&calls);
    let faults = generator.faults();
    let latency = *one(&mut generator.rng, &[(1, 2), (1, 2), (1, 12), (3, 40)]);
    Scenario {
        seed,
        profile: profile.name,
        limit: generator.limit,
        clients: generator.clients,
        latency,
        calls,
        faults,
    }
}

struct Generator {
    rng: Rng,
    profile: &'static Profile,
    time: u64,
    clients: usize,
    names: u8,
    permits: u32,
    limit: u64,
    calls: Vec<Call>,
}

fn one<'a, T>(rng: &mut Rng, of: &'a [T]) -> &'a T {
    &of[rng.usize(..of.len())]
}

impl Generator {
    fn of_ten(&mut self, count: u32) -> bool {
        self.rng.u32(..10) < count
    }

    /// Small numbers are as frequent as large ones.
    fn any(&mut self, up_to: u64) -> u64 {
        let scale = *one(&mut self.rng, &[1, 1, 4, 16, 64]);
        self.rng.u64(..=(up_to / scale).max(1))
    }

    fn call(&mut self, id: usize) -> Call {
        let terms = self.terms(id);
        let kind = self.kind(&terms);
        let terms = Terms {
            renew: terms.renew || matches!(kind, Kind::Lead(_)),
            ..terms
        };
        let at = self.any(self.time);
        let give_up = self.give_up(kind);
        Call {
            id,
            at,
            client: self.rng.usize(..self.clients),
            kind,
            terms,
            give_up,
            body: self.body(&terms),
        }
    }

    fn terms(&mut self, id: usize) -> Terms {
        let name = self.rng.u8(..self.names);
        let renew = self.of_ten(self.profile.renewed);
        let ttl = *one(&mut self.rng, self.profile.ttls);
        // What a lock is for is the same for all, as a rule.
        let kind = if self.profile.mixed_kinds && name == 0 {
            self.rng.u8(..3)
        } else {
            name % 3
        };
        let (shared, permits) = match kind {
            0 => (false, 1),
            1 => (self.rng.bool(), 1),
            _ => (false, self.permits),
        };
        Terms {
            name,
            // Even: the odd ones are for calls that follow at once.
            ttl: ttl + 2 * id as u64,
            renew,
            max_hold: (renew && self.of_ten(2)).then(|| 1 + self.rng.u64(ttl / 2..2 * ttl)),
            min_hold: self.of_ten(1).then(|| 1 + self.rng.u64(..ttl.min(2000))),
            shared,
            permits,
        }
    }

    fn kind(&mut self, terms: &Terms) -> Kind {
        let wait = *one(
            &mut self.rng,
            &[
                Some(30),
                Some(300),
                Some(1000),
                Some(5000),
                Some(60_000),
                None,
            ],
        );
        let exclusive = !terms.shared && terms.permits == 1;
        match (self.of_ten(self.profile.waits), self.rng.u8(..10)) {
            (true, 0) if exclusive => Kind::Lead(self.rng.u32(1..=3)),
            (true, 1 | 2) => Kind::Run(wait.or(Some(2000))),
            (true, 3) => Kind::Both(Some(wait.unwrap_or(700).min(5000))),
            (true, _) => Kind::Wait(wait),
            (false, 0) => Kind::Both(None),
            (false, 1..=3) => Kind::Run(None),
            (false, _) => Kind::Try,
        }
    }

    fn give_up(&mut self, kind: Kind) -> GiveUp {
        let endless = matches!(kind, Kind::Wait(None | Some(60_000)) | Kind::Lead(_));
        let time = self.any(5000);
        if !self.of_ten(self.profile.given_up) {
            return if endless && self.rng.bool() {
                GiveUp::After(20_000)
            } else {
                GiveUp::Never
            };
        }
        let polls = self.rng.u32(1..=5);
        if self.of_ten(self.profile.unpolled) {
            return GiveUp::Unpolled(polls, self.rng.u64(500..15_000));
        }
        match self.rng.u8(..5) {
            0 | 1 => GiveUp::After(time),
            2 => GiveUp::AtWake(polls),
            _ => GiveUp::AtPoll(polls),
        }
    }

    fn body(&mut self, terms: &Terms) -> Body {
        let stay = match self.rng.u8(..8) {
            0 => 0,
            // To the end of the lease, and beyond.
            1 | 2 => (2 * terms.ttl).min(15_000),
            3 => self.rng.u64(..3000),
            _ => self.rng.u64(..400),
        };
        let end = match self.rng.u8(..10) {
            _ if self.of_ten(self.profile.unpolled) => {
                End::ReleaseUnpolled(self.rng.u64(1000..20_000))
            }
            0..=4 => End::Release,
            5..=7 => End::Drop,
            8 => End::Panic,
            _ => End::ReleaseCancelled(self.rng.u32(1..=3)),
        };
        let extend = self
            .of_ten(1)
            .then(|| (stay / 3, self.rng.u64(terms.ttl / 2..2 * terms.ttl)));
        Body {
            stay,
            step: (stay / 8).clamp(5, 400),
            extend,
            end,
            again: self.of_ten(3),
        }
    }

    fn faults(&mut self) -> Vec<Fault> {
        let mut faults = Vec::new();
        let profile = self.profile;
        let mut some = |this: &mut Self, most: u32, make: fn(&mut Self) -> Fault| {
            let count = this.rng.u32(..=most);
            faults.extend((0..count).map(|_| make(this)));
        };
        some(self, profile.requests, Self::requests);
        some(self, profile.hangs, Self::hang);
        some(self, profile.fail_overs, Self::fail_over);
        some(self, profile.clocks, Self::clock);
        some(self, profile.pauses, Self::pause);
        some(self, profile.kills, Self::kill);
        some(self, profile.shutdowns, Self::shutdown);
        some(self, profile.operators, Self::operator);
        some(self, profile.deaf, Self::deaf);
        faults
    }

    /// When something is likely to be under way, and who is at it.
    fn moment(&mut self) -> (u64, usize) {
        let at = self.rng.usize(..self.calls.len());
        let (at, client, stay) = {
            let call = &self.calls[at];
            (call.at, call.client, call.body.stay)
        };
        let later = match self.rng.u8(..4) {
            0 | 1 => 0,
            2 => stay.min(5000),
            _ => self.any(1500),
        };
        (at + later, client)
    }

    fn requests(&mut self) -> Fault {
        let (at, client) = self.moment();
        let long = self.of_ten(2);
        let time = if long {
            self.rng.u64(1000..10_000)
        } else {
            self.any(600)
        };
        let what = *one(
            &mut self.rng,
            &[
                What::Any,
                What::Any,
                What::Acquire,
                What::Acquire,
                What::Acquire,
                What::HandOver,
                What::Release,
                What::Release,
                What::Leave,
                What::Renew,
            ],
        );
        Fault::Requests {
            from: at,
            to: at + time + 1,
            client: (!self.of_ten(2)).then_some(client),
            what,
            count: if long { 1000 } else { self.rng.u32(1..=3) },
            fate: self.fate(),
        }
    }

    fn fate(&mut self) -> Fate {
        let class = Class {
            transient: self.of_ten(6),
            unknown: self.rng.bool(),
        };
        // Within the limit, and beyond it.
        let late = self.any(4 * self.limit);
        match self.rng.u8(..12) {
            0 => Fate::Lost,
            1 => Fate::Unanswered,
            2 => Fate::Late(late),
            3 => Fate::AnsweredLate(late),
            4 => Fate::Twice(late),
            5 | 6 => Fate::Cut(late),
            7 => Fate::CutLost,
            8 | 9 => Fate::Refused(class),
            _ => Fate::Failed(Class {
                unknown: true,
                ..class
            }),
        }
    }

    fn hang(&mut self) -> Fault {
        let (at, _) = self.moment();
        Fault::Hang {
            from: at,
            to: at + self.any(4 * self.limit) + 1,
        }
    }

    fn fail_over(&mut self) -> Fault {
        let (at, _) = self.moment();
        Fault::FailOver {
            at: at + self.rng.u64(..20),
            down: self.any(2 * self.limit),
            keep: *one(&mut self.rng, &[0, 500, 1000]),
            clock: *one(&mut self.rng, &[0, 0, -40, 40]),
        }
    }

    fn clock(&mut self) -> Fault {
        let (at, _) = self.moment();
        let by = *one(&mut self.rng, &[100, 1000, 10_000, 600_000]);
        Fault::Clock {
            at: at + self.any(2000),
            by: if self.of_ten(7) { -by } else { by },
        }
    }

    fn pause(&mut self) -> Fault {
        let (from, client) = self.moment();
        Fault::Pause {
            from,
            to: from + self.any(8000) + 1,
            client,
        }
    }

    fn kill(&mut self) -> Fault {
        let (at, client) = self.moment();
        Fault::Kill { at, client }
    }

    fn shutdown(&mut self) -> Fault {
        let (at, client) = self.moment();
        Fault::Shutdown {
            at,
            client,
            wait: *one(&mut self.rng, &[0, 0, 500]),
            limit: *one(&mut self.rng, &[300, 2000, 8000]),
        }
    }

    fn operator(&mut self) -> Fault {
        let (at, _) = self.moment();
        let time = self.any(2000);
        Fault::Operator {
            at,
            name: self.rng.u8(..self.names),
            act: *one(
                &mut self.rng,
                &[
                    Act::Delete,
                    Act::Release,
                    Act::EmptyQueue,
                    Act::Garble(time),
                ],
            ),
        }
    }

    fn deaf(&mut self) -> Fault {
        let (from, _) = self.moment();
        Fault::Deaf {
            from,
            to: from + self.any(3000) + 1,
        }
    }
}
