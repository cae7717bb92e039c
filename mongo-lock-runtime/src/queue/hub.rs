//! The listener for wake-ups: one for all clients of a process that share a store, while any of their
//! callers wait.
//!
//! Where there can be no listener, waiters ask now and then; so a wake-up that is missed, or a listener
//! that broke down, costs time and nothing else.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::sync::{Notify, watch};

use crate::{
    clock::Moment,
    random,
    store::{Confirmation, Standing, StoreError, Wakeup},
};

/// The party that a hub wakes: the queues of one client.
pub(super) trait Subscriber: Send + Sync {
    /// Has the first waiter for a lock ask the server.
    fn wake(&self, lock: &str);

    /// Has all waiters ask the server.
    fn wake_all(&self);

    /// Whether any caller waits.
    fn is_waiting(&self) -> bool;

    /// The confirmations that are due; with `far`, also those of places far back.
    fn places(&self, far: bool, now: Moment) -> Vec<Confirmation>;

    /// Takes the result of a confirmation that was sent at `sent` or later. `wakeups`: whether wake-ups
    /// come.
    fn confirmed(&self, place: &Confirmation, standing: Standing, sent: Moment, wakeups: bool);

    /// Takes note that a confirmation that was due at `sent` has failed.
    fn not_confirmed(&self, place: &Confirmation, sent: Moment, error: &StoreError);
}

/// The hub of the clients that share a listener.
pub(crate) struct Hub {
    /// The part of their queue ids that the clients have in common.
    id: Arc<str>,
    state: Mutex<State>,
    /// Whether wake-ups come.
    open: AtomicBool,
    /// The signal for the listener to look whether it is still needed.
    look: Arc<Notify>,
    /// Whether a task listens, or tries to.
    listening: watch::Sender<bool>,
    /// Whether a task confirms places.
    refreshing: AtomicBool,
}

#[derive(Default)]
struct State {
    /// By queue id.
    subscribers: BTreeMap<Arc<str>, Weak<dyn Subscriber>>,
    /// The number of clients so far.
    count: u64,
}

impl Hub {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            id: random::uuid().to_string().into(),
            state: Mutex::default(),
            open: AtomicBool::default(),
            look: Arc::default(),
            listening: watch::Sender::new(false),
            refreshing: AtomicBool::default(),
        })
    }

    /// The id by which the listener is found.
    pub(super) fn id(&self) -> &Arc<str> {
        &self.id
    }

    /// A queue id for another client.
    pub(super) fn queue_id(&self) -> Arc<str> {
        let mut state = self.state();
        state.count += 1;
        format!("{}:{}", self.id, state.count).into()
    }

    pub(super) fn subscribe(&self, queue_id: &Arc<str>, subscriber: Weak<dyn Subscriber>) {
        let mut state = self.state();
        state.subscribers.insert(Arc::clone(queue_id), subscriber);
    }

    /// Ends the subscription of a client that is gone, or shuts down.
    pub(super) fn unsubscribe(&self, queue_id: &str) {
        let subscriber = self.state().subscribers.remove(queue_id);
        drop(subscriber);
        self.look_again();
    }

    /// Whether wake-ups come.
    pub(super) fn is_open(&self) -> bool {
        self.open.load(Ordering::Relaxed)
    }

    pub(super) fn set_open(&self, open: bool) {
        self.open.store(open, Ordering::Relaxed);
    }

    /// Whether the caller is to listen from now on, since no task does.
    pub(super) fn begins(&self) -> bool {
        !self.listening.send_replace(true)
    }

    /// The listening task is about to end.
    pub(super) fn ends(&self) {
        self.listening.send_replace(false);
    }

    /// Has the listener look whether it is still needed.
    pub(super) fn look_again(&self) {
        self.look.notify_one();
    }

    pub(super) fn look(&self) -> Arc<Notify> {
        Arc::clone(&self.look)
    }

    /// Waits until no task listens, unless the listener is still needed.
    pub(crate) async fn settled(&self) {
        if !self.has_subscribers() {
            let mut listening = self.listening.subscribe();
            // The sender is not gone before `self`.
            drop(listening.wait_for(|listening| !listening).await);
        }
    }

    /// Whether any client is left.
    pub(super) fn has_subscribers(&self) -> bool {
        !self.state().subscribers.is_empty()
    }

    /// Whether any caller waits.
    pub(super) fn is_waiting(&self) -> bool {
        let subscribers = self.subscribers();
        subscribers.iter().any(|subscriber| subscriber.is_waiting())
    }

    pub(super) fn wake_all(&self) {
        for subscriber in self.subscribers() {
            subscriber.wake_all();
        }
    }

    /// Whether the caller is to confirm places from now on, since no task does.
    pub(super) fn begins_refreshing(&self) -> bool {
        !self.refreshing.swap(true, Ordering::SeqCst)
    }

    /// The task that confirms places is about to end.
    pub(super) fn ends_refreshing(&self) {
        self.refreshing.store(false, Ordering::SeqCst);
    }

    /// The confirmations that are due, of all clients.
    pub(super) fn places(&self, far: bool, now: Moment) -> Vec<Confirmation> {
        let subscribers = self.subscribers();
        let places = subscribers.iter();
        places.flat_map(|it| it.places(far, now)).collect()
    }

    pub(super) fn confirmed(&self, place: &Confirmation, standing: Standing, sent: Moment) {
        if let Some(subscriber) = self.subscriber(&place.queue_id) {
            subscriber.confirmed(place, standing, sent, self.is_open());
        }
    }

    pub(super) fn not_confirmed(&self, place: &Confirmation, sent: Moment, error: &StoreError) {
        if let Some(subscriber) = self.subscriber(&place.queue_id) {
            subscriber.not_confirmed(place, sent, error);
        }
    }

    /// Wakes those of the waiters that are here.
    pub(super) fn wake(&self, wakeup: &Wakeup) {
        for waiter in &wakeup.waiters {
            if let Some(subscriber) = self.subscriber(waiter) {
                subscriber.wake(wakeup.lock.as_str());
            }
        }
    }

    /// The clients, which are called outside of the mutex.
    fn subscribers(&self) -> Vec<Arc<dyn Subscriber>> {
        let subscribers: Vec<_> = self.state().subscribers.values().cloned().collect();
        subscribers.iter().filter_map(Weak::upgrade).collect()
    }

    fn subscriber(&self, queue_id: &str) -> Option<Arc<dyn Subscriber>> {
        let subscriber = self.state().subscribers.get(queue_id).cloned();
        subscriber?.upgrade()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code in a critical section panics.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The time for which a listener stays while no caller waits: a caller that comes again and again finds it.
pub(super) const LINGER: Duration = Duration::from_secs(10);
