//! The events of a lock's life, for `tracing`. No event has a connection string in it.
//!
//! A message is constant; its data are fields. The levels:
//!
//! * `DEBUG`: the normal steps of a lock, repeated attempts, and clean-ups. A refusal is one of them.
//! * `INFO`: a rare step that is worth knowing when all is well: a leader that was elected or stands
//!   again, the end of an outage, a lease that a shutdown ended.
//! * `WARN`: a fact that needs attention, once per fact: a lease that was lost under a body, a lock that
//!   stays taken because its release failed for good, the first of a row of failed renewals, a client
//!   without wake-ups, instances that disagree.
//!
//! These functions take plain values. No caller may hold a mutex: a subscriber runs foreign code.

use std::{fmt::Display, time::Duration};

use tracing::{debug, info, warn};

use crate::{
    error::LossReason,
    name::LockName,
    outcome::{Release, Skipped},
};

/// The target of every event, so that a filter can say `mongo_lock=debug`.
const TARGET: &str = "mongo_lock";

/// A lease, as its events name it.
pub(crate) struct LeaseFields<'a> {
    pub(crate) name: &'a LockName,
    pub(crate) owner: &'a str,
    pub(crate) token: i64,
}

pub(crate) fn acquired(lease: &LeaseFields<'_>, ttl: Duration, took: Duration) {
    debug!(
        target: TARGET,
        name = %lease.name,
        owner = lease.owner,
        token = lease.token,
        ttl_ms = ms(ttl),
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
        reason = %skipped,
        "skipped"
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
        reason = %skipped,
        "waiting"
    );
}

/// A task waits for a lock under a lease that it acquired itself, as a guard: a deadlock, unless the
/// guard went to another task.
pub(crate) fn waits_for_own_guard(name: &LockName, token: i64) {
    warn!(
        target: TARGET,
        %name,
        token,
        "a task waits for a lock whose guard it acquired itself"
    );
}

/// Two numbers of permits for one lock. The strictest decides; but one of the two is wrong.
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

pub(crate) fn elected(lease: &LeaseFields<'_>) {
    info!(
        target: TARGET,
        name = %lease.name,
        owner = lease.owner,
        token = lease.token,
        "elected leader"
    );
}

/// The end of a term after which the candidate stands again.
pub(crate) fn stands_again(name: &LockName, reason: &dyn Display, pause: Duration) {
    info!(
        target: TARGET,
        %name,
        %reason,
        pause_ms = ms(pause),
        "stands for election again"
    );
}

/// The lack of wake-ups, once per client.
pub(crate) fn no_wakeups(error: &dyn Display) {
    warn!(
        target: TARGET,
        %error,
        "waiters cannot be woken, so they ask again and again"
    );
}

pub(crate) fn wakeups_interrupted(error: &dyn Display) {
    debug!(target: TARGET, %error, "the cursor for wake-ups was interrupted");
}

/// A release of a lease that was held. `lost`: the end of the lease was reported already.
pub(crate) fn released(
    lease: &LeaseFields<'_>,
    held: Duration,
    release: Release,
    lost: bool,
    took: Duration,
) {
    let (name, owner, token) = (lease.name, lease.owner, lease.token);
    let (held_ms, took_ms) = (ms(held), ms(took));
    match release {
        Release::Freed => {
            debug!(target: TARGET, %name, owner, token, held_ms, took_ms, "released");
        }
        Release::AlreadyGone if lost => {
            debug!(target: TARGET, %name, owner, token, held_ms, took_ms, "lost lease was gone");
        }
        Release::AlreadyGone => {
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
    }
}

/// The clean-up of an acquisition that may have been granted.
pub(crate) fn cleaned_up(name: &LockName, owner: &str, release: Release, took: Duration) {
    if release == Release::Freed {
        debug!(
            target: TARGET,
            %name,
            owner,
            took_ms = ms(took),
            "released an abandoned acquisition"
        );
    }
}

/// A release that was given up: the lock stays taken until the lease ends by itself.
pub(crate) fn release_failed(lease: &LeaseFields<'_>, held: Duration, error: &dyn Display) {
    warn!(
        target: TARGET,
        name = %lease.name,
        owner = lease.owner,
        token = lease.token,
        held_ms = ms(held),
        %error,
        "release failed"
    );
}

pub(crate) fn clean_up_failed(name: &LockName, owner: &str, error: &dyn Display) {
    debug!(target: TARGET, %name, owner, %error, "clean-up of an acquisition failed");
}

/// A lease that ended before its holder released it.
pub(crate) fn lease_lost(lease: &LeaseFields<'_>, held: Duration, reason: &LossReason) {
    let (name, owner, token) = (lease.name, lease.owner, lease.token);
    let held_ms = ms(held);
    if matches!(reason, LossReason::ShutDown) {
        info!(target: TARGET, %name, owner, token, held_ms, "lease ended by the shutdown");
    } else {
        warn!(target: TARGET, %name, owner, token, held_ms, %reason, "lease lost");
    }
}

/// A body that ended by itself, after the end of its lease.
pub(crate) fn body_late(
    lease: &LeaseFields<'_>,
    held: Duration,
    late: Duration,
    reason: &LossReason,
) {
    warn!(
        target: TARGET,
        name = %lease.name,
        owner = lease.owner,
        token = lease.token,
        held_ms = ms(held),
        late_ms = ms(late),
        %reason,
        "body ended after its lease"
    );
}

pub(crate) fn renewed(leases: usize, gone: usize, behind: usize, took: Duration) {
    debug!(target: TARGET, leases, gone, behind, took_ms = ms(took), "renewed");
}

/// A failed renewal. The first of a row is a warning; the others are at debug level.
pub(crate) fn renewal_failed(first: bool, leases: usize, error: &dyn Display) {
    if first {
        warn!(target: TARGET, leases, %error, "renewal failed, to be tried again");
    } else {
        debug!(target: TARGET, leases, %error, "renewal failed again");
    }
}

/// The first renewal that succeeds after a failure.
pub(crate) fn renewal_recovered(leases: usize, after: Duration) {
    info!(target: TARGET, leases, after_ms = ms(after), "renewal works again");
}

pub(crate) fn shutdown_late(limit: Duration, unreleased: usize) {
    warn!(
        target: TARGET,
        limit_ms = ms(limit),
        unreleased,
        "shutdown did not end in time"
    );
}

pub(crate) fn retrying(name: &LockName, operation: &str, error: &dyn Display) {
    debug!(target: TARGET, %name, operation, %error, "trying again");
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
