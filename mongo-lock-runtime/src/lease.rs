//! One hold of a lock: its token, its deadline, its end.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::time::Instant;

use crate::{
    Error, LockName, LossReason, Release,
    client::Inner,
    release::{Held, LeaseKey, release},
    store::{Cause, Grant, LeaseId, Request},
};

/// A lease that we hold. Dropping it releases it in the background.
pub(crate) struct Lease {
    client: Arc<Inner>,
    name: LockName,
    id: LeaseId,
    ttl: Duration,
    grant: Grant,
    /// Before the request was sent.
    since: Instant,
    /// When we stop relying on it.
    deadline: Instant,
    /// When it has surely ended on the server.
    until: Instant,
    released: bool,
}

impl Lease {
    pub(crate) fn new(client: Arc<Inner>, request: &Request, grant: Grant, sent: Instant) -> Self {
        let margin = client.margin.of(request.ttl);
        Self {
            name: request.name.clone(),
            id: request.lease,
            ttl: request.ttl,
            grant,
            since: sent,
            deadline: sent + request.ttl.saturating_sub(margin),
            until: Instant::now() + request.ttl,
            released: false,
            client,
        }
    }

    pub(crate) fn name(&self) -> &LockName {
        &self.name
    }

    pub(crate) fn owner(&self) -> &str {
        &self.client.owner
    }

    pub(crate) fn token(&self) -> i64 {
        self.grant.token
    }

    pub(crate) fn ttl(&self) -> Duration {
        self.ttl
    }

    pub(crate) fn acquired_at(&self) -> SystemTime {
        self.grant.acquired_at
    }

    pub(crate) fn expires_at(&self) -> SystemTime {
        self.grant.expires_at
    }

    pub(crate) fn deadline(&self) -> Instant {
        self.deadline
    }

    pub(crate) fn operation_timeout(&self) -> Duration {
        self.client.operation_timeout
    }

    /// Why the lease can no longer be relied on, if so.
    pub(crate) fn lost(&self) -> Option<Error> {
        (Instant::now() >= self.deadline).then(|| self.over())
    }

    /// The error for a lease whose deadline has passed.
    pub(crate) fn over(&self) -> Error {
        Error::LeaseLost {
            lock: self.name.to_string(),
            token: self.grant.token,
            held: self.since.elapsed(),
            reason: LossReason::Deadline {
                ttl: self.ttl,
                margin: self.client.margin.of(self.ttl),
            },
        }
    }

    /// Starts the release, once.
    pub(crate) fn release(&mut self) -> tokio::sync::oneshot::Receiver<Result<Release, Cause>> {
        self.released = true;
        let key = LeaseKey {
            name: self.name.clone(),
            lease: self.id,
            held: Some(Held {
                token: self.grant.token,
                since: self.since,
            }),
            until: self.until,
        };
        release(&self.client, key)
    }

    pub(crate) fn error(&self, cause: Cause) -> Error {
        self.client.error(self.name.to_string(), "release", cause)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if !self.released {
            drop(self.release());
        }
    }
}
