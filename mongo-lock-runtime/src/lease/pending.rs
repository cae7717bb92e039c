//! A lease that is asked for: one account of every attempt.
//!
//! A request may take effect although its answer is lost, and may arrive after a later attempt was
//! answered. So one value, the pending lease, accompanies an acquisition from before its first request.
//! The pending lease knows when each attempt was sent, and which attempts are unaccounted for: those
//! without a definite answer. Only a grant, or a definite answer to every attempt, ends a pending lease
//! without a command. Dropping one otherwise, for whatever reason (a cancelled caller, a shutdown, a
//! panic, an error), has the lease released and its id revoked, so that no attempt that arrives later is
//! granted.

use std::sync::Arc;

use super::{
    lease::Lease,
    owned::{LATEST_ARRIVAL, OwnedLease, ReleaseJob, Releaser},
    readers::{Left, Membership},
    table::LeaseTable,
};
use crate::{
    clock::Moment,
    error::{Error, Operation},
    name::LockName,
    operation::Context,
    spec::LockSpec,
    store::{AcquireRequest, AttemptError, Grant, LeaseId, ReleaseRequest, Ticket},
};

/// A lease that is asked for, and may have been granted.
pub(crate) struct PendingLease {
    context: Arc<Context>,
    table: Arc<LeaseTable>,
    releaser: Arc<dyn Releaser>,
    spec: LockSpec,
    id: LeaseId,
    /// The task that asks for the lease, if it is one of tokio's.
    task: Option<tokio::task::Id>,
    /// The attempts without a definite answer, in the order in which they were sent.
    unaccounted: Vec<Attempt>,
    next: u32,
    /// The holder that the last attempt asks to share.
    membership: Option<Membership>,
    /// Whether a lease or a release has taken over.
    settled: bool,
}

/// One sending of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Attempt {
    number: u32,
    /// The moment before the request was sent.
    pub(crate) sent: Moment,
}

impl PendingLease {
    /// Enters a lease into the table, before the first request for it is sent. `None` when the client
    /// is shutting down.
    pub(crate) fn begin(
        context: &Arc<Context>,
        table: &Arc<LeaseTable>,
        releaser: &Arc<dyn Releaser>,
        spec: &LockSpec,
    ) -> Option<Self> {
        let id = LeaseId::unique();
        table.begin(id, spec.name()).then(|| Self {
            context: Arc::clone(context),
            table: Arc::clone(table),
            releaser: Arc::clone(releaser),
            spec: spec.clone(),
            id,
            task: tokio::task::try_id(),
            unaccounted: Vec::new(),
            next: 0,
            membership: None,
            settled: false,
        })
    }

    pub(crate) fn id(&self) -> LeaseId {
        self.id
    }

    pub(crate) fn spec(&self) -> &LockSpec {
        &self.spec
    }

    pub(crate) fn name(&self) -> &LockName {
        self.spec.name()
    }

    /// Enters one more attempt into the account. The request is to be sent after this.
    pub(crate) fn attempt(&mut self, ticket: Option<Ticket>) -> (Attempt, AcquireRequest) {
        let attempt = Attempt {
            number: self.next,
            sent: self.context.clock.now(),
        };
        self.next += 1;
        self.unaccounted.push(attempt);
        let request = AcquireRequest {
            name: self.spec.name().clone(),
            lease: self.id,
            attempt: attempt.number,
            owner: Arc::clone(&self.context.owner),
            ttl: self.spec.ttl(),
            mode: self.spec.mode(),
            permits: self.spec.permits(),
            ticket,
            share: None,
        };
        (attempt, request)
    }

    /// Has the request of the last attempt ask to share a holder, if the client has one for the lease. Not
    /// while an earlier attempt may have made a holder of the lease's own.
    pub(crate) fn share(&mut self, request: &mut AcquireRequest) {
        if self.unaccounted.len() == 1 {
            self.membership = self.table.readers.join(&self.spec);
            request.share = self.membership.as_ref().map(Membership::holder);
        }
    }

    /// Strikes an attempt off the account: its answer is definite, and no grant.
    pub(crate) fn answered(&mut self, attempt: Attempt) {
        self.unaccounted
            .retain(|other| other.number != attempt.number);
        self.leave();
    }

    /// Strikes a failed attempt off the account, unless its effect is unknown.
    pub(crate) fn failed(&mut self, attempt: Attempt, error: &AttemptError) {
        if error.effect_unknown {
            // If it arrives late, the request prolongs a holder that is there, and makes none.
            self.leave();
        } else {
            self.answered(attempt);
        }
    }

    /// Gives up the part in a holder, which the server has not granted.
    fn leave(&mut self) {
        let Some(membership) = self.membership.take() else {
            return;
        };
        membership.close();
        let holder = membership.holder();
        if membership.leave() == Left::Last {
            // All others have left meanwhile.
            let job = self.job(holder, false);
            self.releaser.release_in_background(job);
        }
    }

    /// Whether an attempt may have been granted, or may still be.
    pub(crate) fn may_be_granted(&self) -> bool {
        !self.unaccounted.is_empty()
    }

    /// The lease that the server has granted, in answer to `answered` or to an earlier attempt. The lease
    /// counts from the moment before the granted attempt was sent, and knows whether other attempts are
    /// still unaccounted for.
    pub(crate) fn granted(mut self, answered: Attempt, grant: Grant) -> OwnedLease {
        let granted = self
            .unaccounted
            .iter()
            .find(|attempt| attempt.number == grant.attempt);
        // For an unknown attempt, the time of the first one is safe: no attempt was sent earlier.
        let first = self.unaccounted.first();
        let sent = granted.or(first).map_or(answered.sent, |it| it.sent);
        self.unaccounted
            .retain(|attempt| attempt.number != grant.attempt && *attempt != answered);
        self.settled = true;
        let shares = self.membership.as_ref().map(Membership::holder) == Some(grant.holder);
        if !shares {
            self.leave();
            // The release of a holder that others share revokes no id.
            if !self.may_be_granted() {
                self.membership = self.table.readers.begin(&self.spec, self.id);
            }
        }
        let membership = self.membership.take().map(Membership::granted);
        let lease = Lease::new(
            Arc::clone(&self.context),
            self.spec.clone(),
            (self.id, self.task),
            grant,
            sent,
        );
        OwnedLease::new(
            lease,
            &self.table,
            Arc::clone(&self.releaser),
            self.may_be_granted(),
            membership,
        )
    }

    /// Releases what may have been granted and revokes the lease's id. To be awaited before the caller
    /// hears that it was refused.
    pub(crate) async fn clean_up(mut self) -> Result<(), Error> {
        if !self.may_be_granted() {
            return Ok(());
        }
        self.settled = true;
        let name = self.name().clone();
        self.leave();
        match self.releaser.release(self.job(self.id, true)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(self.context.error(&name, Operation::Acquire, error)),
            Err(_) => Err(Error::runtime_gone(&name)),
        }
    }

    fn job(&self, lease: LeaseId, revoke: bool) -> ReleaseJob {
        ReleaseJob {
            id: lease,
            request: ReleaseRequest {
                name: self.name().clone(),
                lease,
                min_hold: None,
                contended: false,
                revoke,
            },
            left: Left::Last,
            held: None,
            spec: self.spec.clone(),
            until: self.context.clock.now() + self.spec.ttl() + LATEST_ARRIVAL,
        }
    }
}

impl Drop for PendingLease {
    fn drop(&mut self) {
        self.leave();
        if self.settled {
            return;
        }
        if self.may_be_granted() {
            let job = self.job(self.id, true);
            self.releaser.release_in_background(job);
        } else {
            self.table.remove(self.id);
        }
    }
}
