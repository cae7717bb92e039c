//! Locks that are declared once, and the checks of names and terms that run while compiling.

use std::time::Duration;

use crate::{__private::LockTerms, Error, LockName, LockSpec};

/// A lock that [`lock_names!`](crate::lock_names) declared.
///
/// The macro makes a unit struct of every lock and implements this trait for it; there is no other
/// way to implement it.
///
/// ```
/// use std::time::Duration;
/// use mongo_lock_runtime::{Lock as _, lock_names};
///
/// lock_names! {
///     mod locks {
///         NightlyReport = "nightly-report", ttl = "5m";
///     }
/// }
///
/// assert_eq!(locks::NightlyReport::NAME, "nightly-report");
/// assert_eq!(locks::NightlyReport::spec()?.ttl(), Duration::from_secs(300));
/// # Ok::<(), mongo_lock_runtime::Error>(())
/// ```
pub trait Lock {
    #[doc(hidden)]
    const DECLARATION: Declaration;

    /// The lock's name.
    const NAME: &'static str = Self::DECLARATION.0.name;

    /// The declared ttl. None when every attribute gives its own.
    const TTL: Option<Duration> = Self::DECLARATION.0.ttl;

    /// The lock with its declared terms, to be acquired by hand.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] when the declaration has no ttl, or a constant in it is out of
    /// range.
    fn spec() -> Result<LockSpec, Error> {
        Self::DECLARATION.0.spec(Self::NAME)
    }
}

/// What a declaration says of a lock. Opaque.
#[derive(Debug, Clone, Copy)]
pub struct Declaration(pub LockTerms);

/// Implemented for a declared lock by the function that runs under it, so that a second function
/// does not compile.
///
/// A function that owns the lock implements it for all `T`, one that reuses it for a type of its
/// own: two of the latter get along, all else conflicts.
pub trait OneFunctionPerLock<T> {}

/// What stands in `name = path`: a text or a declared lock.
pub struct Named<T>(pub T);

impl Named<&'static str> {
    /// No terms but the name.
    #[must_use]
    pub const fn terms(&self) -> LockTerms {
        LockTerms::named(self.0)
    }
}

impl<T: Lock> Named<T> {
    /// The declared ones.
    #[must_use]
    pub const fn terms(&self) -> LockTerms {
        T::DECLARATION.0
    }

    /// For an attribute that says no ttl itself.
    ///
    /// # Panics
    ///
    /// While compiling, if the declaration says none either.
    #[must_use]
    pub const fn declared_terms(&self) -> LockTerms {
        assert!(
            T::TTL.is_some(),
            "this lock is declared without a ttl: write `ttl = \"5m\"` in the declaration or here"
        );
        T::DECLARATION.0
    }
}

/// Reached only when `Named` has no such function itself: gives the error a text.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot name a lock",
    label = "a lock name is a string, a `&'static str` constant, or a lock of `lock_names!`"
)]
pub trait IsName {}

/// The same.
#[diagnostic::on_unimplemented(
    message = "`#[distributed_lock]` needs `ttl`: write `ttl = \"5m\"`",
    label = "this is a name only; a lock of `lock_names!` can have its ttl from the declaration"
)]
pub trait HasTtl {}

/// In scope beside `Named`, for what is no name: its method is found then, and asks for the
/// impossible.
pub trait Names {
    /// What was given.
    type Named;

    /// Never called.
    fn terms(&self) -> LockTerms
    where
        Self::Named: IsName,
    {
        unreachable!("no type is `IsName`")
    }
}

/// The same.
pub trait Declares {
    /// What was given.
    type Named;

    /// Never called.
    fn declared_terms(&self) -> LockTerms
    where
        Self::Named: HasTtl,
    {
        unreachable!("no type is `HasTtl`")
    }
}

impl<T> Names for Named<T> {
    type Named = T;
}

impl<T> Declares for Named<T> {
    type Named = T;
}

/// Refuses, in a `const`, what the runtime would refuse at the first call.
///
/// # Panics
///
/// While compiling.
#[must_use]
pub const fn check(terms: LockTerms) -> LockTerms {
    if let Err(problem) = LockName::check(terms.name) {
        panic!("{}", problem.in_const());
    }
    check_terms(terms)
}

/// The same for an attribute whose name is checked already, or is a template.
///
/// # Panics
///
/// While compiling.
#[must_use]
pub const fn check_terms(terms: LockTerms) -> LockTerms {
    if let Some(ttl) = terms.ttl {
        assert!(in_range(ttl), "`ttl` is out of range: 1 ms to 366 days");
        if let Some(min_hold) = terms.min_hold {
            assert!(
                min_hold.as_nanos() <= ttl.as_nanos(),
                "`min_hold` is longer than the `ttl`, at which the lease ends"
            );
        }
    }
    if let Some(min_hold) = terms.min_hold {
        assert!(
            in_range(min_hold),
            "`min_hold` is out of range: 1 ms to 366 days"
        );
    }
    if let Some(max_hold) = terms.max_hold {
        assert!(
            in_range(max_hold),
            "`max_hold` is out of range: 1 ms to 366 days"
        );
        assert!(terms.renew, "`max_hold` limits renewal, and `renew` is off");
    }
    if let Some(wait) = terms.wait {
        assert!(in_range(wait), "`wait` is out of range: 1 ms to 366 days");
    }
    if let Some(permits) = terms.permits {
        assert!(permits > 0, "`permits` is 0, so nobody could hold the lock");
        assert!(
            !terms.shared,
            "readers share a lock without a limit: drop `permits`, or `shared`"
        );
    }
    terms
}

const fn in_range(time: Duration) -> bool {
    let nanos = time.as_nanos();
    LockSpec::MIN_TTL.as_nanos() <= nanos && nanos <= LockSpec::MAX_TTL.as_nanos()
}
