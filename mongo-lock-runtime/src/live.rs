//! The leases of a client that are not over yet: being acquired, held, or being released.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, timeout_at},
};

use crate::{LockName, LossReason, keeper, lease::Lease, renewal, store::LeaseId};

/// What must be renewed, ended at its deadline, and waited for by shutdown.
#[derive(Default)]
pub(crate) struct Live {
    table: Mutex<Table>,
    /// Woken when the keeper must look earlier than it meant to.
    sooner: Notify,
    /// Woken when a lease is over.
    fewer: Notify,
}

#[derive(Default)]
struct Table {
    leases: HashMap<LeaseId, Entry>,
    /// Those of them that nobody else can hold along with us.
    exclusive: HashMap<LockName, Lease>,
    /// When the keeper will look next; `None` while there is no keeper.
    next: Option<Instant>,
    /// No more acquisitions: the client is shutting down.
    closed: bool,
    /// Locks whose release failed while it did.
    left: Vec<LockName>,
}

enum Entry {
    /// It may be granted at any moment, or have been.
    Acquiring(LockName),
    Held {
        lease: Lease,
        due: Option<Due>,
    },
    Releasing(LockName),
}

/// When to renew a lease next.
#[derive(Clone, Copy)]
struct Due {
    at: Instant,
    /// From when on it may go along with another that is due.
    along_from: Instant,
}

impl Live {
    /// Before anything is sent. `false` when the client is shutting down.
    pub(crate) fn acquiring(&self, id: LeaseId, name: &LockName) -> bool {
        let mut table = self.table();
        if !table.closed {
            table.leases.insert(id, Entry::Acquiring(name.clone()));
        }
        !table.closed
    }

    pub(crate) fn add(self: &Arc<Self>, lease: &Lease) {
        let due = lease
            .spec()
            .renew()
            .then(|| Due::regular(lease.since(), renewal::interval(lease.ttl())));
        let entry = Entry::Held {
            lease: lease.clone(),
            due,
        };
        let look = entry.look();
        let mut table = self.table();
        table.leases.insert(lease.id(), entry);
        if lease.spec().is_exclusive() {
            table.exclusive.insert(lease.name().clone(), lease.clone());
        }
        let Some(look) = look else { return };
        match table.next {
            Some(next) if next <= look => {}
            Some(_) => self.sooner.notify_one(),
            None => {
                table.next = Some(look);
                drop(table);
                keeper::start(self, lease.client());
            }
        }
    }

    /// From now on it is not renewed, and shutdown waits for its release.
    pub(crate) fn releasing(&self, id: LeaseId, name: &LockName) {
        let entry = Entry::Releasing(name.clone());
        let mut table = self.table();
        table.leases.insert(id, entry);
        if table
            .exclusive
            .get(name)
            .is_some_and(|held| held.id() == id)
        {
            table.exclusive.remove(name);
        }
    }

    /// The lease under which this client holds a lock that it shares with nobody.
    pub(crate) fn exclusive(&self, name: &LockName) -> Option<Lease> {
        let lease = self.table().exclusive.get(name).cloned()?;
        lease.check().is_ok().then_some(lease)
    }

    /// It was never granted, or is released; or, if not `freed`, given up.
    pub(crate) fn over(&self, id: LeaseId, freed: bool) {
        let mut table = self.table();
        let entry = table.leases.remove(&id);
        if let Some(Entry::Acquiring(name) | Entry::Releasing(name)) = entry
            && table.closed
            && !freed
        {
            table.left.push(name);
        }
        drop(table);
        self.fewer.notify_waiters();
    }

    // For the keeper.

    /// Waits until a lease is at its deadline, or due for renewal. `false`: there is none to watch,
    /// and the keeper must end.
    pub(crate) async fn wait(&self) -> bool {
        loop {
            let sooner = self.sooner.notified();
            let Some(look) = self.next_look() else {
                return false;
            };
            if look <= Instant::now() {
                return true;
            }
            // Whichever comes first is a reason to look again: what was due may have been renewed.
            let _ = timeout_at(look, sooner).await;
        }
    }

    fn next_look(&self) -> Option<Instant> {
        let mut table = self.table();
        let next = table.leases.values().filter_map(Entry::look).min();
        // Under the lock: whoever adds a lease after this `None` starts a keeper anew.
        table.next = next;
        next
    }

    /// Ends what is at its deadline, and gives what is due for renewal, with what may go along. Each
    /// of these is due again when this attempt has taken too long, in case that it hangs.
    pub(crate) fn look(&self, now: Instant, operation: Duration) -> Vec<Lease> {
        // Ending one has a subscriber's code run, which must not happen under the lock.
        for lease in self.held() {
            let _ = lease.check();
        }
        let mut table = self.table();
        let due = table.leases.values().filter_map(Entry::due);
        if !due.into_iter().any(|due| due.at <= now) {
            return Vec::new();
        }
        let mut batch = Vec::new();
        for entry in table.leases.values_mut() {
            if let Entry::Held { lease, due } = entry
                && lease.runs_until().is_some()
                && let Some(due) = due
                && due.along_from <= now
            {
                let limit = operation.min(renewal::interval(lease.ttl()));
                *due = Due::exact(now + limit);
                batch.push(lease.clone());
            }
        }
        batch
    }

    /// Renewed by a request sent at `sent`.
    pub(crate) fn renewed(&self, lease: &Lease, sent: Instant) {
        self.reschedule(lease, |interval| Due::regular(sent, interval));
    }

    /// To be tried again soon.
    pub(crate) fn not_renewed(&self, lease: &Lease) {
        let now = Instant::now();
        self.reschedule(lease, |interval| Due::exact(now + renewal::pause(interval)));
        self.sooner.notify_one();
    }

    fn reschedule(&self, lease: &Lease, next: impl FnOnce(Duration) -> Due) {
        if let Some(Entry::Held { due: Some(due), .. }) = self.table().leases.get_mut(&lease.id()) {
            *due = next(renewal::interval(lease.ttl()));
        }
    }

    /// Nobody looks any more: nobody renews them, nor ends them at their deadlines.
    pub(crate) fn abandon(&self) {
        self.end_all(&LossReason::RuntimeGone);
        self.table().next = None;
    }

    // For shutdown.

    pub(crate) fn close(&self) {
        self.table().closed = true;
    }

    pub(crate) fn closed(&self) -> bool {
        self.table().closed
    }

    pub(crate) fn end_all(&self, reason: &LossReason) {
        for lease in self.held() {
            lease.end(reason.clone());
        }
    }

    /// Waits until all are over.
    pub(crate) async fn settled(&self) {
        loop {
            let fewer = self.fewer.notified();
            if self.table().leases.is_empty() {
                return;
            }
            fewer.await;
        }
    }

    /// The locks that are still taken, as far as is known.
    pub(crate) fn left(&self) -> Vec<LockName> {
        let table = self.table();
        let live = table.leases.values().map(|entry| match entry {
            Entry::Held { lease, .. } => lease.name(),
            Entry::Acquiring(name) | Entry::Releasing(name) => name,
        });
        live.chain(&table.left).cloned().collect()
    }

    fn held(&self) -> Vec<Lease> {
        let table = self.table();
        let held = table.leases.values().filter_map(|entry| match entry {
            Entry::Held { lease, .. } => Some(lease.clone()),
            Entry::Acquiring(_) | Entry::Releasing(_) => None,
        });
        held.collect()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // Nothing in a critical section panics.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn due(&self) -> Option<Due> {
        match self {
            // A lease that has ended is still here until its owner lets go of it.
            Self::Held { lease, due } => lease.runs_until().and(*due),
            Self::Acquiring(_) | Self::Releasing(_) => None,
        }
    }

    /// When the keeper has something to do for it.
    fn look(&self) -> Option<Instant> {
        match self {
            Self::Held { lease, due } => {
                let deadline = lease.runs_until()?;
                Some(due.map_or(deadline, |due| due.at.min(deadline)))
            }
            Self::Acquiring(_) | Self::Releasing(_) => None,
        }
    }
}

impl Due {
    /// An interval after `sent`; half an interval earlier in company, so that leases that began at
    /// different times are soon renewed together.
    fn regular(sent: Instant, interval: Duration) -> Self {
        Self {
            at: sent + interval,
            along_from: sent + interval / 2,
        }
    }

    fn exact(at: Instant) -> Self {
        Self { at, along_from: at }
    }
}
