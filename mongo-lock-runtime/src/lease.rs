//! One hold of a lock: its token, its deadline, its end.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use tokio::{sync::Notify, time::Instant};

use crate::{
    Error, LockName, LockSpec, LossReason,
    client::Inner,
    event,
    outcome::{Holder, SkipReason, Skipped},
    store::{Grant, LeaseId, Renewal},
};

/// A lease: one time-limited hold of a lock, as its holder sees it.
///
/// [`current_lease`](crate::current_lease) gives it inside an annotated function, and
/// [`LockGuard::lease`](crate::LockGuard::lease) for a guard. Cloning is cheap; a clone does not
/// keep the lock taken.
///
/// A lease ends for its holder **before** it ends on the server: its deadline is the ttl, counted
/// on the local monotonic clock from before the request was sent, less the client's
/// [safety margin](crate::LockClientBuilder::margin).
#[derive(Clone)]
pub struct Lease(Arc<State>);

struct State {
    client: Arc<Inner>,
    spec: LockSpec,
    id: LeaseId,
    grant: Grant,
    /// Before the request was sent.
    since: Instant,
    term: Mutex<Term>,
    /// Woken when the lease ends. At its deadline, the client's keeper sees to that.
    ended: Notify,
}

/// What renewal moves.
struct Term {
    /// When we stop relying on the lease.
    deadline: Instant,
    /// The ttl that this deadline comes of: the lease's own, or that of an extension.
    ttl: Duration,
    /// When it has surely ended on the server, if it is not renewed.
    until: Instant,
    /// Once it has ended, it stays so: a renewal that succeeds later does not bring it back.
    end: Option<(Instant, LossReason)>,
    /// What the last attempt to renew it failed with.
    trouble: Option<String>,
    /// Whether it failed while others may have been the reason.
    alone: bool,
}

impl Lease {
    /// A lease that the server granted in answer to a request that was sent at `sent` or later.
    pub(crate) fn new(
        client: Arc<Inner>,
        spec: LockSpec,
        id: LeaseId,
        grant: Grant,
        sent: Instant,
    ) -> Self {
        let lease = Self(Arc::new(State {
            since: sent,
            term: Mutex::new(Term {
                deadline: sent,
                ttl: spec.ttl(),
                until: sent,
                end: None,
                trouble: None,
                alone: false,
            }),
            ended: Notify::new(),
            client,
            spec,
            id,
            grant,
        }));
        lease.prolong(&mut lease.term(), sent, lease.ttl(), lease.ttl());
        lease
    }

    /// The lock's name.
    #[must_use]
    pub fn name(&self) -> &LockName {
        self.0.spec.name()
    }

    /// The fencing token: larger than every token given out for this name before.
    ///
    /// Let whatever you write to remember the largest token it has seen, and refuse smaller ones: a
    /// holder that was paused beyond its lease then cannot overwrite its successor's work.
    /// [`fenced`](Self::fenced) does it for MongoDB.
    #[must_use]
    pub fn token(&self) -> i64 {
        self.0.grant.token
    }

    /// When the lease began, by the server's clock.
    #[must_use]
    pub fn acquired_at(&self) -> SystemTime {
        self.0.grant.acquired_at
    }

    /// How long the lease can still be relied on, if it is not renewed. Zero when it has ended.
    #[must_use]
    pub fn time_left(&self) -> Duration {
        self.deadline().map_or(Duration::ZERO, |deadline| {
            deadline.saturating_duration_since(Instant::now())
        })
    }

    /// Whether the lease can still be relied on. To call before a step that must happen under the
    /// lock, in code that the library cannot stop.
    ///
    /// # Errors
    ///
    /// [`Error::LeaseLost`], with when and why it ended; also after its release.
    pub fn check(&self) -> Result<(), Error> {
        self.deadline().map(|_| ())
    }

    /// Waits until the lease ends, and says why. With
    /// [`on_lost = "continue"`](crate::distributed_lock), this is how the body learns of it.
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

    /// Prolongs the lease: it ends `ttl` from now, or when it would have ended, whichever is later.
    /// One command.
    ///
    /// For a body that finds that it has more to do than its ttl allows. `max_hold`, where there is
    /// one, stays the limit.
    ///
    /// # Errors
    ///
    /// [`Error::LeaseLost`] when the lease has ended, or ends meanwhile; [`Error::Timeout`] and
    /// [`Error::Database`] when MongoDB gives no answer or a bad one, in which case the lease ends
    /// when it would have; [`Error::InvalidArgument`] for a ttl outside the range of
    /// [`LockSpec`](crate::LockSpec), or not longer than the safety margin.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the command runs to its end, and takes effect, when the future is dropped.
    pub async fn extend(&self, ttl: Duration) -> Result<(), Error> {
        crate::renewal::extend(self, ttl).await
    }

    // What the rest of the library needs.

    pub(crate) fn client(&self) -> &Arc<Inner> {
        &self.0.client
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

    /// The `Skipped` that a refused caller gets while this lease is live.
    pub(crate) fn as_skipped(&self) -> Skipped {
        let longest = self.until().duration_since(self.since());
        let holder = Holder {
            owner: self.client().owner.to_string(),
            since: self.acquired_at(),
            until: self.acquired_at() + longest,
            token: self.token(),
        };
        Skipped {
            name: self.name().clone(),
            reason: SkipReason::Held(holder),
        }
    }

    pub(crate) fn since(&self) -> Instant {
        self.0.since
    }

    pub(crate) fn until(&self) -> Instant {
        self.term().until
    }

    /// What a renewal of it asks the store for.
    pub(crate) fn renewal(&self, ttl: Duration) -> Renewal {
        Renewal {
            name: self.name().clone(),
            lease: self.0.id,
            ttl,
            alone: self.term().alone,
        }
    }

    /// Its deadline, unless it has been found to have ended.
    pub(crate) fn runs_until(&self) -> Option<Instant> {
        let term = self.term();
        term.end.is_none().then_some(term.deadline)
    }

    /// When we stop relying on it; an error once that is past, or the lease has ended otherwise.
    fn deadline(&self) -> Result<Instant, Error> {
        let mut term = self.term();
        if term.end.is_none() && Instant::now() >= term.deadline {
            let reason = self.over(&mut term);
            self.set_end(&mut term, reason);
        }
        match &term.end {
            None => Ok(term.deadline),
            Some((at, reason)) => Err(Error::LeaseLost {
                lock: self.name().to_string(),
                token: self.token(),
                held: at.saturating_duration_since(self.0.since),
                reason: reason.clone(),
            }),
        }
    }

    /// Ends it for its holder, unless it has ended already.
    pub(crate) fn end(&self, reason: LossReason) {
        let mut term = self.term();
        if term.end.is_none() {
            self.set_end(&mut term, reason);
        }
    }

    /// A request sent at `sent` has made it last `ttl` on the server from some time after that.
    pub(crate) fn renewed(&self, sent: Instant, ttl: Duration) {
        let mut term = self.term();
        // Whoever waits for the deadline may not have been polled yet, but it has passed.
        if term.end.is_none() && Instant::now() < term.deadline {
            self.prolong(&mut term, sent, ttl, ttl);
            term.trouble = None;
            term.alone = false;
        }
    }

    /// When asked at `asked` or later, the server said that it lasts `left`.
    pub(crate) fn lasts(&self, asked: Instant, left: Duration, ttl: Duration) {
        let mut term = self.term();
        if term.end.is_none() && Instant::now() < term.deadline {
            self.prolong(&mut term, asked, left, ttl);
        }
    }

    /// An attempt to renew it has failed; `alone`: perhaps because of others in the same command.
    pub(crate) fn not_renewed(&self, trouble: &impl fmt::Display, alone: bool) {
        let mut term = self.term();
        term.trouble = Some(trouble.to_string());
        term.alone |= alone;
    }

    /// It lasts `left` from some time after `from`, by a request for `ttl`.
    fn prolong(&self, term: &mut Term, from: Instant, left: Duration, ttl: Duration) {
        let margin = self.0.client.margin.of(ttl);
        let mut deadline = from + left.saturating_sub(margin);
        if let Some(max_hold) = self.0.spec.max_hold() {
            deadline = deadline.min(self.0.since + max_hold);
        }
        if deadline > term.deadline {
            term.deadline = deadline;
            term.ttl = ttl;
        }
        term.until = term.until.max(Instant::now() + left);
    }

    fn over(&self, term: &mut Term) -> LossReason {
        let (ttl, margin) = (term.ttl, self.0.client.margin.of(term.ttl));
        match self.0.spec.max_hold() {
            Some(max_hold) if term.deadline >= self.0.since + max_hold => {
                LossReason::MaxHold { max_hold }
            }
            _ if self.0.spec.renew() => LossReason::NotRenewed {
                ttl,
                margin,
                problem: term.trouble.take(),
            },
            _ => LossReason::Deadline { ttl, margin },
        }
    }

    fn set_end(&self, term: &mut Term, reason: LossReason) {
        if reason != LossReason::Released {
            event::lost(self, &reason);
        }
        term.end = Some((Instant::now(), reason));
        self.0.ended.notify_waiters();
    }

    fn term(&self) -> MutexGuard<'_, Term> {
        // Nothing in a critical section panics.
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
