//! The reasons for which leases end.

use std::{fmt, time::Duration};

/// The reason for which a lease ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LossReason {
    /// The ttl of the lease, less the safety margin, was over.
    Deadline {
        /// The ttl.
        ttl: Duration,
        /// The margin.
        margin: Duration,
    },
    /// The ttl of the lease, less the safety margin, was over, and no renewal had succeeded meanwhile.
    NotRenewed {
        /// The ttl.
        ttl: Duration,
        /// The margin.
        margin: Duration,
        /// The error of the last attempt to renew; `None` when no attempt was answered.
        problem: Option<String>,
    },
    /// The lease was held for as long as `max_hold` allows, renewals included.
    MaxHold {
        /// The limit.
        max_hold: Duration,
    },
    /// The server does not have the lease any more: the document was deleted or edited, or the lock was
    /// released by force.
    Gone,
    /// The client was shut down.
    ShutDown,
    /// The tokio runtime on which the client was built has shut down, so nothing could renew the
    /// lease, or end it in time. For clients in memory and on a
    /// [shared client](crate::LockClientBuilder::client) only.
    RuntimeGone,
    /// The holder released the lease. [`Lease::lost`](crate::Lease::lost) gives this reason, too.
    Released,
}

impl fmt::Display for LossReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deadline { ttl, margin } => write!(
                f,
                "its ttl of {ttl:?}, less a safety margin of {margin:?}, was over; choose a longer \
                 ttl for this job, or renew it"
            ),
            Self::NotRenewed {
                ttl,
                margin,
                problem,
            } => {
                let problem = problem.as_deref().unwrap_or("no attempt was answered");
                write!(
                    f,
                    "its ttl of {ttl:?}, less a safety margin of {margin:?}, was over, and it could \
                     not be renewed: {problem}"
                )
            }
            Self::MaxHold { max_hold } => {
                write!(f, "it was held for {max_hold:?}, the most that is allowed")
            }
            Self::Gone => f.write_str(
                "the server no longer has it: its document was deleted or edited, or it was \
                 released by force",
            ),
            Self::ShutDown => f.write_str("the lock client was shut down"),
            Self::RuntimeGone => f.write_str(
                "the tokio runtime on which the lock client was built has shut down; build the \
                 client on a runtime that outlives its use",
            ),
            Self::Released => f.write_str("it was released"),
        }
    }
}
