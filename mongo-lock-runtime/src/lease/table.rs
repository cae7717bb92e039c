//! The leases of a client that are not over yet: pending, held, or being released.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use tokio::sync::Notify;

use super::{
    entry::{Due, Entry},
    lease::Lease,
    readers::Readers,
};
use crate::{
    clock::{Clock, Moment},
    error::LossReason,
    name::LockName,
    operation::{Running, renewal_interval},
    store::LeaseId,
};

/// The leases that must be renewed, ended at their deadlines, and waited for by a shutdown.
pub(crate) struct LeaseTable {
    pub(super) clock: Clock,
    pub(super) readers: Arc<Readers>,
    state: Mutex<State>,
    /// The signal that the keeper must look earlier than planned.
    pub(super) sooner: Notify,
    /// The signal that a lease is over, or its release is in trouble.
    fewer: Notify,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) entries: BTreeMap<LeaseId, Entry>,
    names: HashMap<LockName, NameState>,
    /// The time at which the keeper looks next; `None` while there is no keeper.
    pub(super) next_look: Option<Moment>,
    /// Whether the client is shutting down: then no lease is entered any more.
    closed: bool,
    /// The locks whose release was given up, and the ends of their leases.
    given_up: Vec<(LockName, Moment)>,
}

/// The state of one lock as far as this client knows it without asking the server.
#[derive(Default)]
struct NameState {
    /// The lease under which the client holds the lock without sharing it.
    exclusive: Option<Lease>,
    /// The leases whose first attempt at a release is under way, and those that are asked for without
    /// a caller.
    releasing: BTreeSet<LeaseId>,
}

/// The answer of [`LeaseTable::local`].
pub(crate) enum Local {
    /// The client holds the lock itself, and shares it with no other caller.
    Held(Lease),
    /// The client is about to release leases of the lock.
    Releasing(ReleaseTicket),
    Unknown,
}

/// Releases of one lock that were under way at one moment.
pub(crate) struct ReleaseTicket {
    name: LockName,
    leases: BTreeSet<LeaseId>,
}

impl LeaseTable {
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            clock,
            readers: Arc::default(),
            state: Mutex::default(),
            sooner: Notify::new(),
            fewer: Notify::new(),
        }
    }

    /// Enters a lease before the first request for it is sent. `false` when the client is shutting
    /// down.
    pub(super) fn begin(&self, id: LeaseId, name: &LockName) -> bool {
        let mut state = self.state();
        if !state.closed {
            let entry = Entry::Pending {
                name: name.clone(),
                running: Weak::new(),
            };
            state.entries.insert(id, entry);
        }
        !state.closed
    }

    /// Keeps the operation that works on a lease, so that the operation can be moved to a task.
    pub(crate) fn set_running(&self, id: LeaseId, operation: &Arc<Running>) {
        let mut state = self.state();
        let closed = state.closed;
        if let Some(Entry::Pending { running, .. }) = state.entries.get_mut(&id) {
            *running = Arc::downgrade(operation);
        }
        drop(state);
        if closed {
            operation.move_to_task();
        }
    }

    /// Enters a lease that was granted. Says whether a keeper must be started.
    pub(super) fn insert(&self, lease: &Lease) -> bool {
        let due = lease
            .spec()
            .renew()
            .then(|| Due::regular(lease.since(), renewal_interval(lease.ttl())));
        let entry = Entry::Held {
            lease: lease.clone(),
            due,
        };
        let look = entry.look();
        let mut state = self.state();
        state.entries.insert(lease.id(), entry);
        if lease.spec().is_exclusive() {
            let known = state.names.entry(lease.name().clone()).or_default();
            known.exclusive = Some(lease.clone());
        }
        let Some(look) = look else { return false };
        match state.next_look {
            Some(next) if next <= look => false,
            Some(_) => {
                state.next_look = Some(look);
                drop(state);
                self.sooner.notify_one();
                false
            }
            None => {
                state.next_look = Some(look);
                true
            }
        }
    }

    /// Marks a lease as being released: the lease is not renewed any more, and a shutdown waits for the
    /// release.
    pub(crate) fn releasing(&self, id: LeaseId, name: &LockName) {
        let entry = Entry::Releasing { name: name.clone() };
        let mut state = self.state();
        let was = state.entries.insert(id, entry);
        let known = state.names.entry(name.clone()).or_default();
        known.releasing.insert(id);
        let held = known.exclusive.take_if(|held| held.id() == id);
        drop(state);
        drop((was, held));
    }

    /// Marks a pending lease whose caller is gone. A lease that is granted to it is given back, so this is
    /// as good as a release under way.
    pub(crate) fn abandoned(&self, id: LeaseId, name: &LockName) {
        let mut state = self.state();
        if state.entries.contains_key(&id) {
            let known = state.names.entry(name.clone()).or_default();
            known.releasing.insert(id);
        }
    }

    /// Whether no caller waits for the lease any more.
    pub(crate) fn is_abandoned(&self, id: LeaseId, name: &LockName) -> bool {
        let state = self.state();
        let known = state.names.get(name);
        state.closed || known.is_some_and(|known| known.releasing.contains(&id))
    }

    /// Marks a release of which an attempt has failed: callers are to ask the server, not to wait for the
    /// release.
    pub(crate) fn release_in_trouble(&self, id: LeaseId, name: &LockName) {
        self.state().forget_release(id, name);
        self.fewer.notify_waiters();
    }

    /// The state of a lock as far as this client knows it without asking the server.
    pub(crate) fn local(&self, name: &LockName) -> Local {
        let (held, releasing) = {
            let state = self.state();
            let Some(known) = state.names.get(name) else {
                return Local::Unknown;
            };
            (known.exclusive.clone(), known.releasing.clone())
        };
        if let Some(held) = held.filter(|lease| lease.check().is_ok()) {
            Local::Held(held)
        } else if releasing.is_empty() {
            Local::Unknown
        } else {
            Local::Releasing(ReleaseTicket {
                name: name.clone(),
                leases: releasing,
            })
        }
    }

    /// The lease under which this client holds a lock that it shares with no other caller.
    pub(crate) fn exclusive(&self, name: &LockName) -> Option<Lease> {
        let held = self.state().names.get(name)?.exclusive.clone()?;
        held.check().is_ok().then_some(held)
    }

    /// Whether a release of the lock is under way, and none of its attempts has failed.
    pub(crate) fn is_releasing(&self, name: &LockName) -> bool {
        let state = self.state();
        let known = state.names.get(name);
        known.is_some_and(|known| {
            let mut ids = known.releasing.iter();
            ids.any(|id| matches!(state.entries.get(id), Some(Entry::Releasing { .. })))
        })
    }

    /// Waits until each of these releases has ended, or is in trouble.
    pub(crate) async fn wait_for(&self, ticket: &ReleaseTicket) {
        loop {
            let fewer = self.fewer.notified();
            let under_way = {
                let state = self.state();
                let known = state.names.get(&ticket.name);
                known.is_some_and(|known| !known.releasing.is_disjoint(&ticket.leases))
            };
            if !under_way {
                return;
            }
            fewer.await;
        }
    }

    /// Removes a lease that was never granted, or is released.
    pub(crate) fn remove(&self, id: LeaseId) {
        self.take(id, None);
    }

    /// Removes a lease whose release was given up: the lease ends by itself, at `until` at the latest.
    pub(crate) fn give_up(&self, id: LeaseId, until: Moment) {
        self.take(id, Some(until));
    }

    fn take(&self, id: LeaseId, given_up: Option<Moment>) {
        let now = self.clock.now();
        let mut state = self.state();
        let entry = state.entries.remove(&id);
        if let Some(entry) = &entry {
            let name = entry.name().clone();
            state.forget_release(id, &name);
            if let Some(until) = given_up {
                state.given_up.retain(|(_, until)| *until > now);
                state.given_up.push((name, until));
            }
        }
        drop(state);
        drop(entry);
        self.fewer.notify_waiters();
    }

    /// Has the operations on pending leases of a lock go on in tasks: their callers may have stopped polling.
    pub(crate) fn move_to_tasks(&self, name: &LockName) {
        let operations = self.state().pending(|other| other == name);
        for operation in operations {
            operation.move_to_task();
        }
    }

    /// Lets no more acquisitions in, and has every operation that callers poll go on in a task.
    pub(crate) fn close(&self) {
        let operations = {
            let mut state = self.state();
            state.closed = true;
            state.pending(|_| true)
        };
        for operation in operations {
            operation.move_to_task();
        }
        self.fewer.notify_waiters();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.state().closed
    }

    pub(crate) fn end_all(&self, reason: &LossReason) {
        for lease in self.held() {
            lease.end(reason);
        }
    }

    /// Waits until all leases are over.
    pub(crate) async fn settled(&self) {
        loop {
            let fewer = self.fewer.notified();
            if self.state().entries.is_empty() {
                return;
            }
            fewer.await;
        }
    }

    /// The locks that are still taken, as far as is known.
    pub(crate) fn unreleased(&self) -> Vec<LockName> {
        let now = self.clock.now();
        let state = self.state();
        let live = state.entries.values().map(Entry::name);
        let given_up = state.given_up.iter().filter(|(_, until)| *until > now);
        live.chain(given_up.map(|(name, _)| name))
            .cloned()
            .collect()
    }

    pub(super) fn held(&self) -> Vec<Lease> {
        let state = self.state();
        let held = state.entries.values().filter_map(|entry| match entry {
            Entry::Held { lease, .. } => Some(lease.clone()),
            Entry::Pending { .. } | Entry::Releasing { .. } => None,
        });
        held.collect()
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // No code in a critical section panics.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The operations on pending leases of these locks.
    fn pending(&self, of: impl Fn(&LockName) -> bool) -> Vec<Arc<Running>> {
        let entries = self.entries.values().filter_map(|entry| match entry {
            Entry::Pending { name, running } if of(name) => running.upgrade(),
            _ => None,
        });
        entries.collect()
    }

    fn forget_release(&mut self, id: LeaseId, name: &LockName) {
        let Some(known) = self.names.get_mut(name) else {
            return;
        };
        known.releasing.remove(&id);
        if known.exclusive.is_none() && known.releasing.is_empty() {
            self.names.remove(name);
        }
    }
}
