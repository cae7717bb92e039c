//! Locks that are declared once, and the checks of names and terms that run while compiling.
//!
//! `name = path` in an attribute can be a `&'static str` constant or a declared lock, and the macro sees
//! only the tokens of the path. [`Named`] tells the two apart by [autoref specialisation][1]: the
//! expansion calls a method on `Named(path)`, and the methods of `Named` itself, one for each of the
//! two types, are found before the method of a trait that is in scope. For any other type only the
//! trait's method is left, and its unsatisfiable bound ([`IsName`], [`HasTtl`]) gives the error message.
//!
//! [1]: https://github.com/dtolnay/case-studies/blob/master/autoref-specialization/README.md

use std::time::Duration;

use crate::{error::Error, name::LockName, registry::terms::LockTerms, spec::LockSpec};

/// A lock that [`lock_names!`](crate::lock_names) declared.
///
/// The macro makes a unit struct of every lock and implements this trait for the struct; there is no
/// other way to implement the trait.
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

    /// The declared ttl. `None` when every attribute gives its own.
    const TTL: Option<Duration> = Self::DECLARATION.0.ttl;

    /// The description of the lock with its declared terms, to be acquired without an attribute.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] when the declaration has no ttl, or a constant in it is out of
    /// range.
    fn spec() -> Result<LockSpec, Error> {
        Self::DECLARATION.0.spec(LockName::new(Self::NAME))
    }
}

/// The terms of a declared lock. Opaque.
#[derive(Debug, Clone, Copy)]
pub struct Declaration(pub LockTerms);

/// The claim of a function on a declared lock, so that a second function does not compile.
///
/// A function that owns the lock implements this trait for all `T`, one that reuses the lock for a type
/// of its own: two of the latter do not overlap, every other pair does.
pub trait OneFunctionUnlessAllSayReuse<T> {}

/// The value of `name = path`: a text or a declared lock.
///
/// Two inherent implementations and two traits tell the types apart, by autoref specialisation: see the
/// module.
pub struct Named<T>(pub T);

impl Named<&'static str> {
    /// Terms that are only a name.
    #[must_use]
    pub const fn terms(&self) -> LockTerms {
        LockTerms::named(self.0)
    }
}

impl<T: Lock> Named<T> {
    /// The declared terms.
    #[must_use]
    pub const fn terms(&self) -> LockTerms {
        T::DECLARATION.0
    }

    /// The declared terms, for an attribute without a ttl.
    ///
    /// # Panics
    ///
    /// While compiling, if the declaration has no ttl either.
    #[must_use]
    pub const fn declared_terms(&self) -> LockTerms {
        assert!(
            T::TTL.is_some(),
            "this lock is declared without a ttl: write `ttl = \"5m\"` in the declaration or here"
        );
        T::DECLARATION.0
    }
}

/// The bound that no type meets: the compiler's error for a value that cannot name a lock.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot name a lock",
    label = "a lock name is a string, a `&'static str` constant, or a lock of `lock_names!`"
)]
pub trait IsName {}

/// The bound that no type meets: the compiler's error for a text without a ttl.
#[diagnostic::on_unimplemented(
    message = "`#[distributed_lock]` needs `ttl`: write `ttl = \"5m\"`",
    label = "this is a name only; a lock of `lock_names!` can have its ttl from the declaration"
)]
pub trait HasTtl {}

/// The fallback of autoref specialisation for `terms`: the method is reached only for a type that has
/// no inherent one, and does not compile.
pub trait Names {
    /// The type of the value.
    type Named;

    /// Never called.
    fn terms(&self) -> LockTerms
    where
        Self::Named: IsName,
    {
        unreachable!("no type is `IsName`")
    }
}

/// The fallback of autoref specialisation for `declared_terms`, as [`Names`] is for `terms`.
pub trait Declares {
    /// The type of the value.
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

/// Checks a name and terms in a `const`, so that a wrong one is refused before the first call.
///
/// # Panics
///
/// While compiling.
#[must_use]
pub const fn check(terms: LockTerms) -> LockTerms {
    check_terms(check_name(terms))
}

/// Checks a name in a `const`.
///
/// # Panics
///
/// While compiling.
#[must_use]
pub const fn check_name(terms: LockTerms) -> LockTerms {
    if let Err(problem) = LockName::check(terms.name) {
        panic!("{}", problem.in_const());
    }
    terms
}

/// Checks terms in a `const`, for an attribute whose name is checked already, or is a template.
///
/// # Panics
///
/// While compiling.
#[must_use]
pub const fn check_terms(terms: LockTerms) -> LockTerms {
    if let Err(problem) = terms.of_lease().check() {
        panic!("{}", problem.in_const());
    }
    terms
}
