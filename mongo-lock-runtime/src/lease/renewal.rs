//! Renewal: one command for all leases that are due.
//!
//! A lease is due every third of its ttl. An attempt that hangs does not hold up the next one, nor any
//! deadline: each runs in a task of its own.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
    time::Duration,
};

use super::{lease::Lease, table::LeaseTable};
use crate::{
    clock::Moment,
    error::LossReason,
    events::Event,
    operation::{Context, jittered},
    store::{AttemptError, LeaseId, Renewal, Renewed},
};

/// The result of an attempt to renew leases.
pub(super) struct Outcome {
    result: Result<Renewed, AttemptError>,
    took: Duration,
}

/// Asks the server to renew all leases of `batch` with one command.
pub(super) async fn attempt(context: &Arc<Context>, batch: &[Lease]) -> Outcome {
    let started = context.clock.now();
    let renewals = renewals(batch);
    let result = context.attempt(context.store.renew(&renewals)).await;
    let took = context.clock.elapsed(started);
    Outcome { result, took }
}

/// One renewal for each holder: readers that share one have their ttl in common.
fn renewals(batch: &[Lease]) -> Vec<Renewal> {
    let mut renewals = Vec::<Renewal>::with_capacity(batch.len());
    let mut known = HashMap::<LeaseId, usize>::with_capacity(batch.len());
    for lease in batch {
        let renewal = lease.renewal(lease.ttl());
        match known.entry(renewal.lease) {
            Entry::Occupied(at) => renewals[*at.get()].alone |= renewal.alone,
            Entry::Vacant(new) => {
                new.insert(renewals.len());
                renewals.push(renewal);
            }
        }
    }
    renewals
}

impl Outcome {
    /// Applies the outcome of a request that was sent at `sent` or later to the leases and the table.
    pub(super) fn apply(self, table: &LeaseTable, batch: Vec<Lease>, sent: Moment) {
        let leases = batch.len();
        let Some(context) = batch.first().map(|lease| Arc::clone(lease.context())) else {
            return;
        };
        match self.result {
            Ok(renewed) => {
                let (gone, behind) = (renewed.gone.len(), renewed.behind.len());
                let now = context.clock.now();
                let mut lag = Duration::ZERO;
                let trouble = renewed.trouble.as_ref().map(ToString::to_string);
                let trouble = trouble.unwrap_or_else(|| NOT_PROLONGED.into());
                let mut first = false;
                let (mut recovered, mut outage) = (0, Duration::ZERO);
                for lease in batch {
                    if renewed.gone.contains(&lease.grant().holder) {
                        lease.end(&LossReason::Gone);
                        continue;
                    }
                    if !renewed.behind.contains(&lease.id()) {
                        lag = lag.max(lease.renewal_lag(now));
                    }
                    let left = remaining(&renewed, &lease);
                    let ended = lease.renewed(sent, left.unwrap_or(lease.ttl()), lease.ttl());
                    if let Some(lasted) = ended {
                        recovered += 1;
                        outage = outage.max(lasted);
                    }
                    if renewed.behind.contains(&lease.grant().holder) {
                        first |= lease.not_renewed(&trouble, true);
                        table.not_renewed(&lease, None);
                    } else {
                        table.renewed(&lease, sent);
                    }
                }
                let took = self.took;
                context.observers.step(|| Event::Renewed {
                    leases,
                    gone,
                    behind,
                    took,
                    lag,
                });
                if recovered > 0 {
                    context.observers.report(&Event::RenewalRecovered {
                        leases: recovered,
                        after: outage,
                    });
                }
                if behind > 0 {
                    report_failure(&context, first, behind, trouble);
                }
            }
            Err(error) => {
                let problem = error.cause.to_string();
                // One pause for all, so that they stay together.
                let overload = error.overload.map(jittered);
                let mut first = false;
                for lease in batch {
                    first |= lease.not_renewed(&problem, false);
                    table.not_renewed(&lease, overload);
                }
                report_failure(&context, first, leases, problem);
            }
        }
    }
}

fn report_failure(context: &Context, first: bool, leases: usize, error: String) {
    context.observers.report(&Event::RenewalFailed {
        first,
        leases,
        error,
    });
}

pub(super) const NOT_PROLONGED: &str = "the server did not prolong it";

/// The remaining time of a lease as the server reported it, counted from no earlier than the request;
/// `None` when the lease has what was asked for.
pub(super) fn remaining(renewed: &Renewed, lease: &Lease) -> Option<Duration> {
    renewed
        .left
        .get(&lease.grant().holder)
        .map(|(_, left)| *left)
}
