//! The leases of a client that are not over yet: held, or being released.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

use crate::{LockName, LossReason, lease::Lease, renewal, store::LeaseId};

/// What the client must renew, and what shutdown must wait for.
#[derive(Default)]
pub(crate) struct Live {
    table: Mutex<Table>,
    /// Woken when a renewal has become due earlier than was known.
    sooner: Notify,
    /// Woken when a lease is over.
    fewer: Notify,
}

#[derive(Default)]
struct Table {
    leases: HashMap<LeaseId, Entry>,
    /// When the renewal task will look next; `None` while it does not run.
    next: Option<Instant>,
    /// No more acquisitions: the client is shutting down.
    closed: bool,
    /// Locks whose release failed while it did.
    left: Vec<LockName>,
}

enum Entry {
    Held { lease: Lease, due: Option<Due> },
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
    pub(crate) fn add(&self, lease: &Lease) {
        let due = lease
            .spec()
            .renew()
            .then(|| Due::regular(lease.since(), renewal::interval(lease.ttl())));
        let entry = Entry::Held {
            lease: lease.clone(),
            due,
        };
        let mut table = self.table();
        table.leases.insert(lease.id(), entry);
        let Some(due) = due else { return };
        match table.next {
            Some(next) if next <= due.at => {}
            Some(_) => self.sooner.notify_one(),
            None => {
                table.next = Some(due.at);
                drop(table);
                renewal::start(lease.client());
            }
        }
    }

    /// From now on it is not renewed, and shutdown waits for its release.
    pub(crate) fn releasing(&self, id: LeaseId, name: &LockName) {
        let entry = Entry::Releasing(name.clone());
        self.table().leases.insert(id, entry);
    }

    pub(crate) fn over(&self, id: LeaseId, freed: bool) {
        let mut table = self.table();
        if let Some(Entry::Releasing(name)) = table.leases.remove(&id)
            && table.closed
            && !freed
        {
            table.left.push(name);
        }
        drop(table);
        self.fewer.notify_waiters();
    }

    // Renewal.

    /// Waits until a lease is due. `false`: there is none to renew, and the task must end.
    pub(crate) async fn wait_for_due(&self) -> bool {
        loop {
            let sooner = self.sooner.notified();
            let Some(due) = self.first_due() else {
                return false;
            };
            if tokio::time::timeout_at(due, sooner).await.is_err() {
                return true;
            }
        }
    }

    fn first_due(&self) -> Option<Instant> {
        let mut table = self.table();
        let first = table.leases.values().filter_map(Entry::due).min();
        // Under the lock: whoever adds a lease after this `None` starts the task anew.
        table.next = first;
        first
    }

    /// What is due at `now`, and what may go along. Each is due again when this attempt has taken
    /// too long, in case that it hangs.
    pub(crate) fn take_due(&self, now: Instant, operation: Duration) -> Vec<Lease> {
        let mut batch = self.due(now, operation);
        batch.retain(|lease| {
            let live = lease.check().is_ok();
            if !live {
                self.reschedule(lease, |_| None);
            }
            live
        });
        batch
    }

    fn due(&self, now: Instant, operation: Duration) -> Vec<Lease> {
        let mut batch = Vec::new();
        for entry in self.table().leases.values_mut() {
            if let Entry::Held {
                lease,
                due: Some(due),
            } = entry
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
        self.reschedule(lease, |interval| Some(Due::regular(sent, interval)));
    }

    /// To be tried again soon.
    pub(crate) fn not_renewed(&self, lease: &Lease) {
        let now = Instant::now();
        self.reschedule(lease, |interval| {
            Some(Due::exact(now + renewal::pause(interval)))
        });
        self.sooner.notify_one();
    }

    fn reschedule(&self, lease: &Lease, next: impl FnOnce(Duration) -> Option<Due>) {
        if let Some(Entry::Held { due, .. }) = self.table().leases.get_mut(&lease.id()) {
            *due = next(renewal::interval(lease.ttl()));
        }
    }

    // Shutdown.

    pub(crate) fn close(&self) {
        self.table().closed = true;
    }

    pub(crate) fn closed(&self) -> bool {
        self.table().closed
    }

    pub(crate) fn end_all(&self, reason: &LossReason) {
        let held: Vec<_> = self
            .table()
            .leases
            .values()
            .filter_map(|entry| match entry {
                Entry::Held { lease, .. } => Some(lease.clone()),
                Entry::Releasing(_) => None,
            })
            .collect();
        for lease in held {
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
            Entry::Releasing(name) => name,
        });
        live.chain(&table.left).cloned().collect()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // Nothing in a critical section panics.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn due(&self) -> Option<Instant> {
        match self {
            Self::Held { due, .. } => due.map(|due| due.at),
            Self::Releasing(_) => None,
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
