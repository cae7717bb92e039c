//! The events that a lock's life leaves in `tracing`. No event has a connection string in it.

use std::time::Duration;

use tracing::{debug, warn};

use crate::{
    Error, LockName, LossReason, Release, Skipped,
    lease::Lease,
    release::Job,
    store::{Cause, Renewed},
};

/// The target of every event, so that a filter can say `mongo_lock=debug`.
const TARGET: &str = "mongo_lock";

pub(crate) fn acquired(lease: &Lease, took: Duration) {
    debug!(
        target: TARGET,
        name = %lease.name(),
        owner = &*lease.client().owner,
        token = lease.token(),
        ttl_ms = ms(lease.ttl()),
        took_ms = ms(took),
        "acquired"
    );
}

pub(crate) fn skipped(owner: &str, skipped: &Skipped, took: Duration) {
    debug!(
        target: TARGET,
        name = %skipped.name,
        owner,
        holder = skipped.owner(),
        token = skipped.token(),
        took_ms = ms(took),
        "skipped: {skipped}"
    );
}

pub(crate) fn waiting(owner: &str, skipped: &Skipped, ahead: usize) {
    debug!(
        target: TARGET,
        name = %skipped.name,
        owner,
        holder = skipped.owner(),
        token = skipped.token(),
        ahead,
        "waiting: {skipped}"
    );
}

/// The strictest decides; but one of the two is wrong.
pub(crate) fn permits_differ(name: &LockName, ours: u32, theirs: i64, holder: &str) {
    warn!(
        target: TARGET,
        %name,
        permits = ours,
        theirs,
        holder,
        "instances disagree on how many permits a lock has; the strictest decides"
    );
}

/// A candidate who is to go on standing.
pub(crate) fn stands_again(name: &LockName, reason: &Error) {
    warn!(target: TARGET, %name, %reason, "stands for election again");
}

/// Said once per client.
pub(crate) fn no_news(error: &Cause) {
    warn!(
        target: TARGET,
        %error,
        "there is no change stream to wake those who wait for a lock, so they ask again and again; a \
         change stream needs a replica set, and the `changeStream` privilege on the collection"
    );
}

pub(crate) fn news_interrupted(error: &Cause) {
    debug!(target: TARGET, %error, "the change stream was interrupted");
}

pub(crate) fn release(owner: &str, job: &Job, result: &Result<Release, Cause>, took: Duration) {
    let (name, took_ms) = (&job.request.name, ms(took));
    let token = job.held.map(|held| held.token);
    let held_ms = job.held.map(|held| ms(held.since.elapsed()));
    match (result, token) {
        (Ok(Release::Freed), Some(_)) => {
            debug!(target: TARGET, %name, owner, token, held_ms, took_ms, "released");
        }
        (Ok(Release::Freed), None) => {
            debug!(target: TARGET, %name, owner, took_ms, "released an abandoned acquisition");
        }
        (Ok(Release::AlreadyGone), Some(_)) => {
            warn!(
                target: TARGET,
                %name,
                owner,
                token,
                held_ms,
                took_ms,
                "lease was gone before its release"
            );
        }
        (Ok(Release::AlreadyGone), None) => {}
        (Err(error), _) => {
            warn!(target: TARGET, %name, owner, token, held_ms, took_ms, %error, "release failed");
        }
    }
}

/// A lease that ended before its holder released it.
pub(crate) fn lost(lease: &Lease, reason: &LossReason) {
    warn!(
        target: TARGET,
        name = %lease.name(),
        owner = &*lease.client().owner,
        token = lease.token(),
        held_ms = ms(lease.since().elapsed()),
        "lease lost: {reason}"
    );
}

pub(crate) fn renewed(leases: usize, renewed: &Renewed, took: Duration) {
    let (gone, behind) = (renewed.gone.len(), renewed.behind.len());
    debug!(target: TARGET, leases, gone, behind, took_ms = ms(took), "renewed");
    if let Some(error) = &renewed.trouble {
        warn!(target: TARGET, behind, %error, "some renewals failed, to be tried again");
    }
}

pub(crate) fn renewal_failed(leases: usize, error: &Cause) {
    warn!(target: TARGET, leases, %error, "renewal failed, to be tried again");
}

pub(crate) fn shutdown_late(limit: Duration, left: usize) {
    warn!(target: TARGET, limit_ms = ms(limit), left, "shutdown did not end in time");
}

pub(crate) fn retrying(name: &LockName, command: &str, error: &Cause) {
    debug!(target: TARGET, %name, command, %error, "trying again");
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
