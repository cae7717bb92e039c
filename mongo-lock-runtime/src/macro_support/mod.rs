//! The items that an expansion names. Not part of the public interface: they change without notice.

mod call;
mod returns;
mod template;

pub use core::{
    format_args, module_path,
    option::Option::{self, None, Some},
    result::Result,
};
// Under no name of the standard library, which the compiler would propose to import where this crate is not
// found.
pub use std::boxed::Box as Boxed;

pub use inventory::submit;

/// The time of a literal.
#[must_use]
pub const fn millis(millis: u64) -> core::time::Duration {
    core::time::Duration::from_millis(millis)
}

pub use self::{
    call::{Call, error, returns, run_alias, run_outcome, run_result, run_value, used},
    returns::{FromLockError, IsOutcome, IsPlain, IsResult, Plain, Returns},
    template::{Debugged, Debugs, Part, Quoted, WithoutQuotes},
};
pub use crate::{
    client::LockClient,
    error::Error,
    name::LockName,
    outcome::Outcome,
    registered_lock::RegisteredLock,
    registry::{
        Declaration, DeclaredLock, Declares, Lock, LockTerms, Named, Names,
        OneFunctionUnlessAllSayReuse, check, check_name, check_terms, path_of,
    },
    spec::OnLost,
};
