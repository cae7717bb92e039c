//! Whether a client listens for wake-ups, and whether they come.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

/// The state of a client's listener.
#[derive(Default)]
pub(super) struct Watch {
    /// Whether a task listens, or tries to.
    listening: Mutex<bool>,
    /// Whether wake-ups come.
    open: AtomicBool,
    /// Whether the lack of wake-ups was reported.
    reported: AtomicBool,
}

impl Watch {
    /// Whether wake-ups come.
    pub(super) fn is_open(&self) -> bool {
        self.open.load(Ordering::Relaxed)
    }

    pub(super) fn set_open(&self, open: bool) {
        self.open.store(open, Ordering::Relaxed);
    }

    /// Whether the caller is to listen from now on, since no task does.
    pub(super) fn begins(&self) -> bool {
        let listening = self.listening.lock();
        let mut listening = listening.unwrap_or_else(PoisonError::into_inner);
        !std::mem::replace(&mut *listening, true)
    }

    /// The listening task is about to end.
    pub(super) fn ends(&self) {
        let listening = self.listening.lock();
        *listening.unwrap_or_else(PoisonError::into_inner) = false;
    }

    /// Whether the lack of wake-ups is reported for the first time.
    pub(super) fn reports(&self) -> bool {
        !self.reported.swap(true, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::Watch;

    #[test]
    fn one_task_listens_at_a_time() {
        let watch = Watch::default();
        assert!(watch.begins());
        assert!(!watch.begins());
        watch.ends();
        assert!(watch.begins());
    }

    #[test]
    fn wakeups_come_while_the_stream_is_open() {
        let watch = Watch::default();
        assert!(!watch.is_open());
        watch.set_open(true);
        assert!(watch.is_open());
        watch.set_open(false);
        assert!(!watch.is_open());
    }

    #[test]
    fn a_lack_is_reported_once() {
        let watch = Watch::default();
        assert!(watch.reports());
        assert!(!watch.reports());
    }
}
