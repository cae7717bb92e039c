//! The one owner of a lease, which must release it; drop releases it too.

use std::{ops::Deref, sync::Arc, thread, time::Duration};

use tokio::sync::oneshot::error::RecvError;

use super::{
    keeper,
    lease::Lease,
    readers::{Left, Membership},
    table::LeaseTable,
};
use crate::{
    clock::Moment,
    error::{Error, LossReason, Operation},
    events::{Event, RunOutcome},
    operation::{InFlight, OperationError},
    outcome::Release,
    spec::LockSpec,
    store::{LeaseId, ReleaseRequest},
};

/// The time after which a request that was sent is taken to have arrived or to be lost, for the end
/// of a revocation that does not succeed.
pub(super) const LATEST_ARRIVAL: Duration = Duration::from_secs(60);

/// Releases leases. The layer above implements it: a release may take a waiter along.
pub(crate) trait Releaser: Send + Sync {
    /// Starts a release, which goes on whether or not its caller waits for it.
    fn release(&self, job: ReleaseJob) -> InFlight<Release>;

    /// Releases without a caller that waits for it.
    fn release_in_background(&self, job: ReleaseJob);
}

/// A release to be done.
#[derive(Debug)]
pub(crate) struct ReleaseJob {
    /// The id under which the table has the lease, or keeps account of the release.
    pub(crate) id: LeaseId,
    pub(crate) request: ReleaseRequest,
    /// Other readers of this client may share the holder: then nothing is sent.
    pub(crate) left: Left,
    /// The lease, unless it is not known whether it was granted.
    pub(crate) held: Option<HeldLease>,
    /// The lock, for events.
    pub(crate) spec: LockSpec,
    /// The moment at which the lease has ended on the server without a release.
    pub(crate) until: Moment,
}

impl ReleaseJob {
    /// The outcome where other readers keep the holder, and no command is sent. A lease that had ended before
    /// had gone for its own reader.
    pub(crate) fn without_a_command(&self) -> Option<Release> {
        let lost = self.held.as_ref().is_some_and(|held| held.lost);
        (self.left != Left::Last).then(|| Release::of(!lost))
    }
}

/// A lease that was granted, as its release knows it.
#[derive(Debug, Clone)]
pub(crate) struct HeldLease {
    pub(crate) lease: Lease,
    /// Whether the lease had ended before its release.
    pub(crate) lost: bool,
    /// Whether a caller worked under the lease.
    pub(crate) delivered: bool,
}

/// A lease that is the client's to release. Dropping it releases it in the background.
pub(crate) struct OwnedLease {
    lease: Lease,
    releaser: Arc<dyn Releaser>,
    /// Whether attempts to acquire the lease are unaccounted for, and may still arrive.
    unaccounted: bool,
    /// Whether waiters are likely to want the lock.
    contended: bool,
    /// The part in a holder that readers share.
    membership: Option<Membership>,
    state: State,
    /// The end of the run under the lease, where more is known of it than the lease tells.
    outcome: Option<RunOutcome>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Granted,
    /// A caller works under the lease.
    Delivered,
    Released,
}

impl OwnedLease {
    /// Takes charge of the lease, which from here on is renewed, if its spec says so, and released at
    /// the end.
    pub(super) fn new(
        lease: Lease,
        table: &Arc<LeaseTable>,
        releaser: Arc<dyn Releaser>,
        unaccounted: bool,
        membership: Option<Membership>,
    ) -> Self {
        if table.insert(&lease) {
            keeper::start(table, lease.context());
        }
        Self {
            contended: lease.grant().contended,
            lease,
            releaser,
            unaccounted,
            membership,
            state: State::Granted,
            outcome: None,
        }
    }

    /// Keeps the end of the run, to be reported at the release.
    pub(crate) fn set_outcome(&mut self, outcome: RunOutcome) {
        self.outcome = Some(outcome);
    }

    /// Marks that waiters are likely to want the lock: where one caller had to wait, another is likely to
    /// wait, now or soon.
    pub(crate) fn set_contended(&mut self) {
        self.contended = true;
    }

    /// Hands the lease to its caller, unless the answer came so late that the lease is over. From here
    /// on, `min_hold` counts.
    pub(crate) fn delivered(mut self) -> Result<Self, Error> {
        if let Err(reason) = self.lease.deliver() {
            if let Some(reason) = reason {
                return Err(self.never_delivered(&reason));
            }
            let ttl = self.lease.ttl();
            return Err(Error::GrantedTooLate {
                lock: self.lease.name().clone(),
                took: self.lease.held(),
                ttl,
                margin: self.lease.context().margin.of(ttl),
            });
        }
        self.state = State::Delivered;
        Ok(self)
    }

    /// The error of an acquisition whose lease was granted, and ended for this reason before its caller
    /// had the lease.
    fn never_delivered(&self, reason: &LossReason) -> Error {
        let lock = self.name().clone();
        match reason {
            LossReason::ShutDown => Error::ShutDown { lock },
            LossReason::RuntimeGone => Error::RuntimeGone { lock },
            reason => Error::Database {
                lock,
                operation: Operation::Acquire,
                problem: format!("granted, but the lease ended before its caller had it: {reason}"),
                source: None,
            },
        }
    }

    /// Starts the release, and gives a future that waits for its result.
    pub(crate) fn start_release(mut self) -> impl Future<Output = Result<Release, Error>> + Send {
        let job = self.end();
        let released = self.releaser.release(job);
        async move { self.answer(released.await) }
    }

    /// Releases the lease, and waits for the result for as long as one operation may take.
    pub(crate) async fn release(mut self) -> Result<Release, Error> {
        let job = self.end();
        let released = self.releaser.release(job).await;
        self.answer(released)
    }

    fn answer(
        &self,
        released: Result<Result<Release, OperationError>, RecvError>,
    ) -> Result<Release, Error> {
        match released {
            Ok(Ok(release)) => Ok(release),
            Ok(Err(error)) => {
                let context = self.context();
                Err(context.error(self.name(), Operation::Release, error))
            }
            Err(_) => Err(Error::runtime_gone(self.name())),
        }
    }

    fn end(&mut self) -> ReleaseJob {
        let delivered = self.state == State::Delivered;
        self.state = State::Released;
        // Has a deadline noticed that no task could notice meanwhile.
        let _ = self.lease.check();
        let lost = self.lease.is_lost();
        // A renewal that is on its way may still prolong the lease, and an attempt may still arrive.
        let ends = self.context().clock.now() + self.longest_ttl();
        let mut until = self.until().max(ends);
        if self.unaccounted {
            until = until + LATEST_ARRIVAL;
        }
        // Before the command: from now on no code may rely on the lease, and nothing renews it.
        self.lease.end(&LossReason::Released);
        if delivered {
            let outcome = self.outcome.unwrap_or_else(|| {
                if lost {
                    RunOutcome::Lost
                } else if thread::panicking() {
                    RunOutcome::Panicked
                } else {
                    RunOutcome::Succeeded
                }
            });
            self.lease.report_run(outcome);
        }
        let membership = self.membership.take();
        ReleaseJob {
            id: self.id(),
            left: membership.map_or(Left::Last, Membership::leave),
            request: ReleaseRequest {
                name: self.name().clone(),
                lease: self.grant().holder,
                min_hold: self.spec().min_hold().filter(|_| delivered),
                contended: self.contended,
                revoke: self.unaccounted,
            },
            held: Some(HeldLease {
                lease: self.lease.clone(),
                lost,
                delivered,
            }),
            spec: self.spec().clone(),
            until,
        }
    }
}

impl HeldLease {
    /// The event of a release that was answered.
    pub(crate) fn released(&self, release: Release, took: Duration) -> Event {
        Event::Released {
            lock: self.lease.observed(),
            token: self.lease.token(),
            held: self.lease.held(),
            release,
            was_lost: self.lost,
            took,
        }
    }
}

impl Deref for OwnedLease {
    type Target = Lease;

    fn deref(&self) -> &Lease {
        &self.lease
    }
}

impl Drop for OwnedLease {
    fn drop(&mut self) {
        if self.state != State::Released {
            let job = self.end();
            self.releaser.release_in_background(job);
        }
    }
}
