//! An oracle that knows nothing but the answers, and holds them to the promises. The oracle sees what a
//! comparison cannot: a mistake that both stores make. The oracle also counts events.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
};

use super::fixture::{Action, Answer, Grant, Released, Renew, Slot};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Event {
    Granted,
    /// A lease that its holder did not release passed on.
    TakenOver,
    /// A repeated request whose reply was the live lease.
    SentAgain,
    /// A token that the clock does not explain.
    TokenAheadOfClock,
    Refused,
    Released,
    /// A release that leaves the lock taken.
    KeptByMinHold,
    /// A refusal meanwhile.
    RefusedByMinHold,
    /// A release that was late, repeated, or of a lease that never was.
    ReleaseOfGone,
    Renewed,
    RenewalOfGone,
    /// A release and an acquisition in one command.
    RenewalOfMixed,
    DeletedWhileHeld,
    ClockSetBack,
    /// Granted beside another live lease.
    GrantedBeside,
    Queued,
    /// Refused, though the lock is free: a waiter is next.
    QueuedForFree,
    HandedOver,
    /// A hand-over to a request that was not next.
    HandedToNobody,
    /// A release that revoked the lease's id.
    Revoked,
    /// An attempt that came after the revocation.
    RefusedAsRevoked,
    /// A lease whose end was cut, since the clock was set back.
    Cut,
}

pub(super) type Events = BTreeMap<Event, u64>;

#[derive(Debug, Default)]
pub(super) struct PlainOracle {
    locks: BTreeMap<u8, Lock>,
    now: i64,
    events: Events,
}

#[derive(Debug, Default)]
struct Lock {
    held: Option<Held>,
    /// The last token, and whether the document has been deleted since.
    last: Option<(i64, bool)>,
    /// Whether there is a document.
    exists: bool,
    revoked: BTreeSet<Slot>,
}

#[derive(Debug)]
struct Held {
    lease: Slot,
    grant: Grant,
    /// The end that the last reply gave.
    until: i64,
    /// The longest time that the lease may claim to have left.
    ttl: u64,
    released: bool,
}

/// A check of the answers.
pub(super) trait Oracle: Default + Send {
    /// Checks one answer; the error names the promise that is broken.
    fn check(&mut self, now: i64, action: &Action, answer: &Answer) -> Result<(), String>;

    /// The number of times that each event has happened.
    fn events(self) -> Events;
}

impl Oracle for PlainOracle {
    fn events(self) -> Events {
        self.events
    }

    fn check(&mut self, now: i64, action: &Action, answer: &Answer) -> Result<(), String> {
        if now < self.now {
            self.saw(Event::ClockSetBack);
        }
        self.now = now;
        match (action, answer) {
            (
                Action::Acquire {
                    lease,
                    attempt,
                    ttl,
                },
                Answer::Granted(grant),
            ) => {
                self.cut(*lease);
                self.granted(*lease, *attempt, *ttl, *grant)
            }
            (Action::Acquire { lease, .. }, Answer::Revoked) => {
                self.cut(*lease);
                self.saw(Event::RefusedAsRevoked);
                let lock = self.lock(*lease);
                // Nothing is left of a lease that has ended.
                lock.held = lock.held.take().filter(|held| held.live(now));
                let revoked = lock.revoked.contains(lease);
                revoked.then_some(()).ok_or("it was not revoked".to_owned())
            }
            (Action::Acquire { lease, .. }, Answer::Refused(refusal)) => {
                self.cut(*lease);
                let held = self.lock(*lease).held.as_ref();
                let held = held
                    .filter(|held| held.live(now))
                    .ok_or("the lock is free")?;
                let told = (held.grant.token, held.until, held.lease.owner());
                let released = held.released;
                self.saw(Event::Refused);
                if released {
                    self.saw(Event::RefusedByMinHold);
                }
                same((refusal.token, refusal.until, refusal.holder), told)
            }
            (Action::Release(released), Answer::Released(there)) => {
                self.released(*released, *there)
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
                    let asked = leases.iter().filter(|renew| renew.lease == *lease);
                    let longest = asked.map(|renew| renew.ttl).max().unwrap_or_default();
                    same(*left, (held.until - now).min(after(0, longest)))?;
                }
                Ok(())
            }
            (Action::Delete { name }, Answer::Deleted(there)) => {
                let lock = self.locks.entry(*name).or_default();
                let held = lock.held.take().is_some_and(|held| held.live(now));
                let known = std::mem::take(&mut lock.exists);
                lock.revoked.clear();
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

impl PlainOracle {
    /// A command has looked at the holder.
    fn cut(&mut self, lease: Slot) {
        let now = self.now;
        if let Some(held) = &mut self.lock(lease).held {
            let longest = after(now, held.ttl);
            if held.until > longest {
                held.until = longest;
                self.saw(Event::Cut);
            }
        }
    }

    fn granted(&mut self, lease: Slot, attempt: u32, ttl: u64, grant: Grant) -> Result<(), String> {
        let now = self.now;
        let lock = self.lock(lease);
        if lock.revoked.contains(&lease) {
            return Err("it was revoked".to_owned());
        }
        lock.exists = true;
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
            ttl,
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
                attempt,
                token,
                acquired_at: now,
                expires_at: after(now, ttl),
            },
        )
    }

    fn released(&mut self, released: Released, there: bool) -> Result<(), String> {
        let Released {
            lease,
            min_hold,
            revoke,
        } = released;
        let now = self.now;
        if revoke {
            self.cut(lease);
            self.saw(Event::Revoked);
            let lock = self.lock(lease);
            lock.exists = true;
            lock.revoked.insert(lease);
            // Nothing is left of another lease that has ended.
            let held = lock.held.take();
            lock.held = held.filter(|held| held.live(now) || held.is(lease));
        }
        let lock = self.lock(lease);
        let Some(held) = lock.held.as_mut().filter(|held| held.is(lease)) else {
            self.saw(Event::ReleaseOfGone);
            return same(there, false);
        };
        held.released = true;
        // Nothing is left of a lease that has ended.
        let min_hold = min_hold.filter(|_| held.live(now));
        let free_at = min_hold.map(|time| after(held.grant.acquired_at, time));
        if let Some(free_at) = free_at.filter(|free_at| *free_at > now) {
            held.until = free_at.min(after(now, held.ttl));
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
            held.ttl = held.ttl.max(ttl);
            held.until = held.until.max(after(now, ttl)).min(after(now, held.ttl));
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
    /// A lease that was released is no lease any more, even while `min_hold` keeps the lock taken.
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
