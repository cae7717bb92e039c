//! Leader election: a lock that is waited for, a body that its lease stops, and again.

use std::{ops::ControlFlow, time::Duration};

use tokio::time::sleep;

use crate::{
    Acquisition, Error, Lease, LockClient, LockSpec, current_lease, event, run::Run, spec::OnLost,
};

impl LockClient {
    /// Runs `task` while this instance is the leader, and stands for election again and again.
    ///
    /// Of all instances that call this for one name, one leads at any time: the one that holds the
    /// lock. The others wait in line. When the leader's lease is lost, its task is dropped; when it
    /// dies, the next one leads within the ttl. Trouble with MongoDB ends the leadership at the lease's
    /// deadline, never the standing.
    ///
    /// The task says how it goes on: [`ControlFlow::Continue`] steps down and stands again, behind those
    /// who wait; [`ControlFlow::Break`] ends it all with a value.
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
        loop {
            let (client, wanted) = (self.clone(), spec.clone());
            let elected = Box::pin(async move {
                let guard = client.acquire(&wanted).await;
                guard.map(Acquisition::Acquired)
            });
            let term = async {
                let lease = current_lease().expect("a body runs under its lease");
                task(lease).await
            };
            match Run::new(elected, OnLost::Cancel, Box::pin(term)).await {
                Ok(Ok(ControlFlow::Break(value))) => return Ok(value),
                // Nobody is skipped who waits without a limit.
                Ok(Ok(ControlFlow::Continue(())) | Err(_)) => {}
                Err(error) if is_final(&error) => return Err(error),
                Err(error) => {
                    event::stands_again(spec.name(), &error);
                    if !matches!(error, Error::LeaseLost { .. }) {
                        // On the client's runtime, which has a timer. If it is gone, so is the
                        // client.
                        drop(self.0.runtime.spawn(sleep(PAUSE)).await);
                    }
                }
            }
        }
    }
}

const PAUSE: Duration = Duration::from_millis(500);

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

/// Whether it will not pass.
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
