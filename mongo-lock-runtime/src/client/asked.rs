//! An acquisition, as events tell it: one beginning, and one end, whatever becomes of its caller.

use super::{acquisition::Acquisition, inner::ClientInner};
use crate::{
    clock::Moment,
    error::Error,
    events::{AcquisitionFailure, AcquisitionOutcome, Event},
    spec::LockSpec,
};

/// An acquisition under way. Dropped before its end, it was cancelled.
pub(super) struct Asked<'a> {
    client: &'a ClientInner,
    spec: &'a LockSpec,
    waits: bool,
    began: Moment,
    has_ended: bool,
}

impl<'a> Asked<'a> {
    /// Reports that a call asks for a lock.
    pub(super) fn begin(client: &'a ClientInner, spec: &'a LockSpec, waits: bool) -> Self {
        let context = &client.context;
        context.observers.step(|| Event::AcquisitionBegan {
            lock: context.observed(spec),
            waits,
        });
        Self {
            client,
            spec,
            waits,
            began: context.clock.now(),
            has_ended: false,
        }
    }

    /// Reports the end, and gives the result to the caller.
    pub(super) fn end(mut self, result: Result<Acquisition, Error>) -> Result<Acquisition, Error> {
        self.has_ended = true;
        self.report(|| match &result {
            Ok(Acquisition::Acquired(guard)) => AcquisitionOutcome::Acquired {
                token: guard.token(),
                ttl: guard.lease().ttl(),
            },
            Ok(Acquisition::Skipped(skipped)) => AcquisitionOutcome::Skipped(skipped.clone()),
            Err(error) => AcquisitionOutcome::Failed {
                kind: AcquisitionFailure::of(error),
                error: error.to_string(),
            },
        });
        result
    }

    fn report(&self, outcome: impl FnOnce() -> AcquisitionOutcome) {
        let context = &self.client.context;
        context.observers.step(|| Event::AcquisitionEnded {
            lock: context.observed(self.spec),
            waits: self.waits,
            outcome: outcome(),
            waited: context.clock.elapsed(self.began),
        });
    }
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        if !self.has_ended {
            self.report(|| AcquisitionOutcome::Cancelled);
        }
    }
}
