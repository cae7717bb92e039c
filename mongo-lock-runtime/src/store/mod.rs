//! The store: the one boundary to a database, in a lock's own words.
//!
//! A store makes one attempt at one operation. Time limits, repetition and cleaning up are the
//! business of the caller, and equal for every store.

pub(crate) mod failure;
pub(crate) mod memory;
mod mongo;
pub(crate) mod protocol;
#[cfg(feature = "__simulation")]
pub(crate) mod simulated;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::timeout,
};

use self::{
    failure::Persistence,
    memory::MemoryStore,
    mongo::{MongoCursor, MongoWakeups},
    protocol::{Reply, Request},
};
pub(crate) use self::{
    failure::{AttemptError, StoreError},
    mongo::{Connections, MongoStore, Namespace, StartUp, StartUpFailure},
    protocol::{
        AcquireReply, AcquireRequest, Confirmation, Grant, LeaseId, Queued, ReleaseRequest,
        Renewal, Renewed, Standing, Ticket, Turn, Wakeup,
    },
};
use crate::name::LockName;

/// The place of the locks.
pub(crate) enum Store {
    Mongo(MongoStore),
    Memory(MemoryStore),
    #[cfg(feature = "__simulation")]
    Simulated(Arc<dyn simulated::Network>),
}

impl Store {
    pub(crate) fn in_memory() -> Self {
        Self::Memory(MemoryStore::default())
    }

    /// One attempt to acquire.
    pub(crate) async fn acquire(
        &self,
        request: &AcquireRequest,
    ) -> Result<(AcquireReply, Turn), AttemptError> {
        if let Self::Mongo(store) = self {
            return store.acquire(request).await;
        }
        match self.call(Request::Acquire(request.clone())).await? {
            (Reply::Acquire(reply), turn) => Ok((reply, turn)),
            (other, _) => Err(other.unexpected()),
        }
    }

    /// One attempt to release a lease and to acquire another in one step; says whether the first
    /// was there. Atomic: only a client that has waited longer can acquire in between.
    pub(crate) async fn hand_over(
        &self,
        lease: &ReleaseRequest,
        request: &AcquireRequest,
    ) -> Result<((bool, AcquireReply), Turn), AttemptError> {
        if let Self::Mongo(store) = self {
            return store.hand_over(lease, request).await;
        }
        let both = Request::HandOver(lease.clone(), request.clone());
        match self.call(both).await? {
            (Reply::HandOver(there, reply), turn) => Ok(((there, reply), turn)),
            (other, _) => Err(other.unexpected()),
        }
    }

    /// One attempt to give up the queue entry with this id.
    pub(crate) async fn leave(
        &self,
        name: &LockName,
        queue_id: &str,
    ) -> Result<((), Turn), AttemptError> {
        if let Self::Mongo(store) = self {
            return store.leave(name, queue_id).await;
        }
        let (name, queue_id) = (name.clone(), Arc::from(queue_id));
        match self.call(Request::Leave { name, queue_id }).await? {
            (Reply::Left, turn) => Ok(((), turn)),
            (other, _) => Err(other.unexpected()),
        }
    }

    /// One attempt to release; says whether the lease was there.
    pub(crate) async fn release(
        &self,
        lease: &ReleaseRequest,
    ) -> Result<(bool, Turn), AttemptError> {
        if let Self::Mongo(store) = self {
            return store.release(lease).await;
        }
        match self.call(Request::Release(lease.clone())).await? {
            (Reply::Released(there), turn) => Ok((there, turn)),
            (other, _) => Err(other.unexpected()),
        }
    }

    /// One attempt to renew all of these leases.
    pub(crate) async fn renew(&self, leases: &[Renewal]) -> Result<Renewed, AttemptError> {
        if let Self::Mongo(store) = self {
            return store.renew(leases).await;
        }
        match self.call(Request::Renew(leases.to_vec())).await? {
            (Reply::Renewed(renewed), _) => Ok(renewed),
            (other, _) => Err(other.unexpected()),
        }
    }

    /// One attempt to confirm all of these places. The results are in their order.
    pub(crate) async fn confirm(
        &self,
        places: &[Confirmation],
    ) -> Result<Vec<Standing>, AttemptError> {
        if let Self::Mongo(store) = self {
            return store.confirm(places).await;
        }
        match self.call(Request::Confirm(places.to_vec())).await? {
            (Reply::Confirmed(standings), _) => Ok(standings),
            (other, _) => Err(other.unexpected()),
        }
    }

    /// One attempt to wake waiters, which listen for the part of their queue ids that [`listener`](protocol::listener) gives.
    /// Only a hint: a waiter that is not reached finds out for itself.
    pub(crate) async fn wake(&self, wakeup: &Wakeup) -> Result<(), AttemptError> {
        if let Self::Mongo(store) = self {
            return store.wake(wakeup).await;
        }
        match self.call(Request::Wake(wakeup.clone())).await? {
            (Reply::Woken, _) => Ok(()),
            (other, _) => Err(other.unexpected()),
        }
    }

    /// One attempt to reach the store.
    pub(crate) async fn ping(&self) -> Result<(), AttemptError> {
        match self {
            Self::Mongo(store) => store.ping().await,
            Self::Memory(_) => Ok(()),
            #[cfg(feature = "__simulation")]
            Self::Simulated(_) => Ok(()),
        }
    }

    /// Whether the lack of wake-ups is reported for the first time.
    pub(crate) fn reports_wakeups(&self) -> bool {
        match self {
            Self::Mongo(store) => store.reports_wakeups(),
            Self::Memory(_) => false,
            #[cfg(feature = "__simulation")]
            Self::Simulated(_) => false,
        }
    }

    /// The wake-ups, from now on, of the waiters of this [`listener`](protocol::listener). Without any for `look`, the
    /// stream says that it is idle.
    pub(crate) async fn listen(
        &self,
        listener: &str,
        look: Duration,
    ) -> Result<WakeupStream, AttemptError> {
        Ok(match self {
            Self::Mongo(store) => {
                WakeupStream::Mongo(Box::new(store.listen(listener, look).await?))
            }
            Self::Memory(store) => WakeupStream::Memory(store.wakeups(), look),
            #[cfg(feature = "__simulation")]
            Self::Simulated(network) => WakeupStream::Memory(network.wakeups(), look),
        })
    }

    pub(crate) fn is_in_memory(&self) -> bool {
        matches!(self, Self::Memory(_))
    }

    /// Releases a lease of a store in memory, at once. Says whether the lease was there.
    pub(crate) fn release_in_memory(&self, lease: &ReleaseRequest) -> bool {
        let Self::Memory(store) = self else {
            return false;
        };
        let (reply, waiters) = store.apply(&Request::Release(lease.clone()));
        if !waiters.is_empty() {
            let lock = lease.name.clone();
            store.wake(Wakeup { lock, waiters });
        }
        matches!(reply, Reply::Released(true))
    }

    /// Whether the other store keeps the same locks.
    pub(crate) fn is_same_place(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Mongo(one), Self::Mongo(other)) => one.is_same_place(other),
            (Self::Memory(one), Self::Memory(other)) => std::ptr::eq(one, other),
            #[cfg(feature = "__simulation")]
            (Self::Simulated(_), Self::Simulated(_)) => true,
            _ => false,
        }
    }

    /// `database.collection`, for error messages.
    pub(crate) fn place(&self) -> String {
        match self {
            Self::Mongo(store) => store.namespace().to_string(),
            Self::Memory(_) => "memory".into(),
            #[cfg(feature = "__simulation")]
            Self::Simulated(_) => "simulation".into(),
        }
    }

    /// The database and the collection of the fences of transactions.
    pub(crate) fn fences(&self) -> (String, String) {
        let in_memory = || ("mongo_lock".into(), "distributed_locks_fences".into());
        match self {
            Self::Mongo(store) => {
                let Namespace {
                    database,
                    collection,
                } = store.namespace();
                (database.clone(), format!("{collection}_fences"))
            }
            Self::Memory(_) => in_memory(),
            #[cfg(feature = "__simulation")]
            Self::Simulated(_) => in_memory(),
        }
    }

    /// Sends a request to a store that takes requests as they are.
    async fn call(&self, request: Request) -> Result<(Reply, Turn), AttemptError> {
        match self {
            Self::Mongo(_) => unreachable!("MongoDB takes a command of its own for each request"),
            Self::Memory(store) => Ok(store.call(&request).await),
            #[cfg(feature = "__simulation")]
            Self::Simulated(network) => network.call(request).await,
        }
    }
}

impl Reply {
    /// The error for a reply to another kind of request.
    fn unexpected(&self) -> AttemptError {
        let message = format!("the store replied to another request: {self:?}");
        AttemptError::new(message, Persistence::Final, true)
    }
}

/// The wake-ups of one listener.
pub(crate) enum WakeupStream {
    Mongo(Box<MongoWakeups>),
    Memory(Receiver<Wakeup>, Duration),
}

/// News from a [`WakeupStream`].
pub(crate) enum News {
    /// These waiters are to ask again, perhaps with waiters of other listeners among them.
    Wakeups(Vec<Wakeup>),
    /// All waiters are to ask again: wake-ups were missed.
    All,
    /// There has been no wake-up for a while.
    Idle,
}

impl WakeupStream {
    pub(crate) async fn next(&mut self) -> Result<News, AttemptError> {
        match self {
            Self::Mongo(stream) => {
                let wakeups = stream.next().await?;
                Ok(if wakeups.is_empty() {
                    News::Idle
                } else {
                    News::Wakeups(wakeups)
                })
            }
            Self::Memory(wakeups, look) => match timeout(*look, wakeups.recv()).await {
                Ok(Ok(wakeup)) => Ok(News::Wakeups(vec![wakeup])),
                Ok(Err(RecvError::Lagged(_))) => Ok(News::All),
                // The store of a listener is not gone, save at the end of a simulation.
                Ok(Err(RecvError::Closed)) => Err(AttemptError::ended()),
                Err(_) => Ok(News::Idle),
            },
        }
    }

    pub(crate) fn cursor(&self) -> WakeupCursor {
        match self {
            Self::Mongo(stream) => WakeupCursor(Some(stream.cursor())),
            Self::Memory(..) => WakeupCursor(None),
        }
    }
}

/// What a [`WakeupStream`] has on the server.
#[derive(Clone)]
pub(crate) struct WakeupCursor(Option<MongoCursor>);

impl WakeupCursor {
    /// Has the server give news, perhaps that there are none, at once. `false`: there is no server.
    pub(crate) async fn interrupt(&self) -> bool {
        if let Some(cursor) = &self.0 {
            cursor.interrupt().await;
        }
        self.0.is_some()
    }

    /// The end of cursors that processes have left on the server when they were killed.
    pub(crate) fn sweep(&self) -> Option<impl Future<Output = ()> + Send + use<>> {
        let cursor = self.0.clone()?;
        Some(async move { cursor.sweep().await })
    }

    /// Ends the stream, and leaves nothing of it on the server, unless that is out of reach.
    pub(crate) async fn close(&self) {
        if let Some(cursor) = &self.0 {
            cursor.close().await;
        }
    }
}
