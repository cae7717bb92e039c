//! One hold of a lock: from the first request for it to the end of its release.

mod current;
mod fenced;
mod keeper;
mod lease;
mod owned;
mod pending;
mod renewal;
mod table;

pub(crate) use self::{
    current::{Scope, check_not_held, within},
    owned::{OwnedLease, ReleaseJob, Releaser},
    pending::{Attempt, PendingLease},
    table::{LeaseTable, Local},
};
pub use self::{
    current::{assert_locked, current_lease},
    fenced::{Fenced, FencedWrite},
    lease::Lease,
};
