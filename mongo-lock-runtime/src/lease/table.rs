//! The leases of a client that are not over yet: pending, held, or being released.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use tokio::{sync::Notify, time::timeout};

use super::lease::Lease;
use crate::{
    clock::{Clock, Moment},
    error::LossReason,
    name::LockName,
    operation::{Running, renewal_interval, renewal_pause},
    store::LeaseId,
};

/// What must be renewed, ended at its deadline, and waited for by a shutdown.
pub(crate) struct LeaseTable {
    clock: Clock,
    state: Mutex<State>,
    /// Woken when the keeper must look earlier than it meant to.
    sooner: Notify,
    /// Woken when a lease is over, or its release is in trouble.
    fewer: Notify,
}

#[derive(Default)]
struct State {
    entries: BTreeMap<LeaseId, Entry>,
    names: HashMap<LockName, NameState>,
    /// When the keeper will look next; `None` while there is no keeper.
    next_look: Option<Moment>,
    /// No more acquisitions: the client is shutting down.
    closed: bool,
    /// Locks whose release was given up, and when their leases end by themselves.
    given_up: Vec<(LockName, Moment)>,
}

enum Entry {
    /// The lease may be granted at any moment, or have been.
    Pending {
        name: LockName,
        running: Weak<Running>,
    },
    Held {
        lease: Lease,
        due: Option<Due>,
    },
    Releasing {
        name: LockName,
        running: Weak<Running>,
        /// Whether another party waits for the release.
        wanted: bool,
    },
}

/// What this client knows of a lock before it asks the server.
#[derive(Default)]
struct NameState {
    /// The lease under which the client holds the lock without sharing it.
    exclusive: Option<Lease>,
    /// The leases whose first attempt at a release is under way, and those that are asked for without
    /// a caller.
    releasing: BTreeSet<LeaseId>,
}

/// [`LeaseTable::local`].
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

/// When to renew a lease next.
#[derive(Clone, Copy)]
struct Due {
    at: Moment,
    /// From when on the lease may go along with another that is due.
    along_from: Moment,
}

impl LeaseTable {
    /// The longest time for which the keeper sleeps on the system's clock. The timers of tokio do not
    /// count a suspension of the machine: after one, leases that are over are found within this time.
    const CLOCK_CHECK: Duration = Duration::from_secs(1);

    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            clock,
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

    /// Keeps the operation that works on a lease, so that it can be moved to a task.
    pub(crate) fn set_running(&self, id: LeaseId, operation: &Arc<Running>) {
        let mut state = self.state();
        let closed = state.closed;
        let to_task = match state.entries.get_mut(&id) {
            Some(Entry::Pending { running, .. }) => {
                *running = Arc::downgrade(operation);
                closed
            }
            Some(Entry::Releasing {
                running, wanted, ..
            }) => {
                *running = Arc::downgrade(operation);
                closed || *wanted
            }
            Some(Entry::Held { .. }) | None => false,
        };
        drop(state);
        if to_task {
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

    /// From now on the lease is not renewed, and a shutdown waits for its release.
    pub(crate) fn releasing(&self, id: LeaseId, name: &LockName) {
        let entry = Entry::Releasing {
            name: name.clone(),
            running: Weak::new(),
            wanted: false,
        };
        let mut state = self.state();
        let was = state.entries.insert(id, entry);
        let known = state.names.entry(name.clone()).or_default();
        known.releasing.insert(id);
        let held = known.exclusive.take_if(|held| held.id() == id);
        drop(state);
        drop((was, held));
    }

    /// The caller of a lease that is asked for is gone: whatever comes of the requests is given back,
    /// and that is as good as a release under way.
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

    /// An attempt at the release has failed: callers are to ask the server again, not to wait for it.
    pub(crate) fn release_in_trouble(&self, id: LeaseId, name: &LockName) {
        self.state().forget_release(id, name);
        self.fewer.notify_waiters();
    }

    /// What is known of a lock without asking the server.
    pub(crate) fn local(&self, name: &LockName) -> Local {
        let state = self.state();
        let Some(known) = state.names.get(name) else {
            return Local::Unknown;
        };
        if !known.releasing.is_empty() {
            return Local::Releasing(ReleaseTicket {
                name: name.clone(),
                leases: known.releasing.clone(),
            });
        }
        let held = known.exclusive.clone();
        drop(state);
        held.filter(|lease| lease.check().is_ok())
            .map_or(Local::Unknown, Local::Held)
    }

    /// The lease under which this client holds a lock that it shares with no other caller.
    pub(crate) fn exclusive(&self, name: &LockName) -> Option<Lease> {
        let held = self.state().names.get(name)?.exclusive.clone()?;
        held.check().is_ok().then_some(held)
    }

    /// Whether a release of the lock is under way. Its operation goes on in a task from here on, since
    /// the caller needs its result.
    pub(crate) fn wants_release(&self, name: &LockName) -> bool {
        let mut operations = Vec::new();
        {
            let mut state = self.state();
            let State { entries, names, .. } = &mut *state;
            let Some(known) = names.get(name) else {
                return false;
            };
            if known.releasing.is_empty() {
                return false;
            }
            for id in &known.releasing {
                match entries.get_mut(id) {
                    Some(Entry::Releasing {
                        running, wanted, ..
                    }) => {
                        *wanted = true;
                        operations.extend(running.upgrade());
                    }
                    Some(Entry::Pending { running, .. }) => operations.extend(running.upgrade()),
                    Some(Entry::Held { .. }) | None => {}
                }
            }
        }
        for operation in operations {
            operation.move_to_task();
        }
        true
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
            self.wants_release(&ticket.name);
            fewer.await;
        }
    }

    /// The lease was never granted, or is released.
    pub(crate) fn remove(&self, id: LeaseId) {
        self.take(id, None);
    }

    /// The release of the lease was given up: the lease ends by itself, at `until` at the latest.
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

    // For the keeper.

    /// Waits until a lease is at its deadline, or due for renewal. `false`: there is none to watch,
    /// and the keeper must end.
    pub(super) async fn wait(&self) -> bool {
        loop {
            let sooner = self.sooner.notified();
            let Some(look) = self.next_look() else {
                return false;
            };
            let now = self.clock.now();
            if look <= now {
                return true;
            }
            let mut sleep = look.since(now);
            if matches!(self.clock, Clock::System(_)) {
                sleep = sleep.min(Self::CLOCK_CHECK);
            }
            // Either is a reason to look again: what was due may have been renewed.
            let _ = timeout(sleep, sooner).await;
        }
    }

    fn next_look(&self) -> Option<Moment> {
        let mut state = self.state();
        let next = state.entries.values().filter_map(Entry::look).min();
        // Under the mutex: the insertion of a lease after this `None` starts a keeper anew.
        state.next_look = next;
        next
    }

    /// Ends the leases that are at their deadlines, and gives those that are due for renewal, with
    /// those that may go along. Each of these is due again when this attempt has taken too long, in
    /// case that it hangs.
    pub(super) fn collect_due(&self, now: Moment, operation_timeout: Duration) -> Vec<Lease> {
        // The check of a lease may end it, and tells of that: not under the mutex.
        for lease in self.held() {
            let _ = lease.check();
        }
        let mut state = self.state();
        let due = state.entries.values().filter_map(Entry::due);
        if !due.into_iter().any(|due| due.at <= now) {
            return Vec::new();
        }
        let mut batch = Vec::new();
        for entry in state.entries.values_mut() {
            if let Entry::Held { lease, due } = entry
                && lease.runs_until().is_some()
                && let Some(due) = due
                && due.along_from <= now
            {
                let limit = operation_timeout.min(renewal_interval(lease.ttl()));
                *due = Due::exact(now + limit);
                batch.push(lease.clone());
            }
        }
        batch
    }

    /// The lease was renewed by a request sent at `sent`.
    pub(super) fn renewed(&self, lease: &Lease, sent: Moment) {
        self.reschedule(lease, Due::regular(sent, renewal_interval(lease.ttl())));
    }

    /// The renewal of the lease is to be tried again soon.
    pub(super) fn not_renewed(&self, lease: &Lease) {
        let at = self.clock.now() + renewal_pause(lease.ttl());
        self.reschedule(lease, Due::exact(at));
        self.sooner.notify_one();
    }

    fn reschedule(&self, lease: &Lease, next: Due) {
        if let Some(Entry::Held { due: Some(due), .. }) = self.state().entries.get_mut(&lease.id())
        {
            *due = next;
        }
    }

    /// There is no keeper any more, which would renew the leases and end them at their deadlines.
    pub(super) fn abandon(&self) {
        self.end_all(&LossReason::RuntimeGone);
        self.state().next_look = None;
    }

    // For a shutdown.

    /// Lets no more acquisitions in, and has every operation that callers poll go on in a task.
    pub(crate) fn close(&self) {
        let mut operations = Vec::new();
        {
            let mut state = self.state();
            state.closed = true;
            for entry in state.entries.values() {
                match entry {
                    Entry::Pending { running, .. } | Entry::Releasing { running, .. } => {
                        operations.extend(running.upgrade());
                    }
                    Entry::Held { .. } => {}
                }
            }
        }
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

    fn held(&self) -> Vec<Lease> {
        let state = self.state();
        let held = state.entries.values().filter_map(|entry| match entry {
            Entry::Held { lease, .. } => Some(lease.clone()),
            Entry::Pending { .. } | Entry::Releasing { .. } => None,
        });
        held.collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code in a critical section panics.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
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

impl Entry {
    fn name(&self) -> &LockName {
        match self {
            Self::Held { lease, .. } => lease.name(),
            Self::Pending { name, .. } | Self::Releasing { name, .. } => name,
        }
    }

    fn due(&self) -> Option<Due> {
        match self {
            // A lease that has ended is still here until its owner lets go of it.
            Self::Held { lease, due } => lease.runs_until().and(*due),
            Self::Pending { .. } | Self::Releasing { .. } => None,
        }
    }

    /// When the keeper has something to do for the lease.
    fn look(&self) -> Option<Moment> {
        match self {
            Self::Held { lease, due } => {
                let deadline = lease.runs_until()?;
                Some(due.map_or(deadline, |due| due.at.min(deadline)))
            }
            Self::Pending { .. } | Self::Releasing { .. } => None,
        }
    }
}

impl Due {
    /// An interval after `sent`; half an interval earlier in company, so that leases that began at
    /// different times are soon renewed together.
    fn regular(sent: Moment, interval: Duration) -> Self {
        Self {
            at: sent + interval,
            along_from: sent + interval / 2,
        }
    }

    fn exact(at: Moment) -> Self {
        Self { at, along_from: at }
    }
}
