//! Someone who knows nothing but the answers, and holds them to the promises. It sees what a
//! comparison cannot: a mistake that both stores make. And it counts what happens.

use std::{collections::BTreeMap, fmt::Debug};

use super::scene::{Action, Answer, Grant, Renew, Slot};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Event {
    Granted,
    /// A lease that its holder did not release passed on.
    TakenOver,
    /// The holder asked once more, and was told of the lease that it has.
    SentAgain,
    /// A token that the clock does not explain.
    TokenAheadOfClock,
    Refused,
    Released,
    /// A release that leaves the lock taken.
    KeptByMinHold,
    /// Somebody asked meanwhile.
    RefusedByMinHold,
    /// Late, repeated, or of a lease that never was.
    ReleaseOfGone,
    Renewed,
    RenewalOfGone,
    /// Both in one command.
    RenewalOfMixed,
    DeletedWhileHeld,
    ClockSetBack,
    /// Granted beside somebody else's lease.
    GrantedBeside,
    Queued,
    /// Refused, though nobody holds the lock: somebody is next.
    QueuedForFree,
    HandedOver,
    /// A release that took a caller along who was not next.
    HandedToNobody,
}

pub(super) type Events = BTreeMap<Event, u64>;

#[derive(Debug, Default)]
pub(super) struct Witness {
    locks: BTreeMap<u8, Lock>,
    now: i64,
    events: Events,
}

#[derive(Debug, Default)]
struct Lock {
    held: Option<Held>,
    /// The last token, and whether the document has been deleted since.
    last: Option<(i64, bool)>,
}

#[derive(Debug)]
struct Held {
    lease: Slot,
    grant: Grant,
    /// What the holder was told last.
    until: i64,
    released: bool,
}

/// Whoever judges the answers.
pub(super) trait Judge: Default + Send {
    /// Gives the promise that is broken.
    fn sees(&mut self, now: i64, action: &Action, answer: &Answer) -> Result<(), String>;

    /// What has happened.
    fn events(self) -> Events;
}

impl Judge for Witness {
    fn events(self) -> Events {
        self.events
    }

    fn sees(&mut self, now: i64, action: &Action, answer: &Answer) -> Result<(), String> {
        if now < self.now {
            self.saw(Event::ClockSetBack);
        }
        self.now = now;
        match (action, answer) {
            (Action::Acquire { lease, ttl }, Answer::Granted(grant)) => {
                self.granted(*lease, *ttl, *grant)
            }
            (Action::Acquire { lease, .. }, Answer::Refused(refusal)) => {
                let held = self.lock(*lease).held.as_ref();
                let held = held
                    .filter(|held| held.live(now))
                    .ok_or("nobody holds it")?;
                let told = (held.grant.token, held.until, held.lease.owner());
                let released = held.released;
                self.saw(Event::Refused);
                if released {
                    self.saw(Event::RefusedByMinHold);
                }
                same((refusal.token, refusal.until, refusal.holder), told)
            }
            (Action::Release { lease, min_hold }, Answer::Released(there)) => {
                self.released(*lease, *min_hold, *there)
            }
            (Action::Renew(leases), Answer::Renewed { gone, left }) => {
                for renew in leases {
                    self.renewed(renew.lease, renew.ttl, gone.contains(&renew.lease))?;
                }
                let kept = |renew: &Renew| !gone.contains(&renew.lease);
                if !gone.is_empty() && leases.iter().any(kept) {
                    self.saw(Event::RenewalOfMixed);
                }
                for (lease, left) in &left.0 {
                    let held = self.lock(*lease).held.as_ref();
                    let held = held.filter(|held| held.is(*lease)).ok_or("it is gone")?;
                    same(*left, held.until - now)?;
                }
                Ok(())
            }
            (Action::Delete { name }, Answer::Deleted(there)) => {
                let lock = self.locks.entry(*name).or_default();
                let held = lock.held.take().is_some_and(|held| held.live(now));
                let known = matches!(lock.last, Some((_, false)));
                lock.last = lock.last.map(|(token, _)| (token, true));
                if held {
                    self.saw(Event::DeletedWhileHeld);
                }
                same(*there, known)
            }
            _ => Err("no answer to this".to_owned()),
        }
    }
}

impl Witness {
    fn granted(&mut self, lease: Slot, ttl: u64, grant: Grant) -> Result<(), String> {
        let now = self.now;
        let lock = self.lock(lease);
        let mut taken_over = false;
        if let Some(held) = &lock.held {
            if held.live(now) {
                if !held.is(lease) {
                    return Err(format!("{:?} holds it", held.lease));
                }
                let told = Grant {
                    expires_at: held.until,
                    ..held.grant
                };
                self.saw(Event::SentAgain);
                return same(grant, told);
            }
            taken_over = !held.released;
        }
        if let Some((last, deleted)) = lock.last {
            // With the document, the token is lost: the clock replaces it, once it has caught up.
            if grant.token <= last && !(deleted && now <= last) {
                return Err(format!("the token was {last} before"));
            }
        }
        lock.last = Some((grant.token, false));
        lock.held = Some(Held {
            lease,
            grant,
            until: grant.expires_at,
            released: false,
        });
        self.saw(Event::Granted);
        if taken_over {
            self.saw(Event::TakenOver);
        }
        if grant.token > now {
            self.saw(Event::TokenAheadOfClock);
        }
        let token = grant.token.max(now);
        same(
            grant,
            Grant {
                token,
                acquired_at: now,
                expires_at: after(now, ttl),
            },
        )
    }

    fn released(&mut self, lease: Slot, min_hold: Option<u64>, there: bool) -> Result<(), String> {
        let now = self.now;
        let lock = self.lock(lease);
        let Some(held) = lock.held.as_mut().filter(|held| held.is(lease)) else {
            self.saw(Event::ReleaseOfGone);
            return same(there, false);
        };
        held.released = true;
        let free_at = min_hold.map(|time| after(held.grant.acquired_at, time));
        if let Some(free_at) = free_at.filter(|free_at| *free_at > now) {
            held.until = free_at;
            self.saw(Event::KeptByMinHold);
        } else {
            lock.held = None;
            self.saw(Event::Released);
        }
        same(there, true)
    }

    fn renewed(&mut self, lease: Slot, ttl: u64, gone: bool) -> Result<(), String> {
        let now = self.now;
        let held = self.lock(lease).held.as_mut();
        let held = held.filter(|held| held.is(lease) && held.live(now));
        let live = held.is_some();
        if let Some(held) = held {
            held.until = held.until.max(after(now, ttl));
        }
        let (event, state) = if live {
            (Event::Renewed, "live")
        } else {
            (Event::RenewalOfGone, "gone")
        };
        self.saw(event);
        if gone == live {
            return Err(format!("{lease:?} is {state}"));
        }
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
    /// What was released is nobody's, even while it keeps the lock taken.
    fn is(&self, lease: Slot) -> bool {
        self.lease == lease && !self.released
    }

    fn live(&self, now: i64) -> bool {
        self.until > now
    }
}

fn after(time: i64, wait: u64) -> i64 {
    time.saturating_add_unsigned(wait)
}

fn same<T: Copy + PartialEq + Debug>(answer: T, expected: T) -> Result<(), String> {
    if answer == expected {
        Ok(())
    } else {
        Err(format!("{expected:?} was to be expected"))
    }
}
