//! What callers do.

use super::{Generator, one};
use crate::sim::script::{Body, Call, End, GiveUp, Kind, Terms};

impl Generator {
    pub(super) fn call(&mut self, id: usize) -> Call {
        let terms = self.terms(id);
        let kind = self.kind(&terms);
        let terms = Terms {
            renew: terms.renew || matches!(kind, Kind::Lead(_)),
            goes_on: matches!(kind, Kind::Run(_)) && id % 4 == 3,
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
        let max_hold = (renew && self.of_ten(2)).then(|| 1 + self.rng.u64(ttl / 2..2 * ttl));
        let min_hold = self.of_ten(1).then(|| 1 + self.rng.u64(..ttl.min(2000)));
        Terms {
            name,
            // Even: the odd ones are for calls that follow at once. Readers have one in common, and so share
            // holders.
            ttl: if shared && min_hold.is_none() {
                ttl - 2
            } else {
                ttl + 2 * id as u64
            },
            renew,
            max_hold,
            min_hold,
            shared,
            permits,
            goes_on: false,
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
}
