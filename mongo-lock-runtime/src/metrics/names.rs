//! The names of the metrics, their descriptions, and their first values.

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge};

use crate::{
    events::{AcquisitionFailure, RunOutcome},
    registered_lock::NameKind,
    registry::registered_locks,
};

pub(super) const ACQUISITIONS: &str = "mongo_lock_acquisitions_total";
pub(super) const FAILURES: &str = "mongo_lock_acquisition_failures_total";
pub(super) const WAIT: &str = "mongo_lock_wait_seconds";
pub(super) const WAITERS: &str = "mongo_lock_waiters";
pub(super) const HELD: &str = "mongo_lock_held";
pub(super) const RUNS: &str = "mongo_lock_runs_total";
pub(super) const HOLD: &str = "mongo_lock_hold_seconds";
pub(super) const LAST_SUCCESS: &str = "mongo_lock_last_success_timestamp_seconds";
pub(super) const LOSSES: &str = "mongo_lock_lease_losses_total";
pub(super) const LATE_BODIES: &str = "mongo_lock_late_bodies_total";
pub(super) const LEASE_USED: &str = "mongo_lock_lease_used_ratio";
pub(super) const MARGIN_USED: &str = "mongo_lock_margin_used_ratio";
pub(super) const RELEASE_FAILURES: &str = "mongo_lock_release_failures_total";
pub(super) const RENEWAL_LAG: &str = "mongo_lock_renewal_lag_seconds";
pub(super) const RENEWAL_FAILURES: &str = "mongo_lock_renewal_failures_total";

const OUTCOMES: [&str; 4] = ["acquired", "skipped", "failed", "cancelled"];
const LOSS_REASONS: [&str; 6] = [
    "deadline",
    "not_renewed",
    "max_hold",
    "gone",
    "shut_down",
    "runtime_gone",
];

/// Describes the metrics to the recorder.
pub(super) fn describe() {
    describe_counter!(ACQUISITIONS, "Acquisitions that ended.");
    describe_counter!(FAILURES, "Acquisitions that failed, by the kind of error.");
    describe_histogram!(WAIT, Unit::Seconds, "Time from the call to the lock.");
    describe_gauge!(WAITERS, "Calls under way that wait for a held lock.");
    describe_gauge!(HELD, "Live leases under which callers work.");
    describe_counter!(RUNS, "Runs under a lock that ended.");
    describe_histogram!(
        HOLD,
        Unit::Seconds,
        "Time from the acquisition to the end of the run."
    );
    describe_gauge!(
        LAST_SUCCESS,
        Unit::Seconds,
        "Time of the last run that succeeded here, in seconds since 1970."
    );
    describe_counter!(LOSSES, "Leases that ended before their release.");
    describe_counter!(
        LATE_BODIES,
        "Bodies that came to their end after that of their lease."
    );
    describe_histogram!(
        LEASE_USED,
        "How near its deadline a run came: 1 is the deadline."
    );
    describe_histogram!(
        MARGIN_USED,
        "Part of the safety margin that a run used beyond its deadline."
    );
    describe_counter!(
        RELEASE_FAILURES,
        "Releases that were given up: the lock stays taken until its ttl ends."
    );
    describe_histogram!(
        RENEWAL_LAG,
        Unit::Seconds,
        "Time from the moment at which a renewal was due to its answer."
    );
    describe_counter!(RENEWAL_FAILURES, "Renewals that failed, each attempt.");
}

/// Sets the counters of all registered locks to zero, unless they have counted.
pub(super) fn start_at_zero() {
    counter!(RENEWAL_FAILURES).increment(0);
    for lock in registered_locks() {
        // The others have labels that only a call knows.
        if matches!(lock.kind(), NameKind::Fixed | NameKind::Template) {
            of_lock(lock.name());
        }
    }
}

fn of_lock(label: &'static str) {
    for outcome in OUTCOMES {
        counter!(ACQUISITIONS, "lock" => label, "outcome" => outcome).increment(0);
    }
    for kind in AcquisitionFailure::ALL {
        counter!(FAILURES, "lock" => label, "kind" => kind.as_str()).increment(0);
    }
    for outcome in RunOutcome::ALL {
        counter!(RUNS, "lock" => label, "outcome" => outcome.as_str()).increment(0);
    }
    for reason in LOSS_REASONS {
        counter!(LOSSES, "lock" => label, "reason" => reason).increment(0);
    }
    for counter in [LATE_BODIES, RELEASE_FAILURES] {
        counter!(counter, "lock" => label).increment(0);
    }
    for gauge in [HELD, WAITERS] {
        gauge!(gauge, "lock" => label).increment(0.0);
    }
}
