//! The events of a lock's life, for `tracing`. No event has a connection string in it.
//!
//! A message is constant; its data are fields. The levels:
//!
//! * `DEBUG`: the normal steps of a lock, repeated attempts, and clean-ups. A refusal is one of them.
//! * `INFO`: a rare step that is worth knowing when all is well: a leader that was elected or stands
//!   again, the end of an outage, a lease that a shutdown ended; and the span of a run.
//! * `WARN`: a fact that needs attention, once per fact: a lease that was lost under a body, a lock that
//!   stays taken because its release failed for good, the first of a row of failed renewals, a client
//!   without wake-ups, instances that disagree.

use std::time::Duration;

use tracing::{Span, debug, field::Empty, info, info_span, warn};

use super::{
    event::Event,
    outcome::AcquisitionOutcome,
    subject::{ObservedLock, label},
};
use crate::{
    error::{LossReason, Operation},
    outcome::{Release, Skipped},
    spec::LockSpec,
};

/// The target of every event, so that a filter can say `mongo_lock=debug`.
const TARGET: &str = "mongo_lock";

/// The span of a run: the body is polled and dropped in it. `lock.outcome` is recorded at the end.
///
/// OpenTelemetry wants names of spans of which there are few.
pub(crate) fn span(spec: &LockSpec, token: i64) -> Span {
    info_span!(
        target: TARGET,
        "lock",
        lock.name = %spec.name(),
        lock.token = token,
        lock.outcome = Empty,
        otel.name = label(spec),
    )
}

/// The event, as `tracing` hears it.
pub(super) fn log(event: &Event) {
    match event {
        Event::AcquisitionEnded {
            lock,
            outcome,
            waited,
            ..
        } => acquisition_ended(lock, outcome, *waited),
        Event::Queued {
            lock,
            skipped,
            ahead,
        } => queued(lock, skipped, *ahead),
        Event::Retrying {
            lock,
            operation,
            error,
        } => retrying(lock, *operation, error),
        Event::WaitsForOwnGuard { lock, token } => warn!(
            target: TARGET,
            name = %lock.name,
            token,
            "a task waits for a lock whose guard it acquired itself"
        ),
        Event::PermitsDiffer {
            name,
            permits,
            theirs,
            holder,
        } => warn!(
            target: TARGET,
            %name,
            permits,
            theirs,
            holder,
            "instances disagree on how many permits a lock has; the strictest decides"
        ),
        Event::CleanedUp {
            lock,
            release,
            took,
        } => cleaned_up(lock, *release, *took),
        Event::CleanUpFailed { lock, error } => debug!(
            target: TARGET,
            name = %lock.name,
            owner = &*lock.owner,
            %error,
            "clean-up of an acquisition failed"
        ),
        Event::Elected { lock, token } => info!(
            target: TARGET,
            name = %lock.name,
            owner = &*lock.owner,
            token,
            "elected leader"
        ),
        Event::StandsAgain {
            lock,
            reason,
            pause,
        } => info!(
            target: TARGET,
            name = %lock.name,
            %reason,
            pause_ms = ms(*pause),
            "stands for election again"
        ),
        other => log_of_lease(other),
    }
}

fn log_of_lease(event: &Event) {
    match event {
        Event::LeaseEnded {
            lock,
            token,
            held,
            reason,
        } => lease_ended(lock, *token, *held, reason),
        Event::BodyLate {
            lock,
            token,
            held,
            late,
            reason,
        } => warn!(
            target: TARGET,
            name = %lock.name,
            owner = &*lock.owner,
            token,
            held_ms = ms(*held),
            late_ms = ms(*late),
            %reason,
            "body ended after its lease"
        ),
        Event::Released {
            lock,
            token,
            held,
            release,
            was_lost,
            took,
        } => released(lock, *token, (*held, *took), *release, *was_lost),
        Event::ReleaseFailed {
            lock,
            token,
            held,
            error,
        } => warn!(
            target: TARGET,
            name = %lock.name,
            owner = &*lock.owner,
            token,
            held_ms = ms(*held),
            %error,
            "release failed"
        ),
        of_client => log_of_client(of_client),
    }
}

fn log_of_client(event: &Event) {
    match event {
        Event::Renewed {
            leases,
            gone,
            behind,
            took,
            lag,
        } => debug!(
            target: TARGET,
            leases,
            gone,
            behind,
            took_ms = ms(*took),
            lag_ms = ms(*lag),
            "renewed"
        ),
        Event::RenewalFailed {
            first,
            leases,
            error,
        } => {
            // The first of a row is a warning; the others are at debug level.
            if *first {
                warn!(target: TARGET, leases, %error, "renewal failed, to be tried again");
            } else {
                debug!(target: TARGET, leases, %error, "renewal failed again");
            }
        }
        Event::RenewalRecovered { leases, after } => {
            info!(target: TARGET, leases, after_ms = ms(*after), "renewal works again");
        }
        Event::NoWakeups { error } => warn!(
            target: TARGET,
            %error,
            "waiters cannot be woken, so they ask again and again"
        ),
        Event::WakeupsInterrupted { error } => {
            debug!(target: TARGET, %error, "the cursor for wake-ups was interrupted");
        }
        Event::ShutdownLate { limit, unreleased } => warn!(
            target: TARGET,
            limit_ms = ms(*limit),
            unreleased,
            "shutdown did not end in time"
        ),
        Event::ObserverPanicked { observer, message } => warn!(
            target: TARGET,
            observer,
            panic = message,
            "an observer panicked; its next panics are not reported"
        ),
        // The span of a run, and the events around these, tell enough.
        _ => {}
    }
}

fn acquisition_ended(lock: &ObservedLock, outcome: &AcquisitionOutcome, waited: Duration) {
    let (name, owner, took_ms) = (&lock.name, &*lock.owner, ms(waited));
    match outcome {
        AcquisitionOutcome::Acquired { token, ttl } => {
            debug!(target: TARGET, %name, owner, token, ttl_ms = ms(*ttl), took_ms, "acquired");
        }
        AcquisitionOutcome::Skipped(skipped) => debug!(
            target: TARGET,
            %name,
            owner,
            holder = skipped.owner(),
            token = skipped.token(),
            took_ms,
            reason = %skipped,
            "skipped"
        ),
        AcquisitionOutcome::Failed { error, .. } => {
            debug!(target: TARGET, %name, owner, took_ms, %error, "acquisition failed");
        }
        AcquisitionOutcome::Cancelled => {
            debug!(target: TARGET, %name, owner, took_ms, "acquisition cancelled");
        }
    }
}

fn queued(lock: &ObservedLock, skipped: &Skipped, ahead: usize) {
    debug!(
        target: TARGET,
        name = %lock.name,
        owner = &*lock.owner,
        holder = skipped.owner(),
        token = skipped.token(),
        ahead,
        reason = %skipped,
        "waiting"
    );
}

fn retrying(lock: &ObservedLock, operation: Operation, error: &str) {
    debug!(target: TARGET, name = %lock.name, %operation, error, "trying again");
}

fn lease_ended(lock: &ObservedLock, token: i64, held: Duration, reason: &LossReason) {
    let (name, owner, held_ms) = (&lock.name, &*lock.owner, ms(held));
    match reason {
        // The answer to the release says more.
        LossReason::Released => {}
        LossReason::ShutDown => {
            info!(target: TARGET, %name, owner, token, held_ms, "lease ended by the shutdown");
        }
        reason => warn!(target: TARGET, %name, owner, token, held_ms, %reason, "lease lost"),
    }
}

fn released(
    lock: &ObservedLock,
    token: i64,
    (held, took): (Duration, Duration),
    release: Release,
    was_lost: bool,
) {
    let (name, owner) = (&lock.name, &*lock.owner);
    let (held_ms, took_ms) = (ms(held), ms(took));
    match release {
        Release::Freed => {
            debug!(target: TARGET, %name, owner, token, held_ms, took_ms, "released");
        }
        Release::AlreadyGone if was_lost => {
            debug!(target: TARGET, %name, owner, token, held_ms, took_ms, "lost lease was gone");
        }
        Release::AlreadyGone => warn!(
            target: TARGET,
            %name,
            owner,
            token,
            held_ms,
            took_ms,
            "lease was gone before its release"
        ),
    }
}

fn cleaned_up(lock: &ObservedLock, release: Release, took: Duration) {
    if release == Release::Freed {
        debug!(
            target: TARGET,
            name = %lock.name,
            owner = &*lock.owner,
            took_ms = ms(took),
            "released an abandoned acquisition"
        );
    }
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
