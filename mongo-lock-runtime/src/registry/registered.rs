//! The registration of annotated functions.

use std::panic::Location;

use crate::{
    registered_lock::{NameKind, RegisteredLock},
    registry::{declared::Declaration, terms::LockTerms},
};

impl RegisteredLock {
    #[doc(hidden)]
    #[must_use]
    #[track_caller]
    pub const fn new(
        terms: LockTerms,
        module: &'static str,
        function: fn() -> &'static str,
    ) -> Self {
        let kind = if is_template(terms.name) {
            NameKind::Template
        } else {
            NameKind::Fixed
        };
        let of = (module, Some(function));
        Self::at(
            Location::caller(),
            of,
            terms.name,
            kind,
            terms.ttl,
            terms.reuse,
        )
    }

    #[doc(hidden)]
    #[must_use]
    #[track_caller]
    pub const fn unknown(
        terms: LockTerms,
        module: &'static str,
        function: fn() -> &'static str,
    ) -> Self {
        let kind = NameKind::Unknown;
        let of = (module, Some(function));
        Self::at(
            Location::caller(),
            of,
            terms.name,
            kind,
            terms.ttl,
            terms.reuse,
        )
    }
}

/// A lock of `lock_names!`, whether or not a function takes it.
#[derive(Debug)]
pub struct DeclaredLock(pub(super) RegisteredLock);

impl DeclaredLock {
    /// The declared lock, at its place in the source.
    #[must_use]
    #[track_caller]
    pub const fn new(declaration: Declaration, module: &'static str) -> Self {
        let terms = declaration.0;
        let (at, kind) = (Location::caller(), NameKind::Fixed);
        let lock = RegisteredLock::at(at, (module, None), terms.name, kind, terms.ttl, false);
        Self(lock)
    }
}

/// Gives the path of `here`, an item in the body of a function.
#[must_use]
pub const fn path_of<T>(_: &T) -> fn() -> &'static str {
    std::any::type_name::<T>
}

const fn is_template(name: &str) -> bool {
    let bytes = name.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'{' {
            return true;
        }
        at += 1;
    }
    false
}
