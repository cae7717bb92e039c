//! The runtime of a client's tasks.
//!
//! A body may block the threads of its service's runtime, and that runtime may end while the client is in
//! use. So the tasks of all clients with a database (operations, renewals, deadlines, releases, clean-ups,
//! wake-ups) run on one thread of the library's own. The driver's sockets belong to that thread too, unless
//! the service shares a client of its own.
//!
//! No code of the service's runs there, save for a subscriber of `tracing` and the wakers of its callers.

use std::{
    future::pending,
    io,
    pin::Pin,
    process,
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use tokio::{
    runtime::{self, Handle},
    sync::oneshot,
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;
use tracing::{dispatcher, instrument::WithSubscriber as _, subscriber::NoSubscriber};

/// A task of a client.
pub(crate) type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The name of the library's thread.
const THREAD: &str = "mongo-lock";

/// The library's runtime, once a client has needed it. It lasts as long as the process.
static OWN: Mutex<Option<Own>> = Mutex::new(None);

/// The library's runtime in one process.
#[derive(Debug)]
struct Own {
    /// A fork has the memory of its parent, and none of its threads.
    process: u32,
    handle: Handle,
}

/// The runtime on which the tasks of a client run.
#[derive(Debug, Clone)]
pub(crate) struct Runtime {
    handle: Handle,
    /// The runtime of the connections, where these are not the library's own.
    home: Option<Arc<Home>>,
}

/// The runtime of connections that a service shares.
#[derive(Debug)]
struct Home {
    id: runtime::Id,
    /// Cancelled when the runtime ends.
    ended: CancellationToken,
    /// Lets the sentinel's task end, once the client is gone.
    _in_use: oneshot::Sender<()>,
}

impl Runtime {
    /// The library's own runtime, on one thread, which is started at the first call.
    ///
    /// # Errors
    ///
    /// When the thread or its event queue cannot be had.
    pub(crate) fn own() -> io::Result<Self> {
        // No code in the critical section panics.
        let mut own = OWN.lock().unwrap_or_else(PoisonError::into_inner);
        let handle = in_process(&mut own, process::id())?;
        Ok(Self { handle, home: None })
    }

    /// The runtime of the calling task.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub(crate) fn current() -> Self {
        Self {
            handle: Handle::current(),
            home: None,
        }
    }

    /// This runtime, for tasks whose connections belong to the runtime of the calling task: when that one
    /// ends, the tasks are dropped, and no other is begun. `None` outside of a tokio runtime.
    pub(crate) fn with_connections_here(self) -> Option<Self> {
        let here = Handle::try_current().ok()?;
        let (in_use, over) = oneshot::channel::<()>();
        let ended = CancellationToken::new();
        let sentinel = Sentinel {
            ended: ended.clone(),
            runtime: true,
        };
        drop(here.spawn(async move {
            let mut sentinel = sentinel;
            drop(over.await);
            sentinel.runtime = false;
        }));
        let home = Home {
            id: here.id(),
            ended,
            _in_use: in_use,
        };
        Some(Self {
            home: Some(Arc::new(home)),
            ..self
        })
    }

    /// Whether the calling task runs where the connections are, so that it may poll an operation itself.
    pub(crate) fn is_here(&self) -> bool {
        let id = match &self.home {
            Some(home) => home.id,
            None => self.handle.id(),
        };
        Handle::try_current().is_ok_and(|here| here.id() == id)
    }

    /// Spawns a task. Where the runtime of the connections ends, the task is dropped.
    pub(crate) fn spawn(&self, task: Task) {
        let Some(home) = &self.home else {
            drop(self.spawn_always(task));
            return;
        };
        if home.ended.is_cancelled() {
            // Not spawned, since the caller may rely on its being dropped at once.
            drop(task);
        } else {
            let ended = home.ended.clone();
            drop(self.spawn_always(async move {
                tokio::select! {
                    // In this order: on connections that are gone, the driver's code can panic.
                    biased;
                    () = ended.cancelled() => {}
                    () = task => {}
                }
            }));
        }
    }

    /// Spawns a task. Its events go to the subscriber of the code that spawns it, also where that is not
    /// the global one.
    pub(crate) fn spawn_always<F>(&self, task: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        if has_subscriber() {
            self.handle.spawn(task.with_current_subscriber())
        } else {
            self.handle.spawn(task)
        }
    }
}

/// The library's runtime in this process.
fn in_process(own: &mut Option<Own>, process: u32) -> io::Result<Handle> {
    if let Some(own) = own
        && own.process == process
    {
        return Ok(own.handle.clone());
    }
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let handle = runtime.handle().clone();
    let thread = thread::Builder::new().name(THREAD.into());
    thread.spawn(move || runtime.block_on(pending::<()>()))?;
    Ok(own.insert(Own { process, handle }).handle.clone())
}

/// The part of a task on another runtime that says that the runtime has ended: a runtime that ends drops its
/// tasks.
struct Sentinel {
    ended: CancellationToken,
    /// Whether it is the runtime that drops the task.
    runtime: bool,
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        if self.runtime {
            self.ended.cancel();
        }
    }
}

/// Whether there is a subscriber here. Without one, a task must not be tied to its absence: the global
/// subscriber may be installed later.
fn has_subscriber() -> bool {
    dispatcher::get_default(|dispatch| !dispatch.is::<NoSubscriber>())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_process_has_one_thread_and_a_fork_has_another() {
        let mut own = None;
        let first = in_process(&mut own, 1).unwrap();
        assert_eq!(in_process(&mut own, 1).unwrap().id(), first.id());
        let forked = in_process(&mut own, 2).unwrap();
        assert_ne!(forked.id(), first.id());
        let (name, has_run) = mpsc::channel();
        forked.spawn(async move { name.send(thread::current().name().map(str::to_owned)) });
        assert_eq!(has_run.recv().unwrap().as_deref(), Some(THREAD));
    }

    #[test]
    fn with_the_runtime_of_the_connections_all_tasks_end() {
        let service = runtime::Builder::new_current_thread().build().unwrap();
        let own = Runtime::own().unwrap();
        let tasks = service.block_on(async { own.with_connections_here() });
        let tasks = tasks.unwrap();
        let spawn = || {
            let (alive, dropped) = mpsc::channel::<()>();
            tasks.spawn(Box::pin(async move {
                pending::<()>().await;
                drop(alive);
            }));
            dropped
        };
        let under_way = spawn();
        assert_eq!(under_way.try_recv(), Err(mpsc::TryRecvError::Empty));
        drop(service);
        assert!(under_way.recv().is_err());
        // At once.
        assert_eq!(spawn().try_recv(), Err(mpsc::TryRecvError::Disconnected));
    }
}
