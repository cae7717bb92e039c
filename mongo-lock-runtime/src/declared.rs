//! Locks that are declared once, and the checks of names and terms that run while compiling.

use std::time::Duration;

use crate::{__private::Attribute, Error, LockName, LockSpec};

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
pub struct Declaration(pub Attribute);

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
    pub const fn terms(&self) -> Attribute {
        Attribute::named(self.0)
    }
}

impl<T: Lock> Named<T> {
    /// The declared ones.
    #[must_use]
    pub const fn terms(&self) -> Attribute {
        T::DECLARATION.0
    }

    /// For an attribute that says no ttl itself.
    ///
    /// # Panics
    ///
    /// While compiling, if the declaration says none either.
    #[must_use]
    pub const fn declared_terms(&self) -> Attribute {
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
    fn terms(&self) -> Attribute
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
    fn declared_terms(&self) -> Attribute
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
pub const fn check(attribute: Attribute) -> Attribute {
    if let Err(problem) = LockName::check(attribute.name) {
        panic!("{}", problem.in_const());
    }
    check_terms(attribute)
}

/// The same for an attribute whose name is checked already, or is a template.
///
/// # Panics
///
/// While compiling.
#[must_use]
pub const fn check_terms(attribute: Attribute) -> Attribute {
    if let Some(ttl) = attribute.ttl {
        assert!(in_range(ttl), "`ttl` is out of range: 1 ms to 366 days");
        if let Some(min_hold) = attribute.min_hold {
            assert!(
                min_hold.as_nanos() <= ttl.as_nanos(),
                "`min_hold` is longer than the `ttl`, at which the lease ends"
            );
        }
    }
    if let Some(min_hold) = attribute.min_hold {
        assert!(
            in_range(min_hold),
            "`min_hold` is out of range: 1 ms to 366 days"
        );
    }
    if let Some(max_hold) = attribute.max_hold {
        assert!(
            in_range(max_hold),
            "`max_hold` is out of range: 1 ms to 366 days"
        );
        assert!(
            attribute.renew,
            "`max_hold` limits renewal, and `renew` is off"
        );
    }
    if let Some(wait) = attribute.wait {
        assert!(in_range(wait), "`wait` is out of range: 1 ms to 366 days");
    }
    if let Some(permits) = attribute.permits {
        assert!(permits > 0, "`permits` is 0, so nobody could hold the lock");
        assert!(
            !attribute.shared,
            "readers share a lock without a limit: drop `permits`, or `shared`"
        );
    }
    attribute
}

const fn in_range(time: Duration) -> bool {
    let nanos = time.as_nanos();
    LockSpec::MIN_TTL.as_nanos() <= nanos && nanos <= LockSpec::MAX_TTL.as_nanos()
}
