//! Observers, and the reporting of events to them.

use std::{
    any::{Any, type_name},
    fmt, mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tracing::level_filters::LevelFilter;

use super::{event::Event, log::log};

/// A hearer of the events of a client and of those that [`with_owner`](crate::LockClient::with_owner) makes of
/// it: [`LockClientBuilder::observer`](crate::LockClientBuilder::observer).
///
/// An observer is called where the event happens: in the task of a caller, or on the library's thread. One that
/// blocks there for seconds holds up the renewals of all clients of the process. For slow work, send a clone of
/// the event to a channel:
///
/// ```
/// use std::sync::mpsc::SyncSender;
/// use mongo_lock_runtime::observe::{Event, Observer};
///
/// /// Hands warnings to a thread that writes to a chat.
/// struct Warnings(SyncSender<Event>);
///
/// impl Observer for Warnings {
///     fn event(&self, event: &Event) {
///         if event.is_warning() {
///             // Full or closed: a warning is lost, and no lock is held up.
///             let _ = self.0.try_send(event.clone());
///         }
///     }
/// }
/// ```
///
/// No lock of the library is held during a call: an observer may use the library, and ask
/// [`current_lease`](crate::current_lease). Events of one lease that happen on two threads may come in either
/// order, and at the same time.
///
/// A panic of an observer is caught: the caller's result and the other observers are untouched, and the first
/// panic of each observer is reported as [`Event::ObserverPanicked`]. (With `panic = "abort"`, nothing is
/// caught.)
pub trait Observer: Send + Sync + 'static {
    /// Hears an event.
    fn event(&self, event: &Event);
}

impl<T: Observer + ?Sized> Observer for Arc<T> {
    fn event(&self, event: &Event) {
        (**self).event(event);
    }
}

/// The observers of a client, beside `tracing`.
#[derive(Clone, Default)]
pub(crate) struct Observers(Arc<[Arc<Entry>]>);

struct Entry {
    name: &'static str,
    has_panicked: AtomicBool,
    observer: Box<dyn Observer>,
}

impl Observers {
    /// These observers and another one.
    pub(crate) fn with<T: Observer>(&self, observer: T) -> Self {
        let added = Entry {
            name: type_name::<T>(),
            has_panicked: AtomicBool::new(false),
            observer: Box::new(observer),
        };
        let all = self.0.iter().cloned();
        Self(all.chain([Arc::new(added)]).collect())
    }

    /// Reports a normal step, which `tracing` hears at level DEBUG, if at all. The event is made only where
    /// there is a hearer.
    pub(crate) fn step(&self, event: impl FnOnce() -> Event) {
        if !self.0.is_empty() || LevelFilter::current() >= LevelFilter::DEBUG {
            let event = event();
            debug_assert!(!event.is_warning(), "not a normal step: {event:?}");
            self.report(&event);
        }
    }

    /// Reports an event.
    pub(crate) fn report(&self, event: &Event) {
        log(event);
        for entry in self.0.iter() {
            let told = catch_unwind(AssertUnwindSafe(|| entry.observer.event(event)));
            if let Err(panic) = told {
                self.report_panic(entry, panic);
            }
        }
    }

    fn report_panic(&self, entry: &Entry, panic: Box<dyn Any + Send>) {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        // The value of a panic may panic when it is dropped.
        if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
            mem::forget(another);
        }
        // Before the report, during which the observer may panic again.
        if !entry.has_panicked.swap(true, Ordering::Relaxed) {
            self.report(&Event::ObserverPanicked {
                observer: entry.name,
                message: text.unwrap_or_else(|| "its message is no text".into()),
            });
        }
    }
}

impl fmt::Debug for Observers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.0.iter().map(|entry| entry.name);
        f.debug_list().entries(names).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        panic,
        sync::{Mutex, atomic::AtomicU32},
    };

    use super::*;

    #[derive(Default)]
    struct Hears(Mutex<Vec<Event>>);

    impl Observer for Hears {
        fn event(&self, event: &Event) {
            self.0.lock().unwrap().push(event.clone());
        }
    }

    /// A value of a panic that panics once more.
    struct Bomb;

    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("dropped");
        }
    }

    struct Panics(AtomicU32);

    impl Observer for Panics {
        fn event(&self, _: &Event) {
            match self.0.fetch_add(1, Ordering::Relaxed) {
                0 => panic!("at the first"),
                1 => panic!("at the {}", "second"),
                _ => panic::panic_any(Bomb),
            }
        }
    }

    fn event() -> Event {
        let error = "a failure".into();
        Event::WakeupsInterrupted { error }
    }

    #[test]
    fn a_panic_stays_with_its_observer_and_is_reported_once() {
        let (first, last) = (Arc::new(Hears::default()), Arc::new(Hears::default()));
        let observers = Observers::default()
            .with(Arc::clone(&first))
            .with(Panics(AtomicU32::new(0)))
            .with(Arc::clone(&last));
        for _ in 0..3 {
            observers.step(event);
        }
        let is_panic = |event: &&Event| matches!(event, Event::ObserverPanicked { .. });
        for hearer in [first, last] {
            let heard = hearer.0.lock().unwrap();
            assert_eq!(heard.iter().filter(|it| **it == event()).count(), 3);
            let panics: Vec<_> = heard.iter().filter(is_panic).collect();
            let [Event::ObserverPanicked { observer, message }] = &panics[..] else {
                panic!("not one: {panics:?}");
            };
            assert!(observer.ends_with("Panics"), "{observer}");
            assert_eq!(message, "at the first");
        }
    }

    #[test]
    fn without_a_hearer_no_event_is_made() {
        if LevelFilter::current() < LevelFilter::DEBUG {
            Observers::default().step(|| panic!("no observer, no subscriber"));
        }
    }
}
