//! One hold of a lock: from the first request for it to the end of its release.

mod current;
mod entry;
mod extend;
mod fenced;
mod held;
mod keeper;
#[allow(
    clippy::module_inception,
    reason = "the folder is named for its main type"
)]
mod lease;
mod overrun;
mod owned;
mod pending;
mod prolong;
mod readers;
mod renewal;
mod report;
mod schedule;
mod table;
mod transaction;
mod transaction_session;

pub(crate) use self::{
    current::{Scope, check_not_held, within},
    owned::{OwnedLease, ReleaseJob, Releaser},
    pending::{Attempt, PendingLease},
    readers::Left,
    table::{LeaseTable, Local},
};
pub use self::{
    current::{assert_locked, current_lease},
    fenced::{Fenced, FencedWrite},
    held::HeldLock,
    lease::Lease,
    transaction::FencedTransaction,
    transaction_session::TransactionSession,
};
