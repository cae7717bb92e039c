//! The operations that are with their callers, on connections of the library's own.
//!
//! A caller that polls its operation saves one of two hand-overs between threads. But while the caller does
//! something else, the operation has a connection, and a place in a lane, for which others wait. So an
//! operation that has been with its caller for a while is moved to a task.

use std::{
    fmt, mem,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use tokio::runtime::Handle;

/// An operation moves after one to two of these. Most have ended before.
const INTERVAL: Duration = Duration::from_millis(50);

/// An operation that is with its caller.
pub(super) trait WithCaller: Send + Sync {
    fn move_to_task(&self);
}

/// The operations of one runtime that are with their callers.
#[derive(Default)]
pub(super) struct Overdue(Mutex<State>);

#[derive(Default)]
struct State {
    /// Begun before the last look.
    before: Vec<Weak<dyn WithCaller>>,
    /// Begun since.
    since: Vec<Weak<dyn WithCaller>>,
    /// Whether there is a task that looks. There is none while there are no operations.
    watched: bool,
}

impl fmt::Debug for Overdue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Overdue").finish_non_exhaustive()
    }
}

impl Overdue {
    /// Has the operation moved to a task, unless it ends soon.
    pub(super) fn watch(self: &Arc<Self>, operation: Weak<dyn WithCaller>, runtime: &Handle) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.since.push(operation);
        let watched = mem::replace(&mut state.watched, true);
        drop(state);
        if !watched {
            let overdue = Arc::clone(self);
            drop(runtime.spawn(async move {
                while overdue.look() {
                    tokio::time::sleep(INTERVAL).await;
                }
            }));
        }
    }

    /// Moves what is overdue. Says whether to look again.
    fn look(&self) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let since = mem::take(&mut state.since);
        let before = mem::replace(&mut state.before, since);
        state.watched = !state.before.is_empty() || !before.is_empty();
        let again = state.watched;
        drop(state);
        // Not under the mutex, since it spawns tasks.
        for operation in before.iter().filter_map(Weak::upgrade) {
            operation.move_to_task();
        }
        again
    }
}
