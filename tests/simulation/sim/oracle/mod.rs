//! The oracle: it knows requests, answers, what the store has by them, and when each body took a step,
//! and holds them to the promises of DESIGN.md. One rule, one function.

mod bodies;
mod calls;
mod ends;
mod joins;
mod leftovers;
mod limits;
mod mirror;
mod order;
mod renewals;
mod store;

use std::collections::{BTreeMap, BTreeSet};

use mongo_lock_runtime::LockName;

pub(crate) use self::mirror::Mirror;
use super::{
    api::{LeaseHandle, LeaseId},
    script::{Fault, Kind, Scenario, Terms},
};

/// A broken promise.
#[derive(Debug, Clone)]
pub(crate) struct Violation {
    pub(crate) rule: &'static str,
    pub(crate) at: u64,
    pub(crate) text: String,
}

pub(crate) struct Oracle {
    pub(crate) mirror: Mirror,
    pub(crate) violation: Option<Violation>,
    rules: Rules,
    /// The operation time limit.
    limit: u64,
    /// The longest way there and back.
    round_trip: u64,
    faults: Vec<Fault>,
    clients: Vec<Client>,
    calls: BTreeMap<usize, Call>,
    /// The calls for leases of a ttl: one, but for readers.
    by_ttl: BTreeMap<(u64, LockName), Vec<usize>>,
    leases: BTreeMap<LeaseId, Lease>,
    holds: BTreeMap<usize, Hold>,
    next_hold: usize,
    /// When a lock was last seen to be taken, or waited for.
    busy: BTreeMap<LockName, u64>,
    /// When a fail-over last lost something.
    rolled_back_at: Option<u64>,
    /// When an operator last removed the document of a lock.
    wiped: BTreeMap<LockName, u64>,
    /// When the server's clock was set.
    steps: Vec<(u64, i64)>,
    /// The holds that have ended.
    ended: Vec<Hold>,
    /// When the server read the clock by which a request is decided: before it takes effect, behind routers.
    pub(crate) decided: u64,
    /// Until when the candidates of these calls pause.
    pauses: BTreeMap<usize, u64>,
    /// The tokens of documents that were removed while their tokens were not ahead of the clock.
    last_tokens: BTreeMap<LockName, i64>,
}

/// Which rules count.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rules {
    pub(crate) only: BTreeSet<String>,
    pub(crate) except: BTreeSet<String>,
}

impl Rules {
    pub(crate) fn only(rule: &str) -> Self {
        Self {
            only: [rule.to_owned()].into(),
            except: BTreeSet::new(),
        }
    }

    fn count(&self, rule: &str) -> bool {
        let named = |set: &BTreeSet<String>| set.iter().any(|it| rule.starts_with(it.as_str()));
        (self.only.is_empty() || named(&self.only)) && !named(&self.except)
    }
}

/// A client, from its start to its end.
struct Client {
    slot: usize,
    label: String,
    dead: bool,
    /// From when to when it was paused.
    pauses: Vec<(u64, u64)>,
    /// When its shutdown said that every lock was released.
    clean_since: Option<u64>,
    /// When a request of it last failed with an error that is not transient, by lock.
    hard_error: BTreeMap<LockName, u64>,
}

struct Call {
    who: usize,
    kind: Kind,
    terms: Terms,
    names: Vec<LockName>,
    started: u64,
    phase: Phase,
    phase_since: u64,
    /// Its future is not polled.
    unpolled: bool,
    holds: usize,
    /// Since when it has no use for a lease.
    unwanted: Option<u64>,
    /// Whether other calls or leases were there meanwhile.
    company: bool,
    /// A request for it has met with trouble.
    hurt: bool,
    /// It has asked for more than its ttl.
    extended_at: Option<u64>,
    /// How often it was overtaken by a later one.
    overtaken: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Acquiring,
    /// In the caller's hands.
    Holding,
    Extending,
    /// So many guards.
    Releasing(u64),
    Over,
}

/// What is known of a lease, whatever the store has forgotten.
struct Lease {
    /// The call that has it, or the first of those that may.
    call: usize,
    /// The holder that keeps it: its own, or that of another reader.
    holder: LeaseId,
    name: LockName,
    token: i64,
    /// Every grant: its token, its holder, and when its request was sent. A request that arrives late may have
    /// another one, which its client does not rely on.
    grants: Vec<(i64, LeaseId, u64)>,
    /// When the request was sent that was granted.
    sent: u64,
    /// From when on no step may be taken.
    bound: u64,
    /// Until then, another holder is excused: this one could not learn that its lease is gone.
    excused: u64,
    /// It came back with a fail-over, after its release.
    came_back: bool,
    /// An operator has removed the document, with what it knew of revoked leases.
    wiped: bool,
    /// A caller has had it.
    delivered: bool,
}

struct Hold {
    call: usize,
    who: usize,
    name: LockName,
    lease: LeaseId,
    handle: LeaseHandle,
    since: u64,
}

impl Oracle {
    pub(crate) fn new(scenario: &Scenario, rules: Rules) -> Self {
        // Behind routers, there and back again.
        let ways = if scenario.routers { 4 } else { 2 };
        Self {
            mirror: Mirror::default(),
            violation: None,
            rules,
            limit: scenario.limit,
            round_trip: ways * scenario.latency.1,
            faults: scenario.faults.clone(),
            clients: Vec::new(),
            calls: BTreeMap::new(),
            by_ttl: BTreeMap::new(),
            leases: BTreeMap::new(),
            holds: BTreeMap::new(),
            next_hold: 0,
            busy: BTreeMap::new(),
            rolled_back_at: None,
            wiped: BTreeMap::new(),
            steps: Vec::new(),
            ended: Vec::new(),
            decided: 0,
            pauses: BTreeMap::new(),
            last_tokens: BTreeMap::new(),
        }
    }

    pub(crate) fn client_started(&mut self, slot: usize, label: String) -> usize {
        self.clients.push(Client {
            slot,
            label,
            dead: false,
            pauses: Vec::new(),
            clean_since: None,
            hard_error: BTreeMap::new(),
        });
        self.clients.len() - 1
    }

    pub(crate) fn label(&self, who: usize) -> &str {
        &self.clients[who].label
    }

    pub(crate) fn client_died(&mut self, who: usize) {
        self.clients[who].dead = true;
        self.holds.retain(|_, hold| hold.who != who);
    }

    /// For the history.
    pub(crate) fn call_of(&self, lease: LeaseId) -> Option<usize> {
        self.leases.get(&lease).map(|lease| lease.call)
    }

    /// The first call for which leases of this ttl are asked.
    pub(crate) fn call_with(&self, ttl: u64, name: &LockName) -> usize {
        let calls = self.by_ttl.get(&(ttl, name.clone()));
        calls.map_or(usize::MAX, |calls| calls[0])
    }

    /// The calls whose requests look like those of this one.
    fn alike(&self, call: usize, name: &LockName) -> &[usize] {
        let terms = self.calls.get(&call).map(|call| call.terms.ttl);
        let calls = terms.and_then(|ttl| self.by_ttl.get(&(ttl, name.clone())));
        calls.map_or(&[], Vec::as_slice)
    }

    fn is_unlike_others(&self, call: usize, name: &LockName) -> bool {
        self.alike(call, name).len() < 2
    }

    /// The leases that this holder keeps: one, but for readers.
    fn members(&self, holder: LeaseId) -> impl Iterator<Item = &Lease> {
        let leases = self.leases.iter();
        let leases = leases.filter(move |(id, lease)| **id == holder || lease.holder == holder);
        leases.map(|(_, lease)| lease)
    }

    fn members_mut(&mut self, holder: LeaseId) -> impl Iterator<Item = &mut Lease> {
        let leases = self.leases.values_mut();
        leases.filter(move |lease| lease.holder == holder)
    }

    /// An operator has removed the document of a lock, which had given out this token last.
    pub(crate) fn wiped(&mut self, at: u64, now: i64, name: &LockName, token: Option<i64>) {
        self.wiped.insert(name.clone(), at);
        if let Some(token) = token.filter(|token| *token < now) {
            self.last_tokens.insert(name.clone(), token);
        }
        for lease in self.leases.values_mut() {
            lease.wiped |= lease.name == *name;
        }
    }

    /// Nothing can be expected of a client's requests before this, and until `at`.
    fn healthy_since(&self, slot: usize, at: u64) -> u64 {
        let ends = self.faults.iter().filter_map(|fault| {
            let (from, concerns) = match *fault {
                Fault::Requests { from, client, .. } => {
                    (from, client.is_none_or(|client| client == slot))
                }
                Fault::Hang { from, .. } => (from, true),
                Fault::FailOver { at, .. } => (at, true),
                Fault::Pause { from, client, .. } => (from, client == slot),
                _ => (0, false),
            };
            (concerns && from <= at).then(|| fault.over().min(at))
        });
        ends.max().unwrap_or(0)
    }

    /// As [`healthy_since`](Self::healthy_since), and the client has given up every request that was
    /// lost without an error, a second after its operation time limit.
    fn answered_since(&self, slot: usize, at: u64) -> u64 {
        let silent = self.faults.iter().filter_map(|fault| match *fault {
            Fault::Requests {
                from, to, client, ..
            } if client.is_none_or(|client| client == slot) && from <= at => {
                Some((to + self.limit + 1000).min(at))
            }
            _ => None,
        });
        let silent = silent.max().unwrap_or(0);
        silent.max(self.healthy_since(slot, at))
    }

    /// How long the client was paused between these.
    fn paused(&self, who: usize, since: u64, at: u64) -> u64 {
        let times = self.clients[who].pauses.iter();
        let times = times.map(|(from, to)| (*to).min(at).saturating_sub((*from).max(since)));
        times.sum()
    }

    pub(crate) fn client_paused(&mut self, at: u64, who: usize, begins: bool) {
        let times = &mut self.clients[who].pauses;
        let current = times.last_mut().filter(|(_, to)| *to == u64::MAX);
        match (current, begins) {
            (None, true) => times.push((at, u64::MAX)),
            (Some(pause), false) => pause.1 = at,
            _ => {}
        }
    }

    /// How long a client may take to clean up, once the network is healthy: a request that was lost is
    /// given up a second after the limit, and the next one comes a second later.
    fn clean_up(&self) -> u64 {
        self.limit + 3000 + self.round_trip
    }

    fn broken(&mut self, rule: &'static str, at: u64, text: impl FnOnce(&Self) -> String) {
        if self.violation.is_none() && self.rules.count(rule) {
            let text = text(self);
            self.violation = Some(Violation { rule, at, text });
        }
    }

    /// The server's clock is set, or that of the next primary differs.
    pub(crate) fn clock_set(&mut self, at: u64, by: i64) {
        if by == 0 {
            return;
        }
        self.steps.push((at, by));
        if by < 0 {
            self.last_tokens.clear();
        }
        if by > 0 {
            // Every lease is shortened, and no holder can know.
            for lease in self.leases.values_mut() {
                lease.excused = lease.excused.max(lease.bound);
            }
        }
    }

    /// The clock was set forward after the server read it for this request, and the lease is shorter than its
    /// holder can know.
    fn excuse_if_set(&mut self, holder: LeaseId) {
        let decided = self.decided;
        let mut steps = self.steps.iter();
        if steps.any(|(step, by)| *by > 0 && *step >= decided) {
            self.taken_away(holder);
        }
    }

    /// By an operator, whom no client hears.
    pub(crate) fn taken_away(&mut self, lease: LeaseId) {
        for lease in self.members_mut(lease) {
            lease.excused = lease.excused.max(lease.bound);
        }
    }

    /// A fail-over has lost some of what had happened.
    pub(crate) fn rolled_back(&mut self, at: u64, mirror: Mirror) {
        for document in mirror.documents.values() {
            for stored in &document.leases {
                let before = self.mirror.documents.get(stored_name(&mirror, stored));
                let there = before.is_some_and(|document| {
                    let mut leases = document.leases.iter();
                    leases.any(|it| it.id == stored.id && !it.released)
                });
                if !there {
                    let leases = self.leases.values_mut();
                    for lease in leases.filter(|it| it.holder == stored.id) {
                        lease.came_back = true;
                    }
                }
            }
        }
        self.mirror = mirror;
        // What was revoked meanwhile may not be any more.
        self.rolled_back_at = Some(at);
        self.last_tokens.clear();
        for lease in self.leases.values_mut() {
            lease.wiped = true;
        }
    }
}

fn stored_name<'a>(mirror: &'a Mirror, stored: &mirror::Stored) -> &'a LockName {
    let mut documents = mirror.documents.iter();
    let found = documents.find(|(_, document)| document.leases.iter().any(|it| it.id == stored.id));
    found.map(|(name, _)| name).expect("it is there")
}

fn margin(ttl: u64) -> u64 {
    (ttl / 5).min(1000)
}
