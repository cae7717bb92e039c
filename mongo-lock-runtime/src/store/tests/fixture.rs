//! The actions and answers of a test, in small numbers: leases by their position, times and tokens as
//! milliseconds after [`START`].

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime},
};

use mongodb::bson::Uuid;

use super::{
    super::{
        memory::locks::Locks,
        protocol::{
            AcquireReply, AcquireRequest, Confirmation, LeaseId, ReleaseRequest, Renewal, Renewed,
            Reply, Request, Standing, Ticket,
        },
    },
    START,
};
use crate::{
    name::LockName,
    outcome::{SkipReason, Skipped},
    spec::Mode,
};

/// A lease that a test plays with, granted or not: the `nth` one under a name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Slot {
    pub(super) name: u8,
    pub(super) nth: u8,
}

/// Times are milliseconds.
#[derive(Debug, Clone)]
pub(super) enum Action {
    Acquire {
        lease: Slot,
        attempt: u32,
        ttl: u64,
    },
    Release(Released),
    /// An acquisition with terms of any kind.
    General(Terms),
    /// The end of a client's queue entry.
    Leave {
        name: u8,
        client: u8,
    },
    Renew(Vec<Renew>),
    /// The confirmation of a client's place.
    Confirm {
        name: u8,
        client: u8,
    },
    /// An operator deletes the document by hand.
    Delete {
        name: u8,
    },
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    pub(super) lease: Slot,
    pub(super) attempt: u32,
    pub(super) ttl: u64,
    pub(super) shared: bool,
    pub(super) permits: u32,
    /// The client that waits, and the time for which the caller has waited.
    pub(super) client: Option<(u8, u64)>,
    /// The release in this step.
    pub(super) released: Option<Released>,
    /// The lease whose holder this one is to share.
    pub(super) share: Option<Slot>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Released {
    pub(super) lease: Slot,
    pub(super) min_hold: Option<u64>,
    pub(super) revoke: bool,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Renew {
    pub(super) lease: Slot,
    pub(super) ttl: u64,
    pub(super) alone: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    Granted(Grant),
    Refused(Refusal),
    Revoked,
    Queued {
        refusal: Refusal,
        ahead: usize,
        seen_at: i64,
        look_at: i64,
    },
    /// Whether the lease to be released was there, and the rest of the answer.
    HandedOver(bool, Box<Answer>),
    Left,
    Released(bool),
    Renewed {
        gone: BTreeSet<Slot>,
        left: Left,
    },
    Deleted(bool),
    /// The client is to ask.
    Ask,
    Waits {
        refusal: Refusal,
        look_in: u64,
        near: bool,
    },
    Failed(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Grant {
    pub(super) attempt: u32,
    pub(super) token: i64,
    pub(super) acquired_at: i64,
    pub(super) expires_at: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) holder: &'static str,
    pub(super) since: i64,
    pub(super) until: i64,
    pub(super) token: i64,
}

/// The remaining time of leases, where a store gives it; the store in memory never does. Answers are
/// equal whatever the value, which the oracle checks.
#[derive(Debug, Clone, Default)]
pub(super) struct Left(pub(super) BTreeMap<Slot, i64>);

impl PartialEq for Left {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Left {}

/// Names and ids of one test, so that many tests can share a collection.
pub(super) struct Fixture(u64);

impl Fixture {
    pub(super) fn new() -> Self {
        static FIXTURES: AtomicU64 = AtomicU64::new(0);
        Self(FIXTURES.fetch_add(1, Ordering::Relaxed))
    }

    pub(super) fn name(&self, name: u8) -> LockName {
        LockName::new(format!("{}-{name}", self.0)).unwrap()
    }

    pub(super) fn lease(&self, slot: Slot) -> LeaseId {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.0.to_be_bytes());
        bytes[14..].copy_from_slice(&[slot.name, slot.nth]);
        LeaseId(Uuid::from_bytes(bytes))
    }

    pub(super) fn request(&self, slot: Slot, attempt: u32, ttl: u64) -> AcquireRequest {
        AcquireRequest {
            name: self.name(slot.name),
            lease: self.lease(slot),
            attempt,
            owner: slot.owner().into(),
            ttl: Duration::from_millis(ttl),
            mode: Mode::Exclusive,
            permits: 1,
            ticket: None,
            share: None,
        }
    }

    pub(super) fn terms(&self, terms: &Terms) -> (AcquireRequest, Option<ReleaseRequest>) {
        let plain = self.request(terms.lease, terms.attempt, terms.ttl);
        let request = AcquireRequest {
            mode: if terms.shared {
                Mode::Shared
            } else {
                Mode::Exclusive
            },
            permits: terms.permits,
            ticket: terms.client.map(|(client, waited)| Ticket {
                queue_id: queue_id(client).into(),
                waited: Duration::from_millis(waited),
            }),
            share: terms.share.map(|slot| self.lease(slot)),
            ..plain
        };
        let released = terms.released.map(|released| self.release(released));
        (request, released)
    }

    pub(super) fn release(&self, released: Released) -> ReleaseRequest {
        let slot = released.lease;
        ReleaseRequest {
            name: self.name(slot.name),
            lease: self.lease(slot),
            min_hold: released.min_hold.map(Duration::from_millis),
            contended: slot.nth.is_multiple_of(2),
            revoke: released.revoke,
        }
    }

    /// The request to a store; `None` for what an operator does by hand.
    pub(super) fn request_of(&self, action: &Action) -> Option<Request> {
        Some(match action {
            Action::Acquire {
                lease,
                attempt,
                ttl,
            } => Request::Acquire(self.request(*lease, *attempt, *ttl)),
            Action::Release(released) => Request::Release(self.release(*released)),
            Action::General(terms) => match self.terms(terms) {
                (request, None) => Request::Acquire(request),
                (request, Some(release)) => Request::HandOver(release, request),
            },
            Action::Leave { name, client } => Request::Leave {
                name: self.name(*name),
                queue_id: queue_id(*client).into(),
            },
            Action::Renew(leases) => Request::Renew(self.renewals(leases)),
            Action::Confirm { name, client } => {
                let place = Confirmation {
                    name: self.name(*name),
                    queue_id: queue_id(*client).into(),
                    permits: 1,
                };
                // A single place is confirmed by another command than several.
                Request::Confirm(vec![place; 1 + usize::from(client % 2)])
            }
            Action::Delete { .. } => return None,
        })
    }

    pub(super) fn renewals(&self, leases: &[Renew]) -> Vec<Renewal> {
        let renewal = |&Renew { lease, ttl, alone }: &Renew| Renewal {
            name: self.name(lease.name),
            lease: self.lease(lease),
            ttl: Duration::from_millis(ttl),
            alone,
        };
        leases.iter().map(renewal).collect()
    }

    pub(super) fn answer_in_memory(&self, locks: &mut Locks, now: i64, action: &Action) -> Answer {
        match (self.request_of(action), action) {
            (Some(request), _) => self.answer(locks.apply(now, &request)),
            (None, Action::Delete { name }) => Answer::Deleted(locks.delete(&self.name(*name))),
            (None, other) => unreachable!("{other:?} is a request"),
        }
    }

    pub(super) fn answer(&self, reply: Reply) -> Answer {
        match reply {
            Reply::Acquire(reply) => self.reply(reply),
            Reply::HandOver(there, reply) => Answer::HandedOver(there, Box::new(self.reply(reply))),
            Reply::Left => Answer::Left,
            Reply::Released(there) => Answer::Released(there),
            Reply::Renewed(renewed) => self.renewed(renewed),
            Reply::Confirmed(standings) => match &*standings {
                [one, other] if one != other => unreachable!("{standings:?}"),
                [Standing::Ask, ..] => Answer::Ask,
                [
                    Standing::Waits {
                        skipped,
                        look_in,
                        near,
                    },
                    ..,
                ] => Answer::Waits {
                    refusal: self.refusal(skipped),
                    look_in: u64::try_from(look_in.as_millis()).unwrap(),
                    near: *near,
                },
                other => unreachable!("{other:?} for one place"),
            },
            Reply::Woken => unreachable!("no action wakes"),
        }
    }

    fn reply(&self, reply: AcquireReply) -> Answer {
        match reply {
            AcquireReply::Granted(grant) => Answer::Granted(Grant {
                attempt: grant.attempt,
                token: grant.token - START,
                acquired_at: millis(grant.acquired_at),
                expires_at: millis(grant.expires_at),
            }),
            AcquireReply::Refused(skipped) => Answer::Refused(self.refusal(&skipped)),
            AcquireReply::Revoked => Answer::Revoked,
            AcquireReply::Queued(queued) => Answer::Queued {
                refusal: self.refusal(&queued.skipped),
                ahead: queued.ahead,
                seen_at: millis(queued.seen_at),
                look_at: millis(queued.look_at),
            },
        }
    }

    fn refusal(&self, skipped: &Skipped) -> Refusal {
        let name = skipped.name.as_str().strip_prefix(&format!("{}-", self.0));
        assert!(name.is_some(), "it answers for {}", skipped.name);
        let (owner, since, until, token) = match &skipped.reason {
            SkipReason::Held(it) => (&it.owner, it.since, it.until, it.token),
            SkipReason::Reserved(it) => (&it.owner, it.waiting_since, it.kept_until, it.last_token),
        };
        let holder = OWNERS.iter().find(|known| *known == owner);
        Refusal {
            holder: holder.expect("an owner who was in a request"),
            since: millis(since),
            until: millis(until),
            token: token - START,
        }
    }

    fn renewed(&self, renewed: Renewed) -> Answer {
        // On a clock that stands still, a lease is prolonged or gone.
        if !renewed.behind.is_empty() || renewed.trouble.is_some() {
            return Answer::Failed(format!("{renewed:?}"));
        }
        let slot = |lease: LeaseId| {
            let [.., name, nth] = lease.0.bytes();
            let slot = Slot { name, nth };
            assert_eq!(self.lease(slot), lease, "it was not asked for");
            slot
        };
        let left = renewed.left.into_iter().map(|(lease, (_, left))| {
            let left = i64::try_from(left.as_millis()).unwrap();
            (slot(lease), left)
        });
        Answer::Renewed {
            left: Left(left.collect()),
            gone: renewed.gone.into_iter().map(slot).collect(),
        }
    }
}

pub(super) fn queue_id(client: u8) -> String {
    format!("client-{client}")
}

/// A label is any text; the server must not take it for one of its expressions.
const OWNERS: [&str; 3] = ["web-3:4711", "$token", "$$NOW"];

impl Slot {
    pub(super) fn owner(self) -> &'static str {
        OWNERS[usize::from(self.nth) % OWNERS.len()]
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "lease({}, {})", self.name, self.nth)
    }
}

/// Whole milliseconds: a store must not know a finer time than the other can write.
fn millis(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    assert_eq!(since.subsec_nanos() % 1_000_000, 0, "{since:?}");
    i64::try_from(since.as_millis()).unwrap() - START
}
