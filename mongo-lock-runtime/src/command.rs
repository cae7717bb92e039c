//! A command on its way, which runs to its end whatever becomes of the caller.
//!
//! The driver wants its futures polled to completion, and somebody must be there to give back what a
//! late answer brings. A task of its own does both, but costs two hand-overs between threads, a tenth
//! of a refusal's time. So a caller on the client's own runtime polls the command itself, and when it
//! is dropped, or moves elsewhere, the command goes on in a task.

use std::{
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    runtime::Handle,
    sync::oneshot::{self, error::RecvError},
    time::{Instant, timeout, timeout_at},
};

use crate::{
    client::Inner,
    store::{AttemptError, StoreError},
};

type Answer<T> = Result<T, Failed>;

/// Why a command gave no result.
#[derive(Debug)]
pub(crate) enum Failed {
    /// It took longer than the operation time limit.
    Late,
    Because(StoreError),
}

impl Failed {
    /// The same for somebody else.
    pub(crate) fn again(&self) -> Self {
        match self {
            Self::Late => Self::Late,
            Self::Because(StoreError::NotALockDocument(problem)) => {
                Self::Because(StoreError::NotALockDocument(problem.clone()))
            }
            Self::Because(cause) => Self::Because(StoreError::Other(cause.to_string())),
        }
    }
}

/// Gives the answer; an error when the client's runtime is gone.
#[must_use = "dropping it leaves the command to the background"]
pub(crate) struct Command<T> {
    client: Arc<Inner>,
    /// `None` once it has ended, or where it is a task already.
    running: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    answer: oneshot::Receiver<Answer<T>>,
}

impl<T: Send + 'static> Command<T> {
    /// Starts a command, which gets the sender for its answer.
    pub(crate) fn start<F>(
        client: &Arc<Inner>,
        command: impl FnOnce(oneshot::Sender<Answer<T>>) -> F,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (sender, answer) = oneshot::channel();
        let mut started = Self {
            client: Arc::clone(client),
            running: Some(Box::pin(command(sender))),
            answer,
        };
        started.leave_abroad();
        started
    }
}

impl<T> Command<T> {
    /// Elsewhere than on the client's runtime, the command has no timer and no connections.
    fn leave_abroad(&mut self) {
        let here = Handle::try_current();
        if !here.is_ok_and(|here| here.id() == self.client.runtime.id()) {
            self.leave();
        }
    }

    /// Leaves the command to a task.
    fn leave(&mut self) {
        if let Some(command) = self.running.take() {
            self.client.spawn(command);
        }
    }
}

impl<T> Future for Command<T> {
    type Output = Result<Answer<T>, RecvError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // At every poll: a future may move between executors.
        self.leave_abroad();
        if let Some(command) = &mut self.running
            && command.as_mut().poll(cx).is_ready()
        {
            self.running = None;
        }
        Pin::new(&mut self.answer).poll(cx)
    }
}

impl<T> Drop for Command<T> {
    fn drop(&mut self) {
        // Also after an answer: one that says "late" leaves a command that still runs.
        self.leave();
    }
}

impl Inner {
    /// One attempt at a command of the store. One that has not ended a second after the operation
    /// time limit, at which the server itself stops working on it, is taken for lost, with its
    /// connection: dropping it has the driver close that.
    pub(crate) async fn attempt<T>(
        &self,
        command: impl Future<Output = Result<T, AttemptError>>,
    ) -> Result<T, AttemptError> {
        const GRACE: Duration = Duration::from_secs(1);
        let attempt = timeout(self.operation_timeout + GRACE, command).await;
        attempt.unwrap_or_else(|_| Err(AttemptError::lost()))
    }

    /// Runs `command` to its end, and sends its result, or, as soon as the operation time limit is
    /// over, that it is.
    pub(crate) async fn answer_in_time<T>(
        &self,
        sent: Instant,
        command: impl Future<Output = Result<T, StoreError>>,
        answer: oneshot::Sender<Answer<T>>,
    ) {
        let mut command = pin!(command);
        // If nobody waits any more, what the command brings is dropped, which gives it back.
        if let Ok(result) = timeout_at(sent + self.operation_timeout, &mut command).await {
            drop(answer.send(result.map_err(Failed::Because)));
        } else {
            drop(answer.send(Err(Failed::Late)));
            drop(command.await);
        }
    }
}
