//! The last failure to reach the server.
//!
//! A request that waits for a connection hears of no failure: those that have the connections do. When the
//! time of the one that waits is over, the failure of the others is the reason.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use crate::{
    clock::Moment,
    store::{AttemptError, StoreError},
};

#[derive(Debug, Default)]
pub(crate) struct Outage {
    /// Whether there is a failure, which costs an answered request no mutex.
    lasts: AtomicBool,
    failure: Mutex<Option<(Moment, StoreError)>>,
}

impl Outage {
    /// Takes note of the result of an attempt that ended at `now`.
    pub(super) fn note<T>(&self, result: &Result<T, AttemptError>, now: Moment) {
        let failure = match result {
            Ok(_) if !self.lasts.load(Ordering::Relaxed) => return,
            Ok(_) => None,
            Err(error) if !error.is_transient() => return,
            Err(error) => match &error.cause {
                StoreError::Driver(_) => Some((now, error.cause.clone())),
                _ => return,
            },
        };
        // No code in a critical section panics.
        let mut last = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        self.lasts.store(failure.is_some(), Ordering::Relaxed);
        *last = failure;
    }

    /// The last failure, if it came after `started` and no request was answered since.
    pub(super) fn reason(&self, started: Moment) -> Option<StoreError> {
        let last = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, error) = last.as_ref()?;
        (*at >= started).then(|| error.clone())
    }

    /// This error of an operation that began at `started`, or the reason for it: for want of a connection, the
    /// failure of those that had one.
    pub(super) fn or(&self, error: StoreError, started: Moment) -> StoreError {
        match error {
            StoreError::Other(_) => self.reason(started).unwrap_or(error),
            _ => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::store::failure::Persistence;

    #[test]
    fn the_reason_is_the_last_failure_of_the_driver_since_the_start() {
        let at = |ms| Moment::from_nanos(0) + Duration::from_millis(ms);
        let refused = || mongodb::error::Error::custom("refused");
        let failed = |cause| {
            let mut error = AttemptError::new("", Persistence::Transient, false);
            error.cause = cause;
            Err::<(), _>(error)
        };
        let outage = Outage::default();
        outage.note(&failed(StoreError::Other("lost".into())), at(1));
        assert!(outage.reason(at(0)).is_none());
        outage.note(&failed(StoreError::Driver(refused())), at(2));
        assert!(matches!(outage.reason(at(2)), Some(StoreError::Driver(_))));
        assert!(outage.reason(at(3)).is_none());
        let other = |started| outage.or(StoreError::Other("in use".into()), started);
        assert!(matches!(other(at(2)), StoreError::Driver(_)));
        assert!(matches!(other(at(3)), StoreError::Other(_)));
        outage.note(&Ok(()), at(4));
        assert!(outage.reason(at(0)).is_none());
    }
}
