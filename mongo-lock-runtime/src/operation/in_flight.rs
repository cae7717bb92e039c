//! An operation under way, which runs to its end whatever becomes of its caller.
//!
//! The driver wants its futures polled to completion, and a late answer may bring a lease that must be
//! given back. A task does both. So an operation runs in a task, on the library's thread: with connections
//! of the library's own, a caller that stops polling must not keep one, nor a place in a lane.
//!
//! There is one exception: while its caller runs on the runtime of the connections (in memory, and on
//! connections that the service shares), the caller polls the operation itself, which saves two hand-overs
//! between threads. The operation moves to a task when such a caller drops it or goes on to another runtime,
//! and when another party needs its result ([`Running::move_to_task`]): the caller may have stopped polling.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context as Polling, Poll},
};

use tokio::sync::oneshot::{self, error::RecvError};

use super::{
    context::{Context, OperationError},
    runtime::Task,
};

/// The caller's side of an operation: gives the answer; an error when the client's runtime is gone.
#[must_use = "dropping it leaves the operation to a task"]
pub(crate) struct InFlight<T> {
    running: Arc<Running>,
    answer: oneshot::Receiver<Result<T, OperationError>>,
}

/// The operation itself, and where it is polled.
pub(crate) struct Running {
    context: Arc<Context>,
    place: Mutex<Place>,
}

enum Place {
    /// In this slot, until the caller polls the operation.
    Caller(Task),
    /// Out of this slot, since the caller polls the operation now.
    Polled { then_to_task: bool },
    /// In a task, or ended.
    Elsewhere,
}

impl<T: Send + 'static> InFlight<T> {
    /// Starts an operation, which gets the sender for its answer.
    pub(crate) fn start<F>(
        context: &Arc<Context>,
        operation: impl FnOnce(oneshot::Sender<Result<T, OperationError>>) -> F,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (sender, answer) = oneshot::channel();
        let task = Box::pin(operation(sender));
        let running = Running {
            context: Arc::clone(context),
            place: Mutex::new(Place::Caller(task)),
        };
        let started = Self {
            running: Arc::new(running),
            answer,
        };
        started.running.stay_on_runtime();
        started
    }

    pub(crate) fn running(&self) -> &Arc<Running> {
        &self.running
    }
}

impl Running {
    /// Leaves the operation to a task.
    pub(crate) fn move_to_task(&self) {
        let mut place = self.place();
        match &mut *place {
            Place::Caller(_) => {
                if let Place::Caller(task) = std::mem::replace(&mut *place, Place::Elsewhere) {
                    drop(place);
                    self.context.spawn_boxed(task);
                }
            }
            Place::Polled { then_to_task } => *then_to_task = true,
            Place::Elsewhere => {}
        }
    }

    /// On another runtime than that of its connections, the operation is left to a task.
    fn stay_on_runtime(&self) {
        if !self.context.is_here() {
            self.move_to_task();
        }
    }

    /// Polls the operation, if its caller has it. Not under the mutex: the operation runs the driver's code.
    fn poll(&self, cx: &mut Polling<'_>) {
        let mut task = {
            let mut place = self.place();
            let polled = Place::Polled {
                then_to_task: false,
            };
            match std::mem::replace(&mut *place, polled) {
                Place::Caller(task) => task,
                other => {
                    *place = other;
                    return;
                }
            }
        };
        let ended = task.as_mut().poll(cx).is_ready();
        let mut place = self.place();
        let to_task = matches!(*place, Place::Polled { then_to_task: true });
        if !ended && !to_task {
            *place = Place::Caller(task);
            return;
        }
        *place = Place::Elsewhere;
        drop(place);
        if !ended {
            self.context.spawn_boxed(task);
        }
    }

    fn place(&self) -> MutexGuard<'_, Place> {
        // No code in a critical section panics.
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Future for InFlight<T> {
    type Output = Result<Result<T, OperationError>, RecvError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Polling<'_>) -> Poll<Self::Output> {
        // At every poll: a future may move between executors.
        self.running.stay_on_runtime();
        self.running.poll(cx);
        Pin::new(&mut self.answer).poll(cx)
    }
}

impl<T> Drop for InFlight<T> {
    fn drop(&mut self) {
        // Also after an answer: an operation that was late for its caller still runs.
        self.running.move_to_task();
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Weak, time::Duration};

    use super::{super::runtime::Runtime, *};
    use crate::{clock::Clock, operation::Margin, store::Store};

    /// Another party may need the result while the caller polls, on another thread, say.
    #[tokio::test]
    async fn an_operation_can_be_moved_while_it_is_polled() {
        let context = Arc::new(Context::new(
            Store::in_memory(),
            "a".into(),
            Duration::from_secs(1),
            Margin::Proportional,
            Clock::system(),
            Runtime::current(),
        ));
        let itself = Arc::new(Mutex::new(Weak::<Running>::new()));
        let ended = Arc::new(tokio::sync::Notify::new());
        let mut operation = {
            let (itself, ended) = (Arc::clone(&itself), Arc::clone(&ended));
            InFlight::start(&context, move |answer| async move {
                let running = itself.lock().unwrap().upgrade();
                running.unwrap().move_to_task();
                tokio::task::yield_now().await;
                drop(answer.send(Ok(7)));
                ended.notify_one();
            })
        };
        *itself.lock().unwrap() = Arc::downgrade(operation.running());
        let mut polling = Polling::from_waker(std::task::Waker::noop());
        assert!(Pin::new(&mut operation).poll(&mut polling).is_pending());
        // Without another poll of the caller.
        ended.notified().await;
        assert_eq!(operation.await.unwrap().unwrap(), 7);
    }
}
