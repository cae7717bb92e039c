//! One lease in the table, and the time of its next renewal.

use std::{sync::Weak, time::Duration};

use super::lease::Lease;
use crate::{clock::Moment, name::LockName, operation::Running};

/// A lease that is not over.
pub(super) enum Entry {
    /// The lease may be granted at any moment, or have been.
    Pending {
        name: LockName,
        running: Weak<Running>,
    },
    Held {
        lease: Lease,
        due: Option<Due>,
    },
    Releasing {
        name: LockName,
    },
}

/// The time of a lease's next renewal.
#[derive(Clone, Copy)]
pub(super) struct Due {
    pub(super) at: Moment,
    /// The time from which the lease may be renewed together with another one that is due.
    pub(super) along_from: Moment,
}

impl Entry {
    pub(super) fn name(&self) -> &LockName {
        match self {
            Self::Held { lease, .. } => lease.name(),
            Self::Pending { name, .. } | Self::Releasing { name, .. } => name,
        }
    }

    pub(super) fn due(&self) -> Option<Due> {
        match self {
            // A lease that has ended is still here until its owner lets go of it.
            Self::Held { lease, due } => lease.runs_until().and(*due),
            Self::Pending { .. } | Self::Releasing { .. } => None,
        }
    }

    /// The time at which the keeper has work to do for the lease.
    pub(super) fn look(&self) -> Option<Moment> {
        match self {
            Self::Held { lease, due } => {
                let deadline = lease.runs_until()?;
                Some(due.map_or(deadline, |due| due.at.min(deadline)))
            }
            Self::Pending { .. } | Self::Releasing { .. } => None,
        }
    }
}

impl Due {
    /// The next renewal an interval after `sent`; half an interval earlier together with others, so that
    /// leases that began at different times are soon renewed by one command.
    pub(super) fn regular(sent: Moment, interval: Duration) -> Self {
        Self {
            at: sent + interval,
            along_from: sent + interval / 2,
        }
    }

    pub(super) fn exact(at: Moment) -> Self {
        Self { at, along_from: at }
    }
}
