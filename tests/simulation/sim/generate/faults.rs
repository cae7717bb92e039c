//! What goes wrong.

use super::{Generator, one};
use crate::sim::script::{Act, Class, Fate, Fault, GiveUp, What};

const PASSES: Class = Class {
    transient: true,
    unknown: true,
};

impl Generator {
    pub(super) fn faults(&mut self) -> Vec<Fault> {
        let mut faults = Vec::new();
        let profile = self.profile;
        let mut some = |this: &mut Self, most: u32, make: fn(&mut Self) -> Fault| {
            let count = this.rng.u32(..=most);
            faults.extend((0..count).map(|_| make(this)));
        };
        some(self, profile.requests, Self::requests);
        some(self, profile.partitions, Self::partition);
        some(self, profile.hangs, Self::hang);
        some(self, profile.fail_overs, Self::fail_over);
        some(self, profile.clocks, Self::clock);
        some(self, profile.pauses, Self::pause);
        some(self, profile.kills, Self::kill);
        some(self, profile.shutdowns, Self::shutdown);
        some(self, profile.operators, Self::operator);
        some(self, profile.deaf, Self::deaf);
        for _ in 0..self.rng.u32(..=profile.troubles) {
            faults.extend(self.troubles());
        }
        for _ in 0..profile.cut_off {
            if self.rng.bool() {
                faults.extend(self.cut_off());
            }
        }
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
                What::Wake,
                What::Wake,
                What::Confirm,
                What::Confirm,
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
        let later = if self.of_ten(6) { 0 } else { self.any(400) };
        match self.rng.u8(..12) {
            0 => Fate::Lost,
            1 => Fate::Unanswered,
            2 => Fate::Late(late),
            3 => Fate::AnsweredLate(late),
            4 => Fate::Twice(late),
            5 | 6 => Fate::Cut(late),
            7 => Fate::CutLost,
            8 | 9 => Fate::Refused(class, later),
            _ => Fate::Failed(
                Class {
                    unknown: true,
                    ..class
                },
                later,
            ),
        }
    }

    /// The requests for one call meet with one thing each, and the call is given up meanwhile.
    fn troubles(&mut self) -> Vec<Fault> {
        let at = self.rng.usize(..self.calls.len());
        let (from, client) = (self.calls[at].at, self.calls[at].client);
        let meanwhile = self.any(1000);
        let mut faults = Vec::new();
        match self.rng.u8(..4) {
            0 | 1 => self.calls[at].give_up = GiveUp::After(meanwhile),
            2 if self.profile.shutdowns > 0 => faults.push(Fault::Shutdown {
                at: from + meanwhile,
                client,
                wait: 0,
                limit: *one(&mut self.rng, &[300, 8000]),
            }),
            _ => {}
        }
        for _ in 0..self.rng.u32(2..=4) {
            let fate = match self.rng.u8(..4) {
                0 => Fate::Failed(PASSES, self.any(400)),
                1 => Fate::Refused(
                    Class {
                        unknown: false,
                        ..PASSES
                    },
                    self.any(400),
                ),
                _ => self.fate(),
            };
            faults.push(Fault::Requests {
                from,
                to: from + 3000,
                client: Some(client),
                what: What::Acquire,
                count: 1,
                fate,
            });
        }
        faults
    }

    /// The server's clock is set back while a holder renews a lease that it has extended, and then the
    /// holder is cut off: how long does it rely on what the server says the lease has left?
    fn cut_off(&mut self) -> [Fault; 2] {
        let at = self.rng.usize(..self.calls.len());
        let call = &mut self.calls[at];
        let (begun, client, ttl) = (call.at, call.client, call.terms.ttl);
        call.terms.renew = true;
        call.terms.max_hold = None;
        call.give_up = GiveUp::Never;
        call.body.stay = 8 * ttl;
        call.body.extend = Some((0, self.rng.u64(2 * ttl..4 * ttl)));
        let set = begun + self.rng.u64(ttl / 4..ttl);
        let cut = set + self.rng.u64(..ttl);
        let by = *one(&mut self.rng, &[-2000, -600_000]);
        let cut_off = Fault::Requests {
            from: cut,
            to: cut + 6 * ttl,
            client: Some(client),
            what: What::Any,
            count: 1_000_000,
            fate: *one(&mut self.rng, &[Fate::Lost, Fate::CutLost]),
        };
        [Fault::Clock { at: set, by }, cut_off]
    }

    fn partition(&mut self) -> Fault {
        let (from, client) = self.moment();
        Fault::Requests {
            from,
            to: from + self.any(12_000) + 1,
            client: Some(client),
            what: What::Any,
            count: 1_000_000,
            fate: *one(&mut self.rng, &[Fate::Lost, Fate::CutLost]),
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
