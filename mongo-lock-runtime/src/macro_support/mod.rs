//! The items that an expansion names. Not part of the public interface: they change without notice.

mod call;
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
    call::{Call, error, returns, run_outcome, run_result, run_value, used},
    template::Part,
};
pub use crate::{
    client::LockClient,
    error::Error,
    name::LockName,
    outcome::Outcome,
    registered_lock::RegisteredLock,
    registry::{
        Declaration, Declares, Lock, LockTerms, Named, Names, OneFunctionPerLock, check,
        check_name, check_terms,
    },
    spec::OnLost,
};
