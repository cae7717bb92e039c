//! Releasing: by the lease's id, until it is done or the lease has ended by itself.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::oneshot,
    time::{Instant, sleep, timeout},
};

use crate::{
    LockName,
    acquire::{Backoff, LOST},
    client::Inner,
    event,
    store::{Cause, Failure, LeaseId},
};

/// What came of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Release {
    /// The lease was there, and is no more: the lock is free.
    Freed,
    /// The lease was gone already: it had expired and the lock had passed on, or the document had
    /// been deleted. Nothing was changed.
    AlreadyGone,
}

/// Which lease to release.
#[derive(Debug, Clone)]
pub(crate) struct LeaseKey {
    pub(crate) name: LockName,
    pub(crate) lease: LeaseId,
    /// `None` for a request of which nobody knows whether it was granted.
    pub(crate) held: Option<Held>,
    /// When the lease has ended on the server, whatever we do.
    pub(crate) until: Instant,
}

/// What we know of a lease that was granted to us.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Held {
    pub(crate) token: i64,
    pub(crate) since: Instant,
}

/// How long an unanswered acquisition may still be on its way to the server.
const STRAGGLER: Duration = Duration::from_secs(1);

/// Releases in a task of its own, which nobody needs to wait for. The receiver gets its result.
///
/// It repeats a failed attempt until the lease's ttl is over: from then on the lock is free without
/// it.
pub(crate) fn release(
    client: &Arc<Inner>,
    key: LeaseKey,
) -> oneshot::Receiver<Result<Release, Cause>> {
    let (done, receiver) = oneshot::channel();
    let inner = Arc::clone(client);
    client.tasks.spawn_on(
        async move {
            let started = Instant::now();
            let result = run(&inner, &key).await;
            event::release(&inner.owner, &key, &result, started.elapsed());
            if key.held.is_none() && matches!(result, Ok(Release::AlreadyGone)) {
                sleep(STRAGGLER).await;
                let late = run(&inner, &key).await;
                event::release(&inner.owner, &key, &late, started.elapsed());
            }
            // The caller may have stopped waiting.
            drop(done.send(result));
        },
        &client.runtime,
    );
    receiver
}

async fn run(client: &Inner, key: &LeaseKey) -> Result<Release, Cause> {
    let mut pause = Backoff::default();
    loop {
        let attempt = timeout(LOST, client.store.release(&key.name, key.lease)).await;
        match attempt.unwrap_or_else(|_| Err(Failure::lost())) {
            Ok(true) => return Ok(Release::Freed),
            Ok(false) => return Ok(Release::AlreadyGone),
            Err(failure) => {
                let next = pause.next();
                if !failure.transient || Instant::now() + next >= key.until {
                    return Err(failure.cause);
                }
                event::retrying(&key.name, "release", &failure.cause);
                sleep(next).await;
            }
        }
    }
}
