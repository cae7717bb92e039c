//! The client of an annotated function: the task's own, else the global one.

use once_cell::sync::OnceCell;
use tokio::task_local;

use super::lock_client::LockClient;
use crate::error::Error;

static GLOBAL: OnceCell<LockClient> = OnceCell::new();

task_local! {
    static SCOPED: LockClient;
}

impl LockClient {
    /// Makes this the client of every annotated function in the process that has no closer one.
    ///
    /// Once per process, at start-up.
    ///
    /// # Errors
    ///
    /// [`Error::AlreadyInstalled`] the second time; the first client stays.
    pub fn install_global(&self) -> Result<(), Error> {
        GLOBAL
            .set(self.clone())
            .map_err(|_| Error::AlreadyInstalled)
    }

    /// The client that [`install_global`](Self::install_global) installed.
    ///
    /// # Errors
    ///
    /// [`Error::NoClient`] before that.
    pub fn global() -> Result<Self, Error> {
        GLOBAL.get().cloned().ok_or(Error::NoClient)
    }

    /// The client that an annotated function called here would use: the client in whose
    /// [`scope`](Self::scope) this task runs, else the global one.
    ///
    /// # Errors
    ///
    /// [`Error::NoClient`] when there is neither.
    pub fn current() -> Result<Self, Error> {
        SCOPED
            .try_with(Self::clone)
            .or_else(|_not_scoped| Self::global())
    }

    /// Runs `future` with this client in place of the global one. Meant for tests, each with a
    /// database of its own.
    ///
    /// The scope holds for this task, not for tasks that `future` spawns; give those a `scope` of their
    /// own.
    ///
    /// # Cancel safety
    ///
    /// As cancel safe as `future`.
    pub async fn scope<F: Future>(&self, future: F) -> F::Output {
        SCOPED.scope(self.clone(), future).await
    }
}
