//! The terms that an attribute or a declaration gives.

use std::time::Duration;

use crate::{
    error::Error,
    name::LockName,
    spec::{LockSpec, OnLost, Terms},
};

/// The terms of a lock, as far as they are equal for all calls of a function.
///
/// The expansion writes this struct, and a declaration keeps one.
#[derive(Debug, Clone, Copy)]
pub struct LockTerms {
    /// A name or a template. For a name that is an argument of the function, the argument's own name.
    pub name: &'static str,
    /// `None` in a declaration that leaves the ttl to the attribute.
    pub ttl: Option<Duration>,
    /// Whether the lease is renewed while the body runs.
    pub renew: bool,
    /// With `renew`, the longest time that the body may run in all.
    pub max_hold: Option<Duration>,
    /// The time for which the lock stays taken in any case.
    pub min_hold: Option<Duration>,
    /// The treatment of a body whose lease is lost.
    pub on_lost: OnLost,
    /// The longest time to wait for a held lock.
    pub wait: Option<Duration>,
    /// The number of leases that may be live at once.
    pub permits: Option<u32>,
    /// Whether the lease is for a reader among readers.
    pub shared: bool,
    /// Whether other functions take the lock too.
    pub reuse: bool,
}

impl LockTerms {
    /// A name and a ttl, with the defaults of all other terms.
    #[must_use]
    pub const fn new(name: &'static str, ttl: Duration) -> Self {
        Self {
            ttl: Some(ttl),
            ..Self::named(name)
        }
    }

    /// A name without a ttl, with the defaults of all other terms.
    #[must_use]
    pub const fn named(name: &'static str) -> Self {
        Self {
            name,
            ttl: None,
            renew: false,
            max_hold: None,
            min_hold: None,
            on_lost: OnLost::Cancel,
            wait: None,
            permits: None,
            shared: false,
            reuse: false,
        }
    }

    /// The terms of the lease, without what concerns the function.
    pub(crate) const fn of_lease(&self) -> Terms {
        // Without `..`: a new field does not compile until it is handled here.
        let Self {
            name: _,
            ttl,
            renew,
            max_hold,
            min_hold,
            on_lost: _,
            wait,
            permits,
            shared,
            reuse: _,
        } = *self;
        Terms {
            ttl,
            renew,
            max_hold,
            min_hold,
            wait,
            permits,
            shared,
        }
    }

    /// The description of an acquisition on these terms.
    pub(crate) fn spec(&self, name: Result<LockName, Error>) -> Result<LockSpec, Error> {
        LockSpec::with_terms(name, self.name, self.of_lease())
    }
}
