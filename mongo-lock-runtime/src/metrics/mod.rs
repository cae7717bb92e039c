//! Metrics: an observer that counts and measures through the `metrics` facade.

mod names;

use std::time::{Duration, SystemTime};

use metrics::{counter, gauge, histogram};

use self::names as name;
use crate::{
    error::LossReason,
    events::{AcquisitionOutcome, Event, Observer, RunOutcome},
};

/// An observer that gives metrics to the recorder of the [`metrics`](https://docs.rs/metrics) facade: to Prometheus, say,
/// through an exporter that the service chooses. With the feature `metrics`.
///
/// ```no_run
/// use mongo_lock_runtime::{Error, LockClient, observe::Metrics};
///
/// # async fn start_up() -> Result<(), Error> {
/// // After the exporter has installed its recorder: before, there is nothing that could keep the zeros.
/// let client = LockClient::builder()
///     .uri("mongodb://localhost")
///     .observer(Metrics::new())
///     .build()
///     .await?;
/// # Ok(())
/// # }
/// ```
///
/// The label `lock` is [`ObservedLock::label`](crate::observe::ObservedLock::label): a text of the source, never the
/// name of one invoice's lock. The number of rows follows from the source, whatever names there are.
///
/// | metric | kind | labels | value |
/// | --- | --- | --- | --- |
/// | `mongo_lock_acquisitions_total` | counter | `lock`, `outcome` | acquisitions that ended: `acquired`, `skipped`, `failed`, `cancelled` |
/// | `mongo_lock_acquisition_failures_total` | counter | `lock`, `kind` | of these, the failed ones, by the [kind of error](crate::observe::AcquisitionFailure) |
/// | `mongo_lock_wait_seconds` | histogram | `lock` | the time from the call to the lock, of those that acquired it |
/// | `mongo_lock_waiters` | gauge | `lock` | calls under way that wait for a held lock |
/// | `mongo_lock_held` | gauge | `lock` | live leases under which callers work |
/// | `mongo_lock_runs_total` | counter | `lock`, `outcome` | runs that ended: `succeeded`, `failed`, `lost`, `cancelled`, `panicked` |
/// | `mongo_lock_hold_seconds` | histogram | `lock` | the time from the acquisition to the end of the run |
/// | `mongo_lock_last_success_timestamp_seconds` | gauge | `lock` | the time of the last run that succeeded here, by the clock of this host; none before the first |
/// | `mongo_lock_lease_losses_total` | counter | `lock`, `reason` | leases that ended before their release: `deadline`, `not_renewed`, `max_hold`, `gone`, `shut_down`, `runtime_gone` |
/// | `mongo_lock_late_bodies_total` | counter | `lock` | bodies that came to their end after that of their lease |
/// | `mongo_lock_lease_used_ratio` | histogram | `lock` | how near its deadline a run came: 1 is the deadline |
/// | `mongo_lock_margin_used_ratio` | histogram | `lock` | the part of the safety margin that a run has used beyond its deadline: 0 in time; with 1, another holder may have begun |
/// | `mongo_lock_release_failures_total` | counter | `lock` | releases that were given up: the lock stays taken until its ttl ends |
/// | `mongo_lock_renewal_lag_seconds` | histogram | | the time from the moment at which a renewal was due to its answer, once per command |
/// | `mongo_lock_renewal_failures_total` | counter | | renewals that failed, each attempt |
///
/// The counters start at zero for each of the [`registered_locks`](crate::registered_locks) whose name or template is
/// known before the first call, so that a rate sees the first of a kind. A lock that is taken by hand has its
/// [label](crate::LockSpecBuilder::label).
#[derive(Debug)]
#[must_use = "add it to the client: `LockClient::builder().observer(Metrics::new())`"]
pub struct Metrics {
    _private: (),
}

impl Metrics {
    /// Bounds of buckets for the metrics in seconds, from a millisecond to four hours: an exporter that makes
    /// histograms of buckets wants bounds to be chosen.
    pub const SECONDS: [f64; 14] = [
        0.001, 0.005, 0.025, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 7200.0, 14400.0,
    ];

    /// Bounds of buckets for the metrics that are ratios.
    pub const RATIOS: [f64; 8] = [0.1, 0.25, 0.4, 0.6, 0.8, 0.9, 1.0, 1.5];

    /// Describes the metrics to the recorder that is installed, and sets the counters of all registered locks to
    /// zero.
    pub fn new() -> Self {
        name::describe();
        name::start_at_zero();
        Self { _private: () }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Observer for Metrics {
    fn event(&self, event: &Event) {
        match event {
            Event::AcquisitionBegan { lock, waits: true } => {
                gauge!(name::WAITERS, "lock" => lock.label).increment(1.0);
            }
            Event::AcquisitionEnded {
                lock,
                waits,
                outcome,
                waited,
            } => acquisition_ended(lock.label, *waits, outcome, *waited),
            Event::LeaseEnded { lock, reason, .. } => {
                gauge!(name::HELD, "lock" => lock.label).decrement(1.0);
                if let Some(reason) = loss(reason) {
                    counter!(name::LOSSES, "lock" => lock.label, "reason" => reason).increment(1);
                }
            }
            Event::RunEnded {
                lock,
                held,
                outcome,
                lease_used,
                late,
                margin,
                ..
            } => {
                run_ended(lock.label, *outcome, *held);
                histogram!(name::LEASE_USED, "lock" => lock.label).record(*lease_used);
                if !margin.is_zero() {
                    let used = late.as_secs_f64() / margin.as_secs_f64();
                    histogram!(name::MARGIN_USED, "lock" => lock.label).record(used);
                }
            }
            Event::BodyLate { lock, .. } => {
                counter!(name::LATE_BODIES, "lock" => lock.label).increment(1);
            }
            Event::ReleaseFailed { lock, .. } => {
                counter!(name::RELEASE_FAILURES, "lock" => lock.label).increment(1);
            }
            Event::Renewed {
                leases,
                gone,
                behind,
                lag,
                ..
            } if leases > &(gone + behind) => {
                histogram!(name::RENEWAL_LAG).record(lag.as_secs_f64());
            }
            Event::RenewalFailed { .. } => counter!(name::RENEWAL_FAILURES).increment(1),
            _ => {}
        }
    }
}

fn acquisition_ended(
    label: &'static str,
    waits: bool,
    outcome: &AcquisitionOutcome,
    waited: Duration,
) {
    let word = outcome.as_str();
    counter!(name::ACQUISITIONS, "lock" => label, "outcome" => word).increment(1);
    if waits {
        gauge!(name::WAITERS, "lock" => label).decrement(1.0);
    }
    match outcome {
        AcquisitionOutcome::Acquired { .. } => {
            gauge!(name::HELD, "lock" => label).increment(1.0);
            histogram!(name::WAIT, "lock" => label).record(waited.as_secs_f64());
        }
        AcquisitionOutcome::Failed { kind, .. } => {
            let kind = kind.as_str();
            counter!(name::FAILURES, "lock" => label, "kind" => kind).increment(1);
        }
        AcquisitionOutcome::Skipped(_) | AcquisitionOutcome::Cancelled => {}
    }
}

fn run_ended(label: &'static str, outcome: RunOutcome, held: Duration) {
    counter!(name::RUNS, "lock" => label, "outcome" => outcome.as_str()).increment(1);
    histogram!(name::HOLD, "lock" => label).record(held.as_secs_f64());
    if outcome == RunOutcome::Succeeded
        && let Ok(now) = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)
    {
        gauge!(name::LAST_SUCCESS, "lock" => label).set(now.as_secs_f64());
    }
}

/// The reason for a loss, in snake case; `None` for a release.
fn loss(reason: &LossReason) -> Option<&'static str> {
    Some(match reason {
        LossReason::Deadline { .. } => "deadline",
        LossReason::NotRenewed { .. } => "not_renewed",
        LossReason::MaxHold { .. } => "max_hold",
        LossReason::Gone => "gone",
        LossReason::ShutDown => "shut_down",
        LossReason::RuntimeGone => "runtime_gone",
        LossReason::Released => return None,
    })
}
