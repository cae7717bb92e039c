//! Random sequences with everything in them: readers and writers, permits, places in line, hand-overs.
//! And somebody who holds the answers to the promises.

use std::collections::BTreeMap;

use fastrand::Rng;

use super::{
    scene::{Action, Answer, Ask, Grant, Renew, Slot},
    sequence::Step,
    witness::{Event, Events, Judge},
};

const NAMES: u8 = 2;
const LEASES: u8 = 5;
const LINES: u8 = 3;

const TTLS: [u64; 6] = [5, 10, 20, 50, 2000, 9000];
const WAITS: [i64; 12] = [0, 0, 0, 1, 1, 2, 5, 10, 20, 1500, 3000, 5000];

pub(super) fn crowd(seed: u64) -> Vec<Step> {
    let mut dice = Dice(Rng::with_seed(seed));
    // Sometimes they agree on what the lock is, and sometimes not.
    let agreed = dice.terms();
    let agree = dice.0.u8(..4) > 0;
    let length = dice.0.usize(8..=14);
    (0..length)
        .map(|_| {
            let terms = if agree && dice.0.u8(..4) > 0 {
                agreed
            } else {
                dice.terms()
            };
            Step {
                wait: dice.one_of(&WAITS),
                action: dice.action(terms),
            }
        })
        .collect()
}

struct Dice(Rng);

impl Dice {
    /// Whether it is a reader's, and how many permits there are.
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
                let line = self.0.u8(..3) > 0;
                let hands_over = self.0.u8(..4) == 0;
                Action::Ask(Ask {
                    lease,
                    ttl: self.one_of(&TTLS),
                    shared,
                    permits,
                    line: line.then(|| (lease.nth % LINES, self.0.u64(..20))),
                    released: hands_over.then(|| {
                        let nth = self.0.u8(..LEASES);
                        let min_hold = self.0.u8(..4) == 0;
                        let other = Slot { nth, ..lease };
                        (other, min_hold.then(|| self.one_of(&TTLS)))
                    }),
                })
            }
            60..66 => Action::Acquire {
                lease,
                ttl: self.one_of(&TTLS),
            },
            66..84 => Action::Release {
                lease,
                min_hold: (self.0.u8(..4) == 0).then(|| self.one_of(&TTLS)),
            },
            84..91 => Action::Renew(vec![Renew {
                lease,
                ttl: self.one_of(&TTLS),
                alone: false,
            }]),
            91..97 => Action::Leave {
                name: lease.name,
                line: self.0.u8(..LINES),
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

/// Knows nothing but the answers.
#[derive(Debug, Default)]
pub(super) struct Crowd {
    locks: BTreeMap<u8, Lock>,
    events: Events,
}

#[derive(Debug, Default)]
struct Lock {
    held: Vec<Held>,
    /// The last token, and whether the document has been deleted since.
    last: Option<(i64, bool)>,
}

#[derive(Debug)]
struct Held {
    /// `None` once it is released, and kept by its `min_hold`.
    lease: Option<Slot>,
    shared: bool,
    permits: u32,
    grant: Grant,
    until: i64,
}

impl Judge for Crowd {
    fn events(self) -> Events {
        self.events
    }

    fn sees(&mut self, now: i64, action: &Action, answer: &Answer) -> Result<(), String> {
        match (action, answer) {
            (Action::Acquire { lease, ttl }, answer) => {
                let plain = Ask {
                    lease: *lease,
                    ttl: *ttl,
                    shared: false,
                    permits: 1,
                    line: None,
                    released: None,
                };
                self.asked(now, &plain, answer)
            }
            (Action::Ask(ask), Answer::HandedOver(there, answer)) => {
                let (lease, min_hold) = ask.released.ok_or("nothing was to be released")?;
                // A hand-over looks at what is live; nothing else is left of an expired lease.
                let live = self
                    .lock(lease)
                    .find(lease)
                    .is_some_and(|it| it.until > now);
                let min_hold = min_hold.filter(|_| live);
                self.released(now, lease, min_hold, *there)?;
                self.saw(match **answer {
                    Answer::Granted(_) => Event::HandedOver,
                    _ => Event::HandedToNobody,
                });
                self.asked(now, ask, answer)
            }
            (Action::Ask(ask), answer) => self.asked(now, ask, answer),
            (Action::Release { lease, min_hold }, Answer::Released(there)) => {
                self.released(now, *lease, *min_hold, *there)
            }
            (Action::Renew(leases), Answer::Renewed { gone, .. }) => {
                for renew in leases {
                    let held = self.lock(renew.lease).find(renew.lease);
                    let held = held.filter(|held| held.until > now);
                    if held.is_some() == gone.contains(&renew.lease) {
                        return Err(format!("{held:?}"));
                    }
                    if let Some(held) = held {
                        held.until = held.until.max(now.saturating_add_unsigned(renew.ttl));
                    }
                }
                Ok(())
            }
            (Action::Leave { .. }, Answer::Left) => Ok(()),
            (Action::Delete { name }, Answer::Deleted(_)) => {
                let lock = self.locks.entry(*name).or_default();
                let held = lock.held.iter().any(|held| held.until > now);
                lock.held.clear();
                lock.last = lock.last.map(|(token, _)| (token, true));
                if held {
                    self.saw(Event::DeletedWhileHeld);
                }
                Ok(())
            }
            _ => Err("no answer to this".to_owned()),
        }
    }
}

impl Crowd {
    fn asked(&mut self, now: i64, ask: &Ask, answer: &Answer) -> Result<(), String> {
        match answer {
            Answer::Granted(grant) => self.granted(now, ask, *grant),
            Answer::Refused(refusal) if ask.line.is_none() => {
                self.saw(Event::Refused);
                self.told(now, ask, refusal.token, refusal.until)
            }
            Answer::Queued { refusal, .. } if ask.line.is_some() => {
                self.saw(Event::Queued);
                self.told(now, ask, refusal.token, refusal.until)
            }
            _ => Err("no answer to this".to_owned()),
        }
    }

    /// Whoever is refused is told of a lease that is live, or of somebody who is next.
    fn told(&mut self, now: i64, ask: &Ask, token: i64, until: i64) -> Result<(), String> {
        if until <= now {
            return Err("that is over".to_owned());
        }
        let lock = self.lock(ask.lease);
        let live = |held: &&Held| held.until > now;
        if !lock.held.iter().any(|held| live(&held)) {
            self.saw(Event::QueuedForFree);
            return Ok(());
        }
        let mut held = lock.held.iter().filter(live);
        let known = held.any(|held| held.grant.token == token && held.until == until);
        known
            .then_some(())
            .ok_or_else(|| format!("{:?}", lock.held))
    }

    fn granted(&mut self, now: i64, ask: &Ask, grant: Grant) -> Result<(), String> {
        let lock = self.lock(ask.lease);
        lock.held.retain(|held| held.until > now);
        if let Some(held) = lock.find(ask.lease) {
            let same = held.grant.token == grant.token && held.until == grant.expires_at;
            return same.then_some(()).ok_or_else(|| format!("{held:?}"));
        }
        // With the document, the token is lost: the clock replaces it, once it has caught up.
        let grows = |(last, deleted)| grant.token > last || deleted && now <= last;
        if !lock.last.is_none_or(grows) {
            return Err(format!("the token was {:?} before", lock.last));
        }
        lock.last = Some((grant.token, false));
        lock.held.push(Held {
            lease: Some(ask.lease),
            shared: ask.shared,
            permits: ask.permits,
            grant,
            until: grant.expires_at,
        });
        let shared = lock.held.iter().filter(|held| held.shared).count();
        let allowed = lock.held.iter().map(|held| held.permits).min();
        let count = lock.held.len();
        let fits = if shared > 0 {
            shared == count
        } else {
            allowed.is_some_and(|allowed| u32::try_from(count).is_ok_and(|count| count <= allowed))
        };
        if !fits {
            return Err(format!("too many: {:?}", lock.held));
        }
        self.saw(Event::Granted);
        if count > 1 {
            self.saw(Event::GrantedBeside);
        }
        Ok(())
    }

    fn released(
        &mut self,
        now: i64,
        lease: Slot,
        min_hold: Option<u64>,
        there: bool,
    ) -> Result<(), String> {
        let lock = self.lock(lease);
        let known = lock.find(lease).is_some_and(|held| held.until > now);
        if known && !there {
            return Err("it was live".to_owned());
        }
        if !there {
            lock.held.retain(|held| held.lease != Some(lease));
        }
        for held in &mut lock.held {
            if held.lease == Some(lease) {
                held.lease = None;
                let kept = min_hold.map_or(now, |time| {
                    held.grant.acquired_at.saturating_add_unsigned(time)
                });
                held.until = kept;
            }
        }
        // One that has expired may still be there, until somebody else is granted the lock.
        lock.held
            .retain(|held| held.lease.is_some() || held.until > now);
        Ok(())
    }

    fn lock(&mut self, lease: Slot) -> &mut Lock {
        self.locks.entry(lease.name).or_default()
    }

    fn saw(&mut self, event: Event) {
        *self.events.entry(event).or_default() += 1;
    }
}

impl Lock {
    fn find(&mut self, lease: Slot) -> Option<&mut Held> {
        self.held.iter_mut().find(|held| held.lease == Some(lease))
    }
}
