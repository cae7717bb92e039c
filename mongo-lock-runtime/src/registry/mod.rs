//! The locks of a binary: the declared ones, the annotated functions, and the conflicts between them.

mod conflict;
mod declared;
mod label;
mod overlap;
mod registered;
mod terms;

pub(crate) use self::{conflict::check_locks_unique, label::fixed_name};
pub use self::{
    conflict::{assert_locks_unique, registered_locks},
    declared::{
        Declaration, Declares, Lock, Named, Names, OneFunctionUnlessAllSayReuse, check, check_name,
        check_terms,
    },
    registered::{DeclaredLock, path_of},
    terms::LockTerms,
};
