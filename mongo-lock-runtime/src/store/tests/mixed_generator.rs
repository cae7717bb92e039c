//! Random sequences with requests of all kinds: readers and writers, permits, queues, hand-overs.

use fastrand::Rng;

use super::{
    fixture::{Action, Released, Renew, Slot, Terms},
    plain_generator::Step,
};

const NAMES: u8 = 2;
const LEASES: u8 = 5;
const CLIENTS: u8 = 3;

const TTLS: [u64; 6] = [5, 10, 20, 50, 2000, 9000];
const WAITS: [i64; 14] = [0, 0, 0, 1, 1, 2, 5, 10, 20, 1500, 3000, 5000, -3, -7000];

pub(super) fn mixed(seed: u64) -> Vec<Step> {
    let mut generator = Generator(Rng::with_seed(seed));
    // Sometimes the clients agree on the lock's terms, and sometimes not.
    let agreed = generator.terms();
    let agree = generator.0.u8(..4) > 0;
    let length = generator.0.usize(8..=14);
    (0..length)
        .map(|_| {
            let terms = if agree && generator.0.u8(..4) > 0 {
                agreed
            } else {
                generator.terms()
            };
            Step {
                wait: generator.one_of(&WAITS),
                action: generator.action(terms),
            }
        })
        .collect()
}

struct Generator(Rng);

impl Generator {
    /// Whether the request is a reader's, and the number of permits.
    fn terms(&mut self) -> (bool, u32) {
        self.one_of(&[
            (true, u32::MAX),
            (false, 1),
            (false, 1),
            (false, 2),
            (false, 3),
        ])
    }

    fn action(&mut self, (shared, permits): (bool, u32)) -> Action {
        let lease = self.slot();
        match self.0.u8(..100) {
            ..60 => {
                let client = self.0.u8(..3) > 0;
                let hands_over = self.0.u8(..4) == 0;
                Action::General(Terms {
                    lease,
                    attempt: self.0.u32(..3),
                    ttl: self.one_of(&TTLS),
                    shared,
                    permits,
                    client: client.then(|| (lease.nth % CLIENTS, self.0.u64(..20))),
                    released: hands_over.then(|| {
                        let nth = self.0.u8(..LEASES);
                        let min_hold = self.0.u8(..4) == 0;
                        Released {
                            lease: Slot { nth, ..lease },
                            min_hold: min_hold.then(|| self.one_of(&TTLS)),
                            revoke: self.0.u8(..6) == 0,
                        }
                    }),
                    share: None,
                })
            }
            60..66 => Action::Acquire {
                lease,
                attempt: 0,
                ttl: self.one_of(&TTLS),
            },
            66..84 => Action::Release(Released {
                lease,
                min_hold: (self.0.u8(..4) == 0).then(|| self.one_of(&TTLS)),
                revoke: self.0.u8(..8) == 0,
            }),
            84..91 => Action::Renew(vec![Renew {
                lease,
                ttl: self.one_of(&TTLS),
                alone: false,
            }]),
            91..97 => Action::Leave {
                name: lease.name,
                client: self.0.u8(..CLIENTS),
            },
            _ => Action::Delete { name: lease.name },
        }
    }

    fn slot(&mut self) -> Slot {
        Slot {
            name: u8::from(self.0.u8(..8) == 0) % NAMES,
            nth: self.0.u8(..LEASES),
        }
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.0.usize(..choices.len())]
    }
}
