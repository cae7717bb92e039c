//! The items that an expansion names. Not part of the public interface: they change without notice.

mod call;
mod returns;
mod template;

pub use core::{
    concat, format_args, module_path,
    option::Option::{self, None, Some},
    result::Result,
    time::Duration,
};
pub use std::boxed::Box;

pub use inventory::submit;

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
