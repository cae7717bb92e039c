//! Renewal: one command for all leases that are due.
//!
//! A lease is due every third of its ttl. An attempt that hangs does not hold up the next one, nor any
//! deadline: each runs in a task of its own.

use std::{sync::Arc, time::Duration};

use super::{lease::Lease, table::LeaseTable};
use crate::{
    clock::Moment,
    error::{Error, LossReason, Operation},
    events,
    operation::{Context, InFlight, OperationError, Trouble},
    spec::LockSpec,
    store::{AttemptError, Renewed, StoreError},
};

/// The result of an attempt to renew leases.
pub(super) struct Outcome {
    result: Result<Renewed, AttemptError>,
    took: Duration,
}

/// Asks the server to renew all of these with one command.
pub(super) async fn attempt(context: &Arc<Context>, batch: &[Lease]) -> Outcome {
    let started = context.clock.now();
    let renewals: Vec<_> = batch
        .iter()
        .map(|lease| lease.renewal(lease.ttl()))
        .collect();
    let result = context.attempt(context.store.renew(&renewals)).await;
    let took = context.clock.elapsed(started);
    Outcome { result, took }
}

impl Outcome {
    /// Tells the leases and the table what came of a request that was sent at `sent` or later.
    pub(super) fn apply(self, table: &LeaseTable, batch: Vec<Lease>, sent: Moment) {
        let leases = batch.len();
        match self.result {
            Ok(renewed) => {
                let (gone, behind) = (renewed.gone.len(), renewed.behind.len());
                events::renewed(leases, gone, behind, self.took);
                let trouble = renewed.trouble.as_ref().map(ToString::to_string);
                let trouble = trouble.unwrap_or_else(|| NOT_PROLONGED.into());
                let mut first = false;
                for lease in batch {
                    if renewed.gone.contains(&lease.id()) {
                        lease.end(&LossReason::Gone);
                        continue;
                    }
                    let left = remaining(&renewed, &lease);
                    lease.renewed(sent, left.unwrap_or(lease.ttl()), lease.ttl());
                    if renewed.behind.contains(&lease.id()) {
                        first |= lease.not_renewed(&trouble, true);
                        table.not_renewed(&lease);
                    } else {
                        table.renewed(&lease, sent);
                    }
                }
                if behind > 0 {
                    events::renewal_failed(first, behind, &trouble);
                }
            }
            Err(error) => {
                let problem = error.cause.to_string();
                let mut first = false;
                for lease in batch {
                    first |= lease.not_renewed(&problem, false);
                    table.not_renewed(&lease);
                }
                events::renewal_failed(first, leases, &problem);
            }
        }
    }
}

const NOT_PROLONGED: &str = "the server did not prolong it";

/// How long the server said that a lease lasts, counted from no earlier than the request; `None` when
/// it was prolonged by what was asked for.
fn remaining(renewed: &Renewed, lease: &Lease) -> Option<Duration> {
    renewed.left.get(&lease.id()).map(|(_, left)| *left)
}

/// Prolongs one lease by hand.
pub(super) async fn extend(lease: &Lease, ttl: Duration) -> Result<(), Error> {
    let context = lease.context();
    // The rules of a new lease.
    let spec = LockSpec::new(lease.name().as_str(), ttl)?;
    context.margin.check(&spec)?;
    lease.check()?;
    let sent = context.clock.now();
    let (task, renewal) = (lease.clone(), lease.renewal(spec.ttl()));
    let extended = InFlight::start(context, |answer| async move {
        let context = Arc::clone(task.context());
        let operation = async {
            let renewals = std::slice::from_ref(&renewal);
            let renewed = context.attempt(context.store.renew(renewals)).await;
            let renewed = renewed.map_err(|error| error.cause)?;
            if renewed.gone.contains(&task.id()) {
                task.end(&LossReason::Gone);
                return Ok(());
            }
            let left = remaining(&renewed, &task);
            task.renewed(sent, left.unwrap_or(renewal.ttl), renewal.ttl);
            if renewed.behind.is_empty() {
                return Ok(());
            }
            let unknown = || StoreError::Other(NOT_PROLONGED.into());
            Err(renewed.trouble.unwrap_or_else(unknown))
        };
        context
            .answer_in_time(sent, &Trouble::default(), operation, answer)
            .await;
    });
    match extended.await {
        Ok(Ok(())) => lease.check(),
        Ok(Err(error)) => Err(failed(lease, error)),
        Err(_) => Err(Error::runtime_gone(lease.name())),
    }
}

fn failed(lease: &Lease, error: OperationError) -> Error {
    lease
        .context()
        .error(lease.name(), Operation::Extend, error)
}
