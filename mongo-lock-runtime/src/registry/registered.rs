//! The registration of annotated functions.

use std::panic::Location;

use crate::{
    registered_lock::{NameKind, RegisteredLock},
    registry::terms::LockTerms,
};

impl RegisteredLock {
    #[doc(hidden)]
    #[must_use]
    #[track_caller]
    pub const fn new(terms: LockTerms, function: &'static str) -> Self {
        let kind = if is_template(terms.name) {
            NameKind::Template
        } else {
            NameKind::Fixed
        };
        Self::at(
            Location::caller(),
            function,
            terms.name,
            kind,
            terms.ttl,
            terms.reuse,
        )
    }

    #[doc(hidden)]
    #[must_use]
    #[track_caller]
    pub const fn unknown(terms: LockTerms, function: &'static str) -> Self {
        let kind = NameKind::Unknown;
        Self::at(
            Location::caller(),
            function,
            terms.name,
            kind,
            terms.ttl,
            terms.reuse,
        )
    }
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
