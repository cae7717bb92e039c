//! Prolonging one lease by hand.

use std::{sync::Arc, time::Duration};

use super::{
    lease::Lease,
    renewal::{NOT_PROLONGED, remaining},
};
use crate::{
    error::{Error, LossReason, Operation},
    operation::{InFlight, OperationError, Trouble},
    spec::LockSpec,
    store::StoreError,
};

impl Lease {
    /// Prolongs the lease, which ends `ttl` from now or at its present end, whichever is later. One
    /// command.
    ///
    /// For a body that has more to do than its ttl allows. `max_hold`, where there is one, stays the
    /// limit.
    ///
    /// # Errors
    ///
    /// [`Error::LeaseLost`] when the lease has ended, or ends meanwhile; [`Error::Timeout`] and
    /// [`Error::Database`] when MongoDB gives no answer or a bad one, in which case the lease keeps its
    /// present end; [`Error::InvalidArgument`] for a ttl outside the range of
    /// [`LockSpec`](crate::LockSpec), or not longer than the safety margin.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the command runs to its end, and takes effect, when the future is dropped.
    pub async fn extend(&self, ttl: Duration) -> Result<(), Error> {
        extend(self, ttl).await
    }
}

/// Asks the server to prolong one lease.
async fn extend(lease: &Lease, ttl: Duration) -> Result<(), Error> {
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
            if renewed.gone.contains(&task.grant().holder) {
                task.end(&LossReason::Gone);
                return Ok(());
            }
            let left = remaining(&renewed, &task);
            let _ = task.renewed(sent, left.unwrap_or(renewal.ttl), renewal.ttl);
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
