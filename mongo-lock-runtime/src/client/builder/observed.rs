//! Observers of a new client, and a client in memory with settings.

use std::{sync::Arc, time::Duration};

use super::{
    LockClientBuilder,
    settings::{check_limit, check_margin},
};
use crate::{
    client::{inner::ClientInner, lock_client::LockClient, owner},
    clock::Clock,
    error::Error,
    events::Observer,
    operation::{Context, Runtime},
    store::Store,
};

impl LockClientBuilder {
    /// Adds an observer, which hears the events of the client and of those that
    /// [`with_owner`](LockClient::with_owner) makes of it. Default: none, beside `tracing`.
    ///
    /// Of several observers, each hears each event, in the order in which they were added.
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.observers = self.observers.with(observer);
        self
    }

    /// Gives a client in memory, as [`LockClient::in_memory`] does, with the observers, the owner label, the margin
    /// and the operation time limit of this builder.
    ///
    /// ```
    /// use std::sync::{Arc, Mutex};
    /// use mongo_lock_runtime::{LockClient, distributed_lock, observe::{Event, Observer}};
    ///
    /// #[derive(Default)]
    /// struct Seen(Mutex<Vec<Event>>);
    ///
    /// impl Observer for Seen {
    ///     fn event(&self, event: &Event) {
    ///         self.0.lock().unwrap().push(event.clone());
    ///     }
    /// }
    ///
    /// #[distributed_lock(name = "invoice-{id}", ttl = "5m")]
    /// async fn pay(id: u32) {}
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), mongo_lock_runtime::Error> {
    /// let seen = Arc::new(Seen::default());
    /// let client = LockClient::builder().observer(Arc::clone(&seen)).build_in_memory()?;
    /// let _ = client.scope(pay(7)).await?;
    /// let seen = seen.0.lock().unwrap();
    /// let lock = seen[0].lock().unwrap();
    /// assert_eq!((lock.name.as_str(), lock.label), ("invoice-7", "invoice-{id}"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] for a setting that is out of range, and for settings of a connection.
    ///
    /// # Panics
    ///
    /// As [`LockClient::in_memory`].
    #[track_caller]
    pub fn build_in_memory(self) -> Result<LockClient, Error> {
        let connects =
            self.source.is_some() || self.server_api.is_some() || self.database.is_some();
        if connects {
            return Err(Error::InvalidArgument {
                argument: "client settings",
                problem:
                    "a client in memory has no connection; leave out `uri`, `client_options`, \
                          `client`, `server_api` and `database`"
                        .into(),
            });
        }
        let limit = check_limit(self.operation_timeout)?;
        let owner = match &self.owner {
            Some(label) => owner::check_label(label)?,
            None => owner::default_label(),
        };
        let margin = check_margin(self.margin)?;
        // Here, where the runtime was chosen, and not in the middle of the first call.
        drop(tokio::time::sleep(Duration::ZERO));
        let (store, clock, runtime) = (Store::in_memory(), Clock::tokio(), Runtime::current());
        let mut context = Context::new(store, owner, limit, margin, clock, runtime);
        context.observers = self.observers;
        Ok(LockClient(Arc::new(ClientInner::new(context))))
    }
}
