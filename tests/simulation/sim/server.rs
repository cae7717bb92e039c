//! The server: the locks, a clock that can be set, and a fail-over that loses what no majority had.

use std::collections::VecDeque;

use mongo_lock_runtime::LockName;

use super::{
    api::{Answered, Locks, Reply, Request},
    oracle::Mirror,
    routers::Clocks,
    script::{Sabotage, Scenario},
};

/// When the simulation begins, on the server's clock.
const EPOCH: i64 = 1_700_000_000_000;

pub(crate) struct Server {
    pub(crate) locks: Locks,
    offset: i64,
    /// How many requests have taken effect.
    sequence: u64,
    /// So many of them are safe from a fail-over.
    majority: u64,
    /// The states from `majority` on, where there can be a fail-over.
    states: Option<VecDeque<(u64, Locks, Mirror, Clocks)>>,
    /// Behind routers.
    clocks: Option<Clocks>,
    /// How many primaries there were.
    pub(crate) epoch: u32,
    pub(crate) down_until: u64,
    pub(super) sabotage: Sabotage,
}

impl Server {
    pub(crate) fn new(fails_over: bool, scenario: &Scenario) -> Self {
        let first = (0, Locks::default(), Mirror::default(), Clocks::default());
        Self {
            locks: Locks::default(),
            offset: 0,
            sequence: 0,
            majority: 0,
            states: fails_over.then(|| VecDeque::from([first])),
            clocks: scenario.routers.then(Clocks::default),
            epoch: 0,
            down_until: 0,
            sabotage: scenario.sabotage,
        }
    }

    pub(crate) fn now(&self, at: u64) -> i64 {
        EPOCH + self.offset + i64::try_from(at).unwrap_or(0)
    }

    pub(crate) fn set_clock(&mut self, by: i64) {
        self.offset += by;
    }

    /// The times that requests have written into documents, behind routers.
    pub(crate) fn clocks(&mut self) -> Option<&mut Clocks> {
        self.clocks.as_mut()
    }

    /// An operator has removed the document.
    pub(crate) fn delete(&mut self, name: &LockName) {
        self.locks.delete(name);
        if let Some(clocks) = &mut self.clocks {
            clocks.forget(name);
        }
    }

    /// A request takes effect when it is `now` for it.
    pub(crate) fn apply(&mut self, now: i64, request: &Request) -> Answered {
        match (self.sabotage, request) {
            (Sabotage::ForgetsHolders, Request::Acquire(acquire)) => {
                self.locks.delete(&acquire.name);
            }
            (Sabotage::IgnoresReleases, Request::Release(_)) => {
                return (Reply::Released(true), Vec::new());
            }
            _ => {}
        }
        let reply = self.locks.apply(now, request);
        (reply, self.locks.take_turn())
    }

    /// What has just taken effect on the primary. Gives its number.
    pub(crate) fn written(&mut self, mirror: &Mirror) -> u64 {
        self.sequence += 1;
        if let Some(states) = &mut self.states {
            let clocks = self.clocks.clone().unwrap_or_default();
            states.push_back((self.sequence, self.locks.clone(), mirror.clone(), clocks));
        }
        self.sequence
    }

    /// A majority has it, and all before it.
    pub(crate) fn replicated(&mut self, sequence: u64) {
        self.majority = self.majority.max(sequence);
        if let Some(states) = &mut self.states {
            while states.front().is_some_and(|(at, ..)| *at < self.majority) {
                states.pop_front();
            }
        }
    }

    /// Another primary: it has what a majority had, and `keep` thousandths of what came after. Gives
    /// what is left, unless that is everything.
    pub(crate) fn fail_over(&mut self, keep: u32) -> Option<Mirror> {
        self.epoch += 1;
        let more = self.sequence - self.majority;
        let last = self.majority + more * u64::from(keep) / 1000;
        let states = self.states.as_mut()?;
        states.retain(|(at, ..)| *at <= last);
        self.majority = last;
        let changed = self.sequence > last;
        self.sequence = last;
        let (_, locks, mirror, clocks) = states.back()?;
        self.locks = locks.clone();
        if let Some(now) = &mut self.clocks {
            *now = clocks.clone();
        }
        changed.then(|| mirror.clone())
    }
}
