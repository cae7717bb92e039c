//! One caller that waits, and what becomes of the lease that it may have been granted.

use std::{sync::Arc, time::Duration};

use tokio::{sync::oneshot, time::Instant};

use crate::{
    Error, LockName, LockSpec, Skipped,
    client::Inner,
    hold::Hold,
    release::{Job, release},
    store::LeaseId,
};

/// What a caller gets in the end.
pub(crate) enum End {
    Granted(Hold),
    Skipped(Skipped),
}

pub(super) struct Caller {
    pub(super) spec: LockSpec,
    pub(super) lease: LeaseId,
    pub(super) since: Instant,
    pub(super) until: Option<Instant>,
    /// A request whose outcome nobody knows may have been granted, or may still be.
    pub(super) maybe_granted: bool,
    pub(super) answer: oneshot::Sender<Result<End, Error>>,
}

/// A caller in a line. It leaves when this is dropped.
pub(crate) struct Waiting {
    pub(super) client: Arc<Inner>,
    pub(super) name: LockName,
    pub(super) lease: LeaseId,
    pub(crate) answer: oneshot::Receiver<Result<End, Error>>,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.client
            .lines
            .leave(&self.client, &self.name, self.lease);
    }
}

impl Caller {
    /// It is not in the line any more, and has no lease that we know of.
    pub(super) fn gone(&self, client: &Arc<Inner>) {
        if self.maybe_granted {
            give_back(client, self.spec.name(), self.lease, self.spec.ttl());
        } else {
            client.live.over(self.lease, true);
        }
    }

    pub(super) fn end(self, client: &Arc<Inner>, result: Result<End, Error>) {
        self.gone(client);
        drop(self.answer.send(result));
    }

    /// It must not hear "skipped" while a lease of its own may be live.
    pub(super) fn give_up(self, client: &Arc<Inner>, skipped: Skipped) {
        if !self.maybe_granted {
            return self.end(client, Ok(End::Skipped(skipped)));
        }
        let job = Job::clean_up(self.spec.name(), self.lease, self.spec.ttl());
        let released = release(client, job);
        client.spawn(async move {
            drop(released.await);
            drop(self.answer.send(Ok(End::Skipped(skipped))));
        });
    }
}

/// Releases what may have been granted, in the background.
pub(super) fn give_back(client: &Arc<Inner>, name: &LockName, lease: LeaseId, ttl: Duration) {
    drop(release(client, Job::clean_up(name, lease, ttl)));
}
