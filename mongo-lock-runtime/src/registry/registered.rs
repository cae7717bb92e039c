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
    pub const fn new(terms: LockTerms, module: &'static str, function: fn() -> String) -> Self {
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
    pub const fn unknown(terms: LockTerms, module: &'static str, function: fn() -> String) -> Self {
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

/// The path of the function around `here`, an item in its body.
#[must_use]
pub fn path_of<T>(_: T) -> String {
    // `billing::Service::run::{{closure}}::__here`, where the closure is the body of an `async fn`.
    let path = std::any::type_name::<T>().replace("::{{closure}}", "");
    path.rsplit_once("::")
        .map_or_else(String::new, |(function, _)| function.to_owned())
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
