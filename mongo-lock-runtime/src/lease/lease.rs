//! The lease of a holder: its token, its deadline, its end.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use tokio::sync::Notify;

use crate::{
    clock::Moment,
    error::{Error, LossReason},
    name::LockName,
    operation::Context,
    outcome::{Holder, SkipReason, Skipped},
    spec::LockSpec,
    store::{Grant, LeaseId},
};

/// A lease: one time-limited hold of a lock, as its holder sees it.
///
/// [`current_lease`](crate::current_lease) gives the lease inside an annotated function, and
/// [`LockGuard::lease`](crate::LockGuard::lease) that of a guard. Cloning is cheap; a clone does not
/// keep the lock taken.
///
/// A lease ends for its holder **before** it ends on the server. Its deadline is the ttl, counted from
/// before the request that was granted was sent, less the client's
/// [safety margin](crate::LockClientBuilder::margin); a renewal counts likewise. The clock cannot be
/// set, and on Linux, macOS and Windows it counts the time in which the machine was suspended.
#[derive(Clone)]
pub struct Lease(pub(super) Arc<State>);

pub(super) struct State {
    pub(super) context: Arc<Context>,
    pub(super) spec: LockSpec,
    pub(super) id: LeaseId,
    grant: Grant,
    /// The moment before the request that was granted was sent.
    pub(super) since: Moment,
    /// The task that acquired the lease, if it was one of tokio's.
    task: Option<tokio::task::Id>,
    term: Mutex<Term>,
    /// The deadline in nanoseconds, or [`ENDED`]: a copy for the table, which must not lock `term`
    /// under its own mutex.
    pub(super) deadline: AtomicU64,
    /// Whether a caller works under the lease.
    pub(super) delivered: AtomicBool,
    /// Whether the lease is a term of a leader.
    pub(super) leads: AtomicBool,
    /// The signal that the lease has ended. At the deadline, the client's keeper gives the signal.
    ended: Notify,
}

const ENDED: u64 = 0;

/// The part of a lease that a renewal changes.
pub(super) struct Term {
    /// The moment from which the holder does not rely on the lease any more.
    pub(super) deadline: Moment,
    /// The moment from which the deadline counts: before the request that was granted, or the last one that has
    /// prolonged the lease, was sent.
    pub(super) counted_from: Moment,
    /// The largest share of the time up to a deadline that had passed at a renewal.
    pub(super) most_used: f64,
    /// The ttl from which the deadline follows: the lease's own, or that of an extension.
    pub(super) ttl: Duration,
    /// The moment at which the lease has surely ended on the server, unless it is renewed.
    pub(super) until: Moment,
    /// The end, which is final: a renewal that succeeds later does not revive the lease.
    pub(super) end: Option<(Moment, LossReason)>,
    /// The error of the last attempt to renew the lease, and the moment of the first failure of a row.
    pub(super) trouble: Option<(Moment, String)>,
    /// Whether the lease is to be renewed by a statement of its own: an attempt failed, perhaps because of
    /// another lease in the command.
    pub(super) alone: bool,
}

impl Lease {
    /// A lease that the server granted to a task in answer to a request that was sent at `sent` or later.
    pub(super) fn new(
        context: Arc<Context>,
        spec: LockSpec,
        (id, task): (LeaseId, Option<tokio::task::Id>),
        grant: Grant,
        sent: Moment,
    ) -> Self {
        let ttl = spec.ttl();
        let lease = Self(Arc::new(State {
            since: sent,
            task,
            term: Mutex::new(Term {
                deadline: sent,
                counted_from: sent,
                most_used: 0.0,
                ttl,
                until: sent,
                end: None,
                trouble: None,
                alone: false,
            }),
            deadline: AtomicU64::new(ENDED),
            delivered: AtomicBool::new(false),
            leads: AtomicBool::new(false),
            ended: Notify::new(),
            context,
            spec,
            id,
            grant,
        }));
        lease.prolong(&mut lease.term(), sent, ttl, ttl);
        lease
    }

    /// The lock's name.
    #[must_use]
    pub fn name(&self) -> &LockName {
        self.0.spec.name()
    }

    /// The fencing token: larger than every token given out for this name before.
    ///
    /// Have every store that the body writes to remember the largest token that the store has seen, and
    /// refuse smaller ones: a holder that was paused beyond its lease then cannot overwrite its
    /// successor's work. [`fenced`](Self::fenced) does so for MongoDB.
    #[must_use]
    pub fn token(&self) -> i64 {
        self.0.grant.token
    }

    /// The time at which the lease began, by the server's clock.
    #[must_use]
    pub fn acquired_at(&self) -> SystemTime {
        self.0.grant.acquired_at
    }

    /// The time for which the lease can still be relied on, unless it is renewed. Zero after its end.
    #[must_use]
    pub fn time_left(&self) -> Duration {
        self.deadline().map_or(Duration::ZERO, |deadline| {
            deadline.since(self.0.context.clock.now())
        })
    }

    /// Checks whether the lease can still be relied on. To be called before a step that must happen under
    /// the lock, in code that the library cannot stop.
    ///
    /// # Errors
    ///
    /// [`Error::LeaseLost`], with the time and the reason of the end; also after the release.
    pub fn check(&self) -> Result<(), Error> {
        self.deadline().map(|_| ())
    }

    /// Waits until the lease ends, and gives the reason. With
    /// [`on_lost = "continue"`](crate::distributed_lock), the body learns of the end here.
    ///
    /// The future resolves at every end, also at a normal release: then the reason is
    /// [`LossReason::Released`].
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn lost(&self) -> Error {
        loop {
            // Before the check, so that an end between the two is not missed.
            let ended = self.0.ended.notified();
            if let Err(lost) = self.check() {
                return lost;
            }
            ended.await;
        }
    }

    // For the rest of the library.

    pub(crate) fn context(&self) -> &Arc<Context> {
        &self.0.context
    }

    pub(crate) fn spec(&self) -> &LockSpec {
        &self.0.spec
    }

    pub(crate) fn id(&self) -> LeaseId {
        self.0.id
    }

    pub(crate) fn ttl(&self) -> Duration {
        self.0.spec.ttl()
    }

    pub(crate) fn grant(&self) -> &Grant {
        &self.0.grant
    }

    /// The task that acquired the lease.
    pub(crate) fn task(&self) -> Option<tokio::task::Id> {
        self.0.task
    }

    /// The `Skipped` that a refused caller gets while this lease is live.
    pub(crate) fn as_skipped(&self) -> Skipped {
        let longest = self.until().since(self.since());
        Skipped {
            name: self.name().clone(),
            reason: SkipReason::Held(Holder {
                owner: self.0.context.owner.to_string(),
                since: self.acquired_at(),
                until: self.acquired_at() + longest,
                token: self.token(),
                is_this_client: true,
            }),
        }
    }

    pub(crate) fn since(&self) -> Moment {
        self.0.since
    }

    pub(crate) fn held(&self) -> Duration {
        self.0.context.clock.elapsed(self.0.since)
    }

    /// The ttl of the last extension, or the lease's own.
    pub(super) fn longest_ttl(&self) -> Duration {
        self.term().ttl.max(self.0.spec.ttl())
    }

    pub(crate) fn until(&self) -> Moment {
        self.term().until
    }

    /// The deadline, unless the lease was found to have ended.
    pub(crate) fn runs_until(&self) -> Option<Moment> {
        let deadline = self.0.deadline.load(Ordering::Acquire);
        (deadline != ENDED).then_some(Moment::from_nanos(deadline))
    }

    /// Marks that a caller works under the lease from here on, unless the lease is over already. The error
    /// is the reason of the end, `None` for the deadline.
    pub(super) fn deliver(&self) -> Result<(), Option<LossReason>> {
        let now = self.0.context.clock.now();
        let term = self.term();
        if let Some((_, reason)) = &term.end {
            let deadline = matches!(
                reason,
                LossReason::Deadline { .. }
                    | LossReason::NotRenewed { .. }
                    | LossReason::MaxHold { .. }
            );
            return Err((!deadline).then(|| reason.clone()));
        }
        if now >= term.deadline {
            return Err(None);
        }
        self.0.delivered.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Whether the lease has ended for another reason than its release.
    pub(super) fn is_lost(&self) -> bool {
        let end = self.term().end.clone();
        end.is_some_and(|(_, reason)| reason != LossReason::Released)
    }

    /// The moment from which the holder does not rely on the lease any more; an error once that moment is
    /// past, or the lease has ended otherwise.
    fn deadline(&self) -> Result<Moment, Error> {
        let now = self.0.context.clock.now();
        let mut term = self.term();
        let mut ends = None;
        if term.end.is_none() && now >= term.deadline {
            let reason = self.over(&mut term);
            ends = Some(reason.clone());
            self.set_end(&mut term, now, reason);
        }
        let result = match &term.end {
            None => Ok(term.deadline),
            Some((at, reason)) => Err(Error::LeaseLost {
                lock: self.name().clone(),
                token: self.token(),
                held: at.since(self.0.since),
                reason: reason.clone(),
            }),
        };
        drop(term);
        if let Some(reason) = ends {
            self.announce(&reason);
        }
        result
    }

    /// Ends the lease for its holder. The first end counts.
    pub(crate) fn end(&self, reason: &LossReason) {
        let now = self.0.context.clock.now();
        let mut term = self.term();
        if term.end.is_none() {
            self.set_end(&mut term, now, reason.clone());
            drop(term);
            self.announce(reason);
        }
    }

    /// Reports the end of the lease. Not under the mutex: an observer may ask the lease, and a waker runs
    /// the code of an executor.
    fn announce(&self, reason: &LossReason) {
        // A lease under which no caller ever worked is no loss.
        if self.0.delivered.load(Ordering::Relaxed) {
            self.report_end(reason);
        }
        self.0.ended.notify_waiters();
    }

    fn set_end(&self, term: &mut Term, now: Moment, reason: LossReason) {
        term.end = Some((now, reason));
        self.0.deadline.store(ENDED, Ordering::Release);
    }

    fn over(&self, term: &mut Term) -> LossReason {
        let (ttl, margin) = (term.ttl, self.0.context.margin.of(term.ttl));
        match self.0.spec.max_hold() {
            Some(max_hold) if term.deadline >= self.0.since + max_hold => {
                LossReason::MaxHold { max_hold }
            }
            _ if self.0.spec.renew() => LossReason::NotRenewed {
                ttl,
                margin,
                problem: term.trouble.take().map(|(_, problem)| problem),
            },
            _ => LossReason::Deadline { ttl, margin },
        }
    }

    pub(super) fn term(&self) -> MutexGuard<'_, Term> {
        // No code in a critical section panics.
        self.0.term.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease")
            .field("name", self.name())
            .field("token", &self.token())
            .field("time_left", &self.time_left())
            .finish_non_exhaustive()
    }
}
