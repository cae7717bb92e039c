//! An oracle for sequences with all kinds of requests.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    fixture::{Action, Answer, Grant, Refusal, Released, Slot, Terms},
    plain_oracle::{Event, Events, Oracle},
};

/// The oracle's state, which follows from the answers alone.
#[derive(Debug, Default)]
pub(super) struct MixedOracle {
    locks: BTreeMap<u8, Lock>,
    now: i64,
    events: Events,
}

#[derive(Debug, Default)]
struct Lock {
    held: Vec<Held>,
    /// The last token, and whether the document has been deleted since.
    last: Option<(i64, bool)>,
    revoked: BTreeSet<Slot>,
}

/// A lease. Its end is known within bounds: a release looks at the other leases, and cuts ends that
/// claim too much, only when there is a queue, of which the answers do not tell.
#[derive(Debug)]
struct Held {
    /// `None` once the lease is released, and kept by its `min_hold`.
    lease: Option<Slot>,
    shared: bool,
    permits: u32,
    ttl: u64,
    grant: Grant,
    earliest: i64,
    latest: i64,
}

impl Oracle for MixedOracle {
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
                answer,
            ) => {
                let plain = Terms {
                    lease: *lease,
                    attempt: *attempt,
                    ttl: *ttl,
                    shared: false,
                    permits: 1,
                    client: None,
                    released: None,
                    share: None,
                };
                self.acquire(&plain, answer)
            }
            (Action::General(terms), Answer::HandedOver(there, answer)) => {
                let released = terms.released.ok_or("nothing was to be released")?;
                self.released(released, *there, true)?;
                self.saw(match **answer {
                    Answer::Granted(_) => Event::HandedOver,
                    _ => Event::HandedToNobody,
                });
                self.acquire(terms, answer)
            }
            (Action::General(terms), answer) => self.acquire(terms, answer),
            (Action::Release(released), Answer::Released(there)) => {
                self.released(*released, *there, false)
            }
            (Action::Renew(leases), Answer::Renewed { gone, .. }) => {
                for renew in leases {
                    let held = self.lock(renew.lease).find(renew.lease);
                    let gone = gone.contains(&renew.lease);
                    match held {
                        Some(held) if held.earliest > now && gone => {
                            return Err(format!("{held:?} is live"));
                        }
                        Some(held) if held.latest <= now && !gone => {
                            return Err(format!("{held:?} is over"));
                        }
                        None if !gone => return Err("it was never granted".to_owned()),
                        Some(held) if gone => {
                            held.earliest = i64::MIN;
                            held.latest = held.latest.min(now);
                        }
                        Some(held) => held.renewed(now, renew.ttl),
                        None => {}
                    }
                }
                Ok(())
            }
            (Action::Leave { name, .. }, Answer::Left) => {
                self.lock(Slot {
                    name: *name,
                    nth: 0,
                })
                .cut(now, false);
                Ok(())
            }
            (Action::Delete { name }, Answer::Deleted(_)) => {
                let lock = self.locks.entry(*name).or_default();
                let held = lock.held.iter().any(|held| held.earliest > now);
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

impl MixedOracle {
    fn acquire(&mut self, terms: &Terms, answer: &Answer) -> Result<(), String> {
        let now = self.now;
        let lock = self.lock(terms.lease);
        lock.cut(now, true);
        let revoked = lock.revoked.contains(&terms.lease);
        match answer {
            Answer::Revoked => {
                self.saw(Event::RefusedAsRevoked);
                revoked.then_some(()).ok_or("it was not revoked".to_owned())
            }
            _ if revoked => Err("it was revoked".to_owned()),
            Answer::Granted(grant) => self.granted(terms, *grant),
            Answer::Refused(refusal) if terms.client.is_none() => {
                self.saw(Event::Refused);
                self.refused(terms, refusal)
            }
            Answer::Queued { refusal, .. } if terms.client.is_some() => {
                self.saw(Event::Queued);
                self.refused(terms, refusal)
            }
            _ => Err("no answer to this".to_owned()),
        }
    }

    /// A refusal names a lease that is live, or the first in the queue, with the last token.
    fn refused(&mut self, terms: &Terms, refusal: &Refusal) -> Result<(), String> {
        let now = self.now;
        let until = refusal.until;
        if until <= now {
            return Err("that is over".to_owned());
        }
        let lock = self.lock(terms.lease);
        let named = |held: &&mut Held| {
            let Grant {
                token, acquired_at, ..
            } = held.grant;
            (token, acquired_at) == (refusal.token, refusal.since) && held.may_end(until)
        };
        if let Some(held) = lock.held.iter_mut().find(named) {
            (held.earliest, held.latest) = (until, until);
            return Ok(());
        }
        if lock.held.iter().any(|held| held.earliest > now) {
            return Err(format!("{:?}", lock.held));
        }
        lock.held.clear();
        self.saw(Event::QueuedForFree);
        Ok(())
    }

    fn granted(&mut self, terms: &Terms, grant: Grant) -> Result<(), String> {
        let now = self.now;
        let lock = self.lock(terms.lease);
        lock.held.retain(|held| held.latest > now);
        if let Some(held) = lock.find(terms.lease) {
            if held.is(&grant) {
                (held.earliest, held.latest) = (grant.expires_at, grant.expires_at);
                return Ok(());
            }
            if held.earliest > now {
                return Err(format!("{held:?}"));
            }
            lock.held.retain(|held| held.lease != Some(terms.lease));
        }
        if grant.attempt != terms.attempt {
            return Err(format!("attempt {} was granted", grant.attempt));
        }
        // With the document, the token is lost: the clock replaces it, once it has caught up.
        let grows = |(last, deleted)| grant.token > last || deleted && now <= last;
        if !lock.last.is_none_or(grows) {
            return Err(format!("the token was {:?} before", lock.last));
        }
        lock.last = Some((grant.token, false));
        lock.held.push(Held {
            lease: Some(terms.lease),
            shared: terms.shared,
            permits: terms.permits,
            ttl: terms.ttl,
            grant,
            earliest: grant.expires_at,
            latest: grant.expires_at,
        });
        let live = lock.held.iter().filter(|held| held.earliest > now);
        let shared = live.clone().filter(|held| held.shared).count();
        let allowed = live.clone().map(|held| held.permits).min();
        let count = live.count();
        let fits = if shared > 0 {
            shared == count
        } else {
            allowed.is_none_or(|allowed| u32::try_from(count).is_ok_and(|count| count <= allowed))
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
        released: Released,
        there: bool,
        handed_over: bool,
    ) -> Result<(), String> {
        let Released {
            lease,
            min_hold,
            revoke,
        } = released;
        let now = self.now;
        if revoke {
            self.saw(Event::Revoked);
            self.lock(lease).revoked.insert(lease);
        }
        let lock = self.lock(lease);
        let held = lock.find(lease);
        if held.is_some_and(|held| held.earliest > now) && !there {
            return Err("it was live".to_owned());
        }
        if !there {
            lock.held.retain(|held| held.lease != Some(lease));
        }
        lock.held.retain_mut(|held| {
            if held.lease != Some(lease) {
                return true;
            }
            held.lease = None;
            // Nothing is left of a lease that has ended.
            let kept = min_hold.map_or(now, |time| {
                held.grant.acquired_at.saturating_add_unsigned(time)
            });
            held.earliest = if held.earliest > now { kept } else { now };
            held.latest = if held.latest > now { kept } else { now };
            held.latest > now
        });
        let looks = revoke || handed_over || there && min_hold.is_some();
        if looks || there {
            lock.cut(now, looks);
        }
        // Another lease that has expired, or the remainder of a `min_hold`, may still be there until
        // another is granted, and be live again when the clock is set back.
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
    /// The end is cut where the lease claims too much; perhaps, unless it is `sure`.
    fn cut(&mut self, now: i64, sure: bool) {
        let longest = now.saturating_add_unsigned(self.ttl);
        self.earliest = self.earliest.min(longest);
        if self.earliest <= now {
            // An expired lease may be gone, or be live again when the clock is set back.
            self.earliest = i64::MIN;
        }
        if sure {
            self.latest = self.latest.min(longest);
        }
    }

    fn renewed(&mut self, now: i64, ttl: u64) {
        let least = now.saturating_add_unsigned(ttl);
        self.ttl = self.ttl.max(ttl);
        self.earliest = self.earliest.max(least);
        self.latest = self.latest.max(least);
        self.cut(now, true);
    }

    fn may_end(&self, until: i64) -> bool {
        (self.earliest..=self.latest).contains(&until)
    }

    fn is(&self, grant: &Grant) -> bool {
        let known = Grant {
            expires_at: grant.expires_at,
            ..self.grant
        };
        known == *grant && self.may_end(grant.expires_at)
    }
}

impl Lock {
    fn cut(&mut self, now: i64, sure: bool) {
        for held in &mut self.held {
            held.cut(now, sure);
        }
    }

    fn find(&mut self, lease: Slot) -> Option<&mut Held> {
        self.held.iter_mut().find(|held| held.lease == Some(lease))
    }
}
