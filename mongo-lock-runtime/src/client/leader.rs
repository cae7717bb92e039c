//! Leader election: a call that waits for the lock, runs a body under its lease, and starts anew.

use std::{ops::ControlFlow, sync::OnceLock, time::Duration};

use tokio::time::sleep;

use super::{
    acquisition::Acquisition,
    lock_client::LockClient,
    run::{Run, Value},
};
use crate::{
    error::Error,
    events::Event,
    lease::{Lease, current_lease},
    operation::Backoff,
    spec::{LockSpec, OnLost},
};

impl LockClient {
    /// Runs `task` while this instance is the leader, and stands for election again and again.
    ///
    /// Of all instances that call this for one name, at most one leads at any time: the instance that
    /// holds the lock. The others wait in the queue. When the leader's lease is lost, its task is dropped;
    /// when the leader dies, the next instance leads within the ttl. Trouble with MongoDB ends a term at
    /// the lease's deadline, and never ends the candidacy.
    ///
    /// The value of the task decides: [`ControlFlow::Continue`] steps down and stands again, behind the
    /// instances that wait; [`ControlFlow::Break`] ends the candidacy with a value.
    ///
    /// After a task that stepped down within a second, and after an election that failed, there is a pause
    /// before the instance stands again: 100 ms at first, then longer, up to 10 s. So a task that fails at
    /// once does not keep the server busy with elections. A longer term makes the pauses short again.
    ///
    /// ```
    /// use std::{ops::ControlFlow, time::Duration};
    /// use mongo_lock_runtime::{LockClient, LockSpec};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), mongo_lock_runtime::Error> {
    /// # let client = LockClient::in_memory();
    /// let spec = LockSpec::builder("scheduler", Duration::from_secs(10))
    ///     .renew(true)
    ///     .build()?;
    /// let term = client
    ///     .lead(&spec, |lease| async move {
    ///         // … until there is nothing left to do.
    ///         ControlFlow::Break(lease.token())
    ///     })
    ///     .await?;
    /// # assert!(term > 0);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] for a spec without [`renew`](crate::LockSpecBuilder::renew), which
    /// would depose every leader after a ttl, or with which several could lead;
    /// [`Error::NotALockDocument`], [`Error::WouldDeadlock`]; and [`Error::ShutDown`] or
    /// [`Error::RuntimeGone`] when the client is no more.
    ///
    /// # Panics
    ///
    /// When the task panics. The lock is released.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: when the future is dropped, so is the task, and then the lock is released in the
    /// background.
    pub async fn lead<T, F, Fut>(&self, spec: &LockSpec, mut task: F) -> Result<T, Error>
    where
        F: FnMut(Lease) -> Fut,
        Fut: Future<Output = ControlFlow<T>>,
    {
        check(spec)?;
        let clock = &self.0.context.clock;
        let mut pauses = pauses();
        loop {
            let (client, wanted) = (self.clone(), spec.clone());
            let elected = Box::pin(async move {
                let guard = client.acquire(&wanted).await?;
                guard.lease().set_leads();
                client.0.context.observers.report(&Event::Elected {
                    lock: guard.lease().observed(),
                    token: guard.token(),
                });
                Ok(Acquisition::Acquired(guard))
            });
            let began = OnceLock::new();
            let term = async {
                let lease = current_lease().expect("a body runs under its lease");
                let _ = began.set(clock.now());
                task(lease).await
            };
            let result = Run::<_, Value>::new(elected, OnLost::Cancel, Box::pin(term)).await;
            let term = began.get().map(|began| clock.elapsed(*began));
            let mut deposed = false;
            let reason = match result {
                Ok(Ok(ControlFlow::Break(value))) => return Ok(value),
                // A caller that waits without a limit is never skipped.
                Ok(Ok(ControlFlow::Continue(())) | Err(_)) => "the task stepped down".to_owned(),
                Err(error) if is_final(&error) => return Err(error),
                Err(error) => {
                    deposed = error.is_lease_lost();
                    error.to_string()
                }
            };
            if deposed || term.is_some_and(|term| term >= SHORT_TERM) {
                pauses = self::pauses();
                self.stands_again(spec, reason, Duration::ZERO);
                continue;
            }
            let pause = pauses.next();
            self.stands_again(spec, reason, pause);
            // On the runtime of the client's tasks, which has a timer. If it is gone, so is the client.
            let over = async move { sleep(pause).await };
            drop(self.0.context.runtime.spawn_always(over).await);
        }
    }

    /// Reports the end of a term after which the candidate stands again.
    fn stands_again(&self, spec: &LockSpec, reason: String, pause: Duration) {
        let context = &self.0.context;
        context.observers.report(&Event::StandsAgain {
            lock: context.observed(spec),
            reason,
            pause,
        });
    }

    /// Whether this client leads under this name: whether a task of [`lead`](Self::lead) runs here, under a lease
    /// that lasts. Needs no answer of the server.
    ///
    /// ```
    /// # use std::{ops::ControlFlow, time::Duration};
    /// # use mongo_lock_runtime::{LockClient, LockSpec};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), mongo_lock_runtime::Error> {
    /// # let client = LockClient::in_memory();
    /// # let spec = LockSpec::builder("scheduler", Duration::from_secs(10)).renew(true).build()?;
    /// assert!(!client.is_leader("scheduler"));
    /// # let client = &client;
    /// # client.lead(&spec, |_| async move {
    /// assert!(client.is_leader("scheduler")); // in the task of `lead`
    /// # ControlFlow::Break(()) }).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn is_leader(&self, name: impl AsRef<str>) -> bool {
        self.0.leases.leads(name.as_ref())
    }
}

/// A term shorter than this is followed by a pause: a task that fails at once must not keep the server
/// busy with elections.
const SHORT_TERM: Duration = Duration::from_secs(1);

/// The pauses after short terms, and after elections that failed.
fn pauses() -> Backoff {
    Backoff::new(Duration::from_millis(100), Duration::from_secs(10))
}

fn check(spec: &LockSpec) -> Result<(), Error> {
    let problem = if !spec.renew() {
        "a leader stays for longer than a ttl: ask for `renew`"
    } else if !spec.is_exclusive() {
        "only one can lead: ask for an exclusive lock with one permit"
    } else {
        return Ok(());
    };
    Err(Error::InvalidArgument {
        argument: "spec",
        problem: problem.into(),
    })
}

/// Whether the error ends the candidacy: it does not pass by itself.
fn is_final(error: &Error) -> bool {
    matches!(
        error,
        Error::InvalidArgument { .. }
            | Error::NotALockDocument { .. }
            | Error::WouldDeadlock { .. }
            | Error::ShutDown { .. }
            | Error::RuntimeGone { .. }
    )
}
