//! The context of an operation: all that the layers below the client know of the client.

use std::{
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::oneshot, time::timeout};
use tokio_util::task::TaskTracker;

use super::{
    outage::Outage,
    runtime::{Runtime, Task},
    timing::Margin,
};
use crate::{
    clock::{Clock, Moment},
    error::{Error, Operation},
    events::{ObservedLock, Observers},
    name::LockName,
    spec::LockSpec,
    store::{AttemptError, Store, StoreError},
};

/// A client's store and settings, and the runtime on which its tasks run.
pub(crate) struct Context {
    pub(crate) store: Arc<Store>,
    pub(crate) owner: Arc<str>,
    pub(crate) operation_timeout: Duration,
    pub(crate) margin: Margin,
    pub(crate) clock: Clock,
    /// The runtime of all operations. Not that of a caller, which may end, or stop polling, while an
    /// operation is under way.
    pub(crate) runtime: Runtime,
    /// The operations and clean-ups for which a shutdown waits.
    pub(crate) tasks: TaskTracker,
    /// Of all clients with these connections.
    pub(crate) outage: Arc<Outage>,
    /// The hearers of events.
    pub(crate) observers: Observers,
    /// The simulated process in which the client runs.
    #[cfg(feature = "__simulation")]
    pub(crate) process: Option<Arc<dyn Process>>,
}

/// A simulated process: the tasks of a client run in it, and it can be paused or die.
#[cfg(feature = "__simulation")]
pub trait Process: Send + Sync {
    /// Takes over a task of the client before that is spawned.
    fn wrap(&self, task: Task) -> Task;
}

/// The error of an operation's last attempt.
#[derive(Debug, Default)]
pub(crate) struct Trouble(Mutex<Option<StoreError>>);

impl Trouble {
    pub(crate) fn set(&self, error: StoreError) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }

    fn take(&self) -> Option<StoreError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The reason for which an operation gave no result.
#[derive(Debug, Clone)]
pub(crate) enum OperationError {
    /// The operation time limit was over before the result.
    Late,
    Failed(StoreError),
}

impl Context {
    pub(crate) fn new(
        store: Store,
        owner: Arc<str>,
        operation_timeout: Duration,
        margin: Margin,
        clock: Clock,
        runtime: Runtime,
    ) -> Self {
        Self {
            store: Arc::new(store),
            owner,
            operation_timeout,
            margin,
            clock,
            runtime,
            tasks: TaskTracker::new(),
            outage: Arc::default(),
            observers: Observers::default(),
            #[cfg(feature = "__simulation")]
            process: None,
        }
    }

    /// The context of another client of the same locks.
    pub(crate) fn with_owner(&self, owner: Arc<str>) -> Self {
        Self {
            store: Arc::clone(&self.store),
            owner,
            operation_timeout: self.operation_timeout,
            margin: self.margin,
            clock: self.clock.clone(),
            runtime: self.runtime.clone(),
            tasks: TaskTracker::new(),
            outage: Arc::clone(&self.outage),
            observers: self.observers.clone(),
            #[cfg(feature = "__simulation")]
            process: self.process.clone(),
        }
    }

    /// The lock of a spec, as the client's events name it.
    pub(crate) fn observed(&self, spec: &LockSpec) -> ObservedLock {
        ObservedLock::new(spec, &self.owner)
    }

    /// Runs `task` to its end, and has a shutdown wait for it. On a runtime that has shut down, the
    /// task is dropped at once.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.spawn_boxed(Box::pin(task));
    }

    pub(crate) fn spawn_boxed(&self, task: Task) {
        let task = self.tasks.track_future(self.in_process(task));
        self.runtime.spawn(Box::pin(task));
    }

    /// Runs `task`, for which no shutdown waits.
    pub(crate) fn spawn_aside(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(self.in_process(Box::pin(task)));
    }

    #[cfg(not(feature = "__simulation"))]
    #[allow(clippy::unused_self)] // a simulation has the client's process there
    fn in_process(&self, task: Task) -> Task {
        task
    }

    #[cfg(feature = "__simulation")]
    fn in_process(&self, task: Task) -> Task {
        match &self.process {
            Some(process) => process.wrap(task),
            None => task,
        }
    }

    /// Whether the calling task runs on the runtime of the connections.
    pub(crate) fn is_here(&self) -> bool {
        #[cfg(feature = "__simulation")]
        if self.process.is_some() {
            // The tasks of a simulation share one runtime, whichever process they belong to; a caller
            // belongs to the process of its client.
            return true;
        }
        self.runtime.is_here()
    }

    /// Runs one attempt at a request to the store. An attempt that has not ended a second after the
    /// operation time limit, at which the server itself stops working on it, is taken for lost, with
    /// its connection: dropping the attempt has the driver close that.
    pub(crate) async fn attempt<T>(
        &self,
        request: impl Future<Output = Result<T, AttemptError>>,
    ) -> Result<T, AttemptError> {
        const GRACE: Duration = Duration::from_secs(1);
        let attempt = timeout(self.operation_timeout + GRACE, request).await;
        let result = attempt.unwrap_or_else(|_| Err(AttemptError::lost()));
        self.outage.note(&result, self.clock.now());
        result
    }

    /// Runs `operation` to its end, and sends its result, or an error as soon as the operation time
    /// limit, counted from `started`, is over: `trouble`, when an attempt has failed by then, or the failure of
    /// another operation of this time, else [`OperationError::Late`].
    pub(crate) async fn answer_in_time<T>(
        &self,
        started: Moment,
        trouble: &Trouble,
        operation: impl Future<Output = Result<T, StoreError>>,
        answer: oneshot::Sender<Result<T, OperationError>>,
    ) {
        let mut operation = pin!(operation);
        let left = self
            .operation_timeout
            .saturating_sub(self.clock.elapsed(started));
        // Without a receiver, the result is dropped, which gives a lease back.
        if let Ok(result) = timeout(left, &mut operation).await {
            let reason = |error| OperationError::Failed(self.outage.or(error, started));
            drop(answer.send(result.map_err(reason)));
        } else {
            let error = match trouble.take() {
                Some(error) => Some(self.outage.or(error, started)),
                None => self.outage.reason(started),
            };
            let error = error.map(OperationError::Failed);
            drop(answer.send(Err(error.unwrap_or(OperationError::Late))));
            drop(operation.await);
        }
    }

    /// The error that the caller of an operation gets.
    pub(crate) fn error(
        &self,
        lock: &LockName,
        operation: Operation,
        error: OperationError,
    ) -> Error {
        let lock = lock.clone();
        match error {
            OperationError::Late => Error::Timeout {
                lock,
                operation,
                limit: self.operation_timeout,
            },
            OperationError::Failed(StoreError::NotALockDocument(problem)) => {
                Error::NotALockDocument {
                    lock,
                    namespace: self.store.place(),
                    problem,
                }
            }
            OperationError::Failed(StoreError::Other(problem)) => Error::Database {
                lock,
                operation,
                problem,
                source: None,
            },
            OperationError::Failed(StoreError::Driver(error)) => Error::Database {
                lock,
                operation,
                problem: error.kind.to_string(),
                source: Some(Box::new(error)),
            },
        }
    }
}
