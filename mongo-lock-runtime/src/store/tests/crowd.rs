//! Random sequences with everything in them: readers and writers, permits, places in line, hand-overs.
//! And somebody who holds the answers to the promises.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;

use super::{
    scene::{Action, Answer, Ask, Grant, Released, Renew, Slot},
    sequence::Step,
    witness::{Event, Events, Judge},
};

const NAMES: u8 = 2;
const LEASES: u8 = 5;
const LINES: u8 = 3;

const TTLS: [u64; 6] = [5, 10, 20, 50, 2000, 9000];
const WAITS: [i64; 14] = [0, 0, 0, 1, 1, 2, 5, 10, 20, 1500, 3000, 5000, 0, 0];

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
                    attempt: self.0.u32(..3),
                    ttl: self.one_of(&TTLS),
                    shared,
                    permits,
                    line: line.then(|| (lease.nth % LINES, self.0.u64(..20))),
                    released: hands_over.then(|| {
                        let nth = self.0.u8(..LEASES);
                        let min_hold = self.0.u8(..4) == 0;
                        Released {
                            lease: Slot { nth, ..lease },
                            min_hold: min_hold.then(|| self.one_of(&TTLS)),
                            revoke: self.0.u8(..6) == 0,
                        }
                    }),
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
    now: i64,
    /// Whether the clock was ever set back. Then an end may be later than it is known to be here,
    /// since not every command looks at all holders and cuts their ends.
    set_back: bool,
    events: Events,
}

#[derive(Debug, Default)]
struct Lock {
    held: Vec<Held>,
    revoked: BTreeSet<Slot>,
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
    ttl: u64,
}

impl Judge for Crowd {
    fn events(self) -> Events {
        self.events
    }

    fn sees(&mut self, now: i64, action: &Action, answer: &Answer) -> Result<(), String> {
        if now < self.now {
            self.set_back = true;
            self.saw(Event::ClockSetBack);
        }
        self.now = now;
        for lock in self.locks.values_mut() {
            lock.cut(now);
        }
        match (action, answer) {
            (
                Action::Acquire {
                    lease,
                    attempt,
                    ttl,
                },
                answer,
            ) => {
                let plain = Ask {
                    lease: *lease,
                    attempt: *attempt,
                    ttl: *ttl,
                    shared: false,
                    permits: 1,
                    line: None,
                    released: None,
                };
                self.asked(now, &plain, answer)
            }
            (Action::Ask(ask), Answer::HandedOver(there, answer)) => {
                let released = ask.released.ok_or("nothing was to be released")?;
                self.released(now, released, *there)?;
                self.saw(match **answer {
                    Answer::Granted(_) => Event::HandedOver,
                    _ => Event::HandedToNobody,
                });
                self.asked(now, ask, answer)
            }
            (Action::Ask(ask), answer) => self.asked(now, ask, answer),
            (Action::Release(released), Answer::Released(there)) => {
                self.released(now, *released, *there)
            }
            (Action::Renew(leases), Answer::Renewed { gone, .. }) => {
                for renew in leases {
                    let held = self.lock(renew.lease).find(renew.lease);
                    let held = held.filter(|held| held.until > now);
                    if held.is_some() == gone.contains(&renew.lease) {
                        return Err(format!("{held:?}"));
                    }
                    if let Some(held) = held {
                        held.ttl = held.ttl.max(renew.ttl);
                        held.until = held.until.max(now.saturating_add_unsigned(renew.ttl));
                        held.cut(now);
                    }
                }
                Ok(())
            }
            (Action::Leave { .. }, Answer::Left) => Ok(()),
            (Action::Delete { name }, Answer::Deleted(_)) => {
                let lock = self.locks.entry(*name).or_default();
                let held = lock.held.iter().any(|held| held.until > now);
                lock.held.clear();
                lock.revoked.clear();
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
        let revoked = self.lock(ask.lease).revoked.contains(&ask.lease);
        match answer {
            Answer::Revoked => {
                self.saw(Event::RefusedAsRevoked);
                revoked.then_some(()).ok_or("it was not revoked".to_owned())
            }
            _ if revoked => Err("it was revoked".to_owned()),
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
        let set_back = self.set_back;
        let lock = self.lock(ask.lease);
        let live = |held: &&Held| held.until > now;
        if !lock.held.iter().any(|held| live(&held)) {
            self.saw(Event::QueuedForFree);
            return Ok(());
        }
        let mut held = lock.held.iter().filter(live);
        let known = held.any(|held| {
            let ends = held.until == until || set_back && held.until < until;
            held.grant.token == token && ends
        });
        known
            .then_some(())
            .ok_or_else(|| format!("{:?}", lock.held))
    }

    fn granted(&mut self, now: i64, ask: &Ask, grant: Grant) -> Result<(), String> {
        let set_back = self.set_back;
        let lock = self.lock(ask.lease);
        lock.held.retain(|held| held.until > now);
        if let Some(held) = lock.find(ask.lease) {
            let same = held.grant.attempt == grant.attempt
                && held.grant.token == grant.token
                && (held.until == grant.expires_at || set_back && held.until < grant.expires_at);
            return same.then_some(()).ok_or_else(|| format!("{held:?}"));
        }
        if grant.attempt != ask.attempt {
            return Err(format!("attempt {} was granted", grant.attempt));
        }
        // With the document, the token is lost: the clock replaces it, once it has caught up.
        let grows = |(last, deleted)| grant.token > last || deleted && (set_back || now <= last);
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
            ttl: ask.ttl,
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

    fn released(&mut self, now: i64, released: Released, there: bool) -> Result<(), String> {
        let Released {
            lease,
            min_hold,
            revoke,
        } = released;
        if revoke {
            self.saw(Event::Revoked);
            self.lock(lease).revoked.insert(lease);
        }
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
                // Nothing is left of a lease that has ended.
                let min_hold = min_hold.filter(|_| held.until > now);
                held.until = min_hold.map_or(now, |time| {
                    held.grant.acquired_at.saturating_add_unsigned(time)
                });
                held.cut(now);
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

impl Held {
    fn cut(&mut self, now: i64) {
        self.until = self.until.min(now.saturating_add_unsigned(self.ttl));
    }
}

impl Lock {
    /// A command has looked at the holders.
    fn cut(&mut self, now: i64) {
        for held in &mut self.held {
            held.cut(now);
        }
    }

    fn find(&mut self, lease: Slot) -> Option<&mut Held> {
        self.held.iter_mut().find(|held| held.lease == Some(lease))
    }
}
