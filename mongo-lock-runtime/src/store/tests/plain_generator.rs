//! Random sequences of commands, small enough for their leases to get in each other's way.

use fastrand::Rng;

use super::fixture::{Action, Released, Renew, Slot};

const NAMES: u8 = 2;
const LEASES: u8 = 3;

/// Few times, so that leases often end exactly when something else happens.
const TIMES: [u64; 6] = [1, 2, 5, 10, 10, 20];
const WAITS: [i64; 8] = [0, 0, 0, 0, 1, 5, 10, 20];

#[derive(Debug, Clone)]
pub(super) struct Step {
    /// The time since the step before. Negative when the clock is set back, as it is when a node whose
    /// clock is behind becomes the primary.
    pub(super) wait: i64,
    pub(super) action: Action,
}

/// The sequence for a seed, whatever the stores do.
pub(super) fn random(seed: u64) -> Vec<Step> {
    let mut generator = Generator {
        rng: Rng::with_seed(seed),
        now: 0,
        holders: [None; NAMES as usize],
    };
    let length = generator.rng.usize(5..=7);
    let mut steps: Vec<_> = (0..length).map(|_| generator.step()).collect();
    // The last request is for a new lease: its answer shows the state that the others have left.
    let stranger = Slot {
        name: generator.name(),
        nth: LEASES,
    };
    let action = Action::Acquire {
        lease: stranger,
        attempt: 0,
        ttl: 1,
    };
    steps.push(Step { wait: 0, action });
    steps
}

struct Generator {
    rng: Rng,
    now: i64,
    /// The lease that each lock probably has, and its end.
    holders: [Option<(Slot, i64)>; NAMES as usize],
}

impl Generator {
    fn step(&mut self) -> Step {
        let back = self.rng.u8(..20) == 0;
        let wait = if back {
            -self.one_of(&[1, 2, 3, 3, 15])
        } else {
            self.one_of(&WAITS)
        };
        self.now += wait;
        // Nothing but an acquisition makes anything of a lock that is free.
        let free = self.holders[0].is_none() && self.rng.u8(..3) > 0;
        let action = match if free { 0 } else { self.rng.u8(..100) } {
            ..36 => Action::Acquire {
                lease: self.slot(20),
                attempt: self.rng.u32(..3),
                ttl: self.one_of(&TIMES),
            },
            36..65 => Action::Release(Released {
                lease: self.slot(70),
                min_hold: (self.rng.u8(..3) > 0).then(|| self.one_of(&TIMES)),
                revoke: self.rng.u8(..6) == 0,
            }),
            65..95 => {
                let count = self.one_of(&[1, 1, 1, 2, 3, 4]);
                let renew = |_| Renew {
                    lease: self.slot(85),
                    ttl: self.one_of(&TIMES),
                    alone: self.rng.u8(..4) == 0,
                };
                Action::Renew((0..count).map(renew).collect())
            }
            _ => Action::Delete { name: self.name() },
        };
        self.guess(&action);
        Step { wait, action }
    }

    /// Only roughly: the stores decide.
    fn guess(&mut self, action: &Action) {
        match *action {
            Action::Acquire { lease, ttl, .. } => {
                let holder = &mut self.holders[usize::from(lease.name)];
                if holder.is_none_or(|(_, until)| until <= self.now) {
                    *holder = Some((lease, self.now.saturating_add_unsigned(ttl)));
                }
            }
            Action::Release(Released {
                lease,
                min_hold: None,
                ..
            }) => {
                let holder = &mut self.holders[usize::from(lease.name)];
                *holder = holder.filter(|(holder, _)| *holder != lease);
            }
            Action::Delete { name } => self.holders[usize::from(name)] = None,
            _ => {}
        }
    }

    /// The last holder, with a probability in percent, or any of the leases: what strikes at random
    /// is seldom the one that is there.
    fn slot(&mut self, holder: u8) -> Slot {
        let name = self.name();
        let any = Slot {
            name,
            nth: self.rng.u8(..LEASES),
        };
        match self.holders[usize::from(name)] {
            Some((last, _)) if self.rng.u8(..100) < holder => last,
            _ => any,
        }
    }

    /// The first one has most of the traffic, since each lock needs some for anything to happen.
    fn name(&mut self) -> u8 {
        u8::from(self.rng.u8(..4) == 0)
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.rng.usize(..choices.len())]
    }
}
