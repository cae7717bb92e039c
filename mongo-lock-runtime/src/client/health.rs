//! The health of a client: what it holds, and whether the server answers.

use std::time::Duration;

use super::lock_client::LockClient;
use crate::lease::HeldLock;

/// The health of a client: [`LockClient::health`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// The time that the server took to answer; `None` when it did not.
    pub answered_in: Option<Duration>,
    /// The reason for which there was no answer. Has no connection string in it.
    pub problem: Option<String>,
    /// The locks that the client holds, in the order of their names.
    pub held: Vec<HeldLock>,
    /// Whether the client was [shut down](LockClient::shutdown), and acquires no more locks.
    pub is_shut_down: bool,
}

impl Health {
    /// Whether the server has answered: there is a primary, and it can be reached.
    #[must_use]
    pub const fn is_reachable(&self) -> bool {
        self.answered_in.is_some()
    }

    /// The time by which renewals are late: the longest of [`HeldLock::renewal_lag`], zero where all leases were
    /// renewed in time.
    #[must_use]
    pub fn renewal_lag(&self) -> Duration {
        let lags = self.held.iter().filter_map(|held| held.renewal_lag);
        lags.max().unwrap_or_default()
    }

    /// The locks whose leases are [near their end](HeldLock::is_near_end).
    pub fn near_end(&self) -> impl Iterator<Item = &HeldLock> {
        self.held.iter().filter(|held| held.is_near_end)
    }

    /// The locks under which the client leads.
    pub fn led(&self) -> impl Iterator<Item = &HeldLock> {
        self.held.iter().filter(|held| held.leads)
    }
}

impl LockClient {
    /// The locks that this client holds: those under whose live leases a body runs or a guard lives, in the order of
    /// their names. Needs no answer of the server.
    ///
    /// A client of [`with_owner`](Self::with_owner) has locks of its own.
    #[must_use]
    pub fn held(&self) -> Vec<HeldLock> {
        self.0.leases.held_locks()
    }

    /// The health of the client: what it holds, and whether the server answers. One command, a `ping`, which is shared
    /// by all callers that ask while it is under way.
    ///
    /// The answer comes within a second, or within the [operation time
    /// limit](crate::LockClientBuilder::operation_timeout) when that is shorter, whatever the server does. Give a
    /// probe that asks more time than that: two seconds, say.
    ///
    /// A service is *ready* when [`is_reachable`](Health::is_reachable), whether or not it leads. It is *live* also
    /// when it is not: to start a process anew mends no database, and takes its locks away for a ttl. What only a new
    /// start mends shows in [`renewal_lag`](Health::renewal_lag), when that is long while the server answers.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use mongo_lock_runtime::LockClient;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # let client = LockClient::in_memory();
    /// let health = client.health().await;
    /// let is_ready = health.is_reachable() && !health.is_shut_down;
    /// let is_live = !health.is_reachable() || health.renewal_lag() < Duration::from_secs(30);
    /// for lock in health.near_end() {
    ///     println!("{} has {:?} left", lock.name, lock.time_left);
    /// }
    /// # assert!(is_ready && is_live);
    /// # }
    /// ```
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future leaves the command to a task.
    pub async fn health(&self) -> Health {
        let answer = self.0.pulse.ask(&self.0.context).await;
        let (answered_in, problem) = match answer {
            Ok(took) => (Some(took), None),
            Err(problem) => (None, Some(problem)),
        };
        Health {
            answered_in,
            problem,
            held: self.held(),
            is_shut_down: self.0.leases.is_closed(),
        }
    }
}
