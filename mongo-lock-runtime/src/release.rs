//! Releasing: by the lease's id, until it is done or the lease has ended by itself.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep};

use crate::{
    LockName,
    acquire::Backoff,
    client::Inner,
    command::Command,
    event,
    line::Ask,
    outcome::Release,
    store::{Cause, LeaseId, ReleaseRequest},
};

/// A release to be done.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) request: ReleaseRequest,
    /// `None` for a request of which nobody knows whether it was granted.
    pub(crate) held: Option<Held>,
    /// When the lease has ended on the server, whatever we do.
    pub(crate) until: Instant,
}

impl Job {
    /// The release of a lease that may have been granted, or may still be.
    pub(crate) fn clean_up(name: &LockName, lease: LeaseId, ttl: Duration) -> Self {
        Self {
            request: ReleaseRequest {
                name: name.clone(),
                lease,
                min_hold: None,
                contended: false,
            },
            held: None,
            until: Instant::now() + ttl,
        }
    }
}

/// What we know of a lease that was granted to us.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Held {
    pub(crate) token: i64,
    pub(crate) since: Instant,
}

/// How long an unanswered acquisition may still be on its way to the server.
const STRAGGLER: Duration = Duration::from_secs(1);

/// Releases, whether or not anybody waits for it.
///
/// It repeats a failed attempt until the lease's ttl is over: from then on the lock is free without
/// it.
pub(crate) fn release(client: &Arc<Inner>, job: Job) -> Command<Release> {
    client.live.releasing(job.request.lease, &job.request.name);
    let inner = Arc::clone(client);
    Command::start(client, |done| async move {
        let started = Instant::now();
        let mut straggler = false;
        let command = async {
            let result = run(&inner, &job).await;
            event::release(&inner.owner, &job, &result, started.elapsed());
            straggler = job.held.is_none() && matches!(result, Ok(Release::AlreadyGone));
            inner.live.over(job.request.lease, result.is_ok());
            result
        };
        inner.answer_in_time(started, command, done).await;
        if straggler {
            sleep(STRAGGLER).await;
            let late = run(&inner, &job).await;
            event::release(&inner.owner, &job, &late, started.elapsed());
        }
    })
}

async fn run(client: &Arc<Inner>, job: &Job) -> Result<Release, Cause> {
    // Whoever waits here for the lock goes along: one command for both.
    let next = job
        .held
        .and_then(|_| client.lines.hand_over(client, &job.request.name));
    if let Some(next) = next {
        match hand_over(client, job, *next).await {
            Ok(release) => return Ok(release),
            // For want of a majority, say, which a release does not need.
            Err(cause) => event::retrying(&job.request.name, "release", &cause),
        }
    }
    let mut pause = Backoff::default();
    loop {
        match client.attempt(client.store.release(&job.request)).await {
            Ok(freed) => return Ok(Release::of(freed)),
            Err(failure) => {
                let next = pause.next();
                if !failure.transient || Instant::now() + next >= job.until {
                    return Err(failure.cause);
                }
                event::retrying(&job.request.name, "release", &failure.cause);
                sleep(next).await;
            }
        }
    }
}

/// Tells the line what came of its caller's request, too.
async fn hand_over(client: &Arc<Inner>, job: &Job, ask: Ask) -> Result<Release, Cause> {
    let name = &job.request.name;
    let command = client.store.hand_over(&job.request, &ask.request);
    match client.attempt(command).await {
        Ok((freed, reply)) => {
            client.lines.replied(client, name, &ask, Ok(reply));
            Ok(Release::of(freed))
        }
        Err(failure) => {
            let unknown = failure.effect_unknown;
            client.lines.not_handed_over(client, name, &ask, unknown);
            Err(failure.cause)
        }
    }
}
