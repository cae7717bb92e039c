//! The one owner of a lease: whoever has it must release it, and drop does it too.

use std::ops::Deref;

use crate::{
    Error, LossReason, Release,
    command::Command,
    lease::Lease,
    release::{Held, Job, release},
    store::ReleaseRequest,
};

/// A lease that is ours to release. Dropping it releases it in the background.
pub(crate) struct Hold {
    lease: Lease,
    /// Whether anybody has come to work under it.
    handed_over: bool,
    released: bool,
}

impl Hold {
    /// Takes charge of the lease: from here on it is renewed, if its spec says so, and released at
    /// the end.
    pub(crate) fn new(lease: Lease) -> Self {
        lease.client().live.add(&lease);
        Self {
            lease,
            handed_over: false,
            released: false,
        }
    }

    /// From here on, `min_hold` counts.
    pub(crate) fn handed_over(mut self) -> Self {
        self.handed_over = true;
        self
    }

    /// Releases it, and waits for that as long as one operation may take.
    pub(crate) async fn release(mut self) -> Result<Release, Error> {
        let done = self.start_release();
        match done.await {
            Ok(Ok(release)) => Ok(release),
            Ok(Err(failed)) => Err(self.client().error(self.name(), "release", failed)),
            Err(_) => Err(Error::gone(self.name())),
        }
    }

    fn start_release(&mut self) -> Command<Release> {
        self.released = true;
        // Before the command: from now on nobody may rely on it, and nothing renews it.
        self.lease.end(LossReason::Released);
        let job = Job {
            request: ReleaseRequest {
                name: self.name().clone(),
                lease: self.id(),
                min_hold: self.spec().min_hold().filter(|_| self.handed_over),
                contended: self.grant().contended,
                revoke: false,
            },
            held: Some(Held {
                token: self.token(),
                since: self.since(),
            }),
            until: self.until(),
        };
        release(self.client(), job)
    }
}

impl Deref for Hold {
    type Target = Lease;

    fn deref(&self) -> &Lease {
        &self.lease
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if !self.released {
            drop(self.start_release());
        }
    }
}
