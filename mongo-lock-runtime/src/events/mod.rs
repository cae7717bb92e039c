//! Events: all that the library reports of a lock's life, to `tracing` and to observers.
//!
//! An event has plain values. No caller may hold a mutex: an observer and a subscriber of `tracing` run
//! foreign code.

mod event;
mod log;
mod observer;
mod outcome;
mod subject;

pub use self::{
    event::Event,
    observer::Observer,
    outcome::{AcquisitionFailure, AcquisitionOutcome, RunOutcome},
    subject::ObservedLock,
};
pub(crate) use self::{log::span, observer::Observers, subject::label};

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering::Relaxed},
        },
        time::{Duration, SystemTime},
    };

    use tracing::{Dispatch, Level, Metadata, Subscriber, dispatcher::with_default, span};

    use super::{log::log, *};
    use crate::{
        error::{LossReason, Operation},
        outcome::{Holder, Release, Skipped},
        spec::LockSpec,
    };

    /// Counts the events at level WARN, and the others.
    #[derive(Clone, Default)]
    struct Levels(Arc<[AtomicUsize; 2]>);

    impl Subscriber for Levels {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }
        fn event(&self, event: &tracing::Event<'_>) {
            let warns = *event.metadata().level() == Level::WARN;
            self.0[usize::from(!warns)].fetch_add(1, Relaxed);
        }
        fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
            span::Id::from_u64(1)
        }
        fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
        fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
        fn enter(&self, _: &span::Id) {}
        fn exit(&self, _: &span::Id) {}
    }

    const TIME: Duration = Duration::from_secs(1);

    fn lock() -> ObservedLock {
        let spec = LockSpec::new("a", TIME).unwrap();
        ObservedLock::new(&spec, &"web-3:4711".into())
    }

    fn skipped() -> Skipped {
        let now = SystemTime::UNIX_EPOCH;
        let holder = Holder {
            owner: "web-4:1".into(),
            since: now,
            until: now,
            token: 7,
            is_this_client: false,
        };
        Skipped::held(lock().name, holder)
    }

    fn text() -> String {
        "a text".into()
    }

    /// Events of all kinds, with the number of their events for `tracing`.
    #[rustfmt::skip]
    fn all() -> Vec<(Event, usize)> {
        let (token, held, took, late, waited) = (7, TIME, TIME, TIME, TIME);
        let ended = |outcome| Event::AcquisitionEnded { lock: lock(), waits: false, outcome, waited };
        let lease = |reason| Event::LeaseEnded { lock: lock(), token, held, reason };
        let released = |release, was_lost| {
            Event::Released { lock: lock(), token, held, release, was_lost, took }
        };
        let failed = |first| Event::RenewalFailed { first, leases: 1, error: text() };
        let kind = AcquisitionFailure::Timeout;
        let cleaned = |release| Event::CleanedUp { lock: lock(), release, took };
        vec![
            (Event::AcquisitionBegan { lock: lock(), waits: true }, 0),
            (ended(AcquisitionOutcome::Acquired { token, ttl: TIME }), 1),
            (ended(AcquisitionOutcome::Skipped(skipped())), 1),
            (ended(AcquisitionOutcome::Failed { kind, error: text() }), 1),
            (ended(AcquisitionOutcome::Cancelled), 1),
            (Event::Queued { lock: lock(), skipped: skipped(), ahead: 1 }, 1),
            (Event::Retrying { lock: lock(), operation: Operation::Acquire, error: text() }, 1),
            (Event::WaitsForOwnGuard { lock: lock(), token }, 1),
            (Event::PermitsDiffer { name: lock().name, permits: 1, theirs: 2, holder: text() }, 1),
            (lease(LossReason::Released), 0),
            (lease(LossReason::ShutDown), 1),
            (lease(LossReason::Gone), 1),
            (Event::RunEnded { lock: lock(), token, held, outcome: RunOutcome::Lost, lease_used: 1.0, late, margin: TIME }, 0),
            (Event::BodyLate { lock: lock(), token, held, late, reason: LossReason::Gone }, 1),
            (released(Release::Freed, false), 1),
            (released(Release::AlreadyGone, true), 1),
            (released(Release::AlreadyGone, false), 1),
            (Event::ReleaseFailed { lock: lock(), token, held, error: text() }, 1),
            (cleaned(Release::Freed), 1),
            (cleaned(Release::AlreadyGone), 0),
            (Event::CleanUpFailed { lock: lock(), error: text() }, 1),
            (Event::Renewed { leases: 1, gone: 0, behind: 0, took, lag: TIME }, 1),
            (failed(true), 1),
            (failed(false), 1),
            (Event::RenewalRecovered { leases: 1, after: TIME }, 1),
            (Event::Elected { lock: lock(), token }, 1),
            (Event::StandsAgain { lock: lock(), reason: text(), pause: TIME }, 1),
            (Event::NoWakeups { error: text() }, 1),
            (Event::WakeupsInterrupted { error: text() }, 1),
            (Event::ShutdownLate { limit: TIME, unreleased: 1 }, 1),
            (Event::ObserverPanicked { observer: "a", message: text() }, 1),
        ]
    }

    /// An observer that forwards warnings forwards what a log has at level WARN.
    #[test]
    fn tracing_hears_a_warning_where_an_observer_does() {
        let levels = Levels::default();
        let here = Dispatch::new(levels.clone());
        // With one subscriber only, another test's thread could switch an event off for good.
        let _another = Dispatch::new(Levels::default());
        with_default(&here, || {
            for (event, count) in all() {
                log(&event);
                let heard = [0, 1].map(|at| levels.0[at].swap(0, Relaxed));
                let expected = if event.is_warning() {
                    [count, 0]
                } else {
                    [0, count]
                };
                assert_eq!(heard, expected, "{event:?}");
            }
        });
    }
}
