//! What the attribute's tokens do not tell of a return type, and the compiler's errors about it.

use crate::{
    error::Error,
    outcome::{Outcome, Skipped},
};

/// An error type that an annotated function can return.
#[diagnostic::on_unimplemented(
    message = "the error type `{Self}` cannot hold an error of the lock",
    label = "this needs `From<mongo_lock_runtime::Error>`",
    note = "write `impl From<mongo_lock_runtime::Error> for {Self}`, or a variant with `#[from]` of \
            `thiserror`; of a type that is not yours, return `anyhow::Error`, `Box<dyn Error + Send + \
            Sync>` or an error of your own instead"
)]
pub trait FromLockError {
    /// The conversion.
    fn from_lock_error(error: Error) -> Self;
}

#[diagnostic::do_not_recommend]
impl<E: From<Error>> FromLockError for E {
    fn from_lock_error(error: Error) -> Self {
        error.into()
    }
}

/// A `Result`, under any name.
#[diagnostic::on_unimplemented(
    message = "the name of `{Self}` ends in `Result`, but it is no `Result`, in which a lock's failure \
               could be told",
    label = "write `Result<{Self}, E>`, with `mongo_lock_runtime::Error` or an error of your own for `E`"
)]
pub trait IsResult {
    /// The error type.
    type Error;
    /// The type that the annotated function returns.
    type WithOutcome;

    /// Whether the body's value is no error.
    fn is_success(&self) -> bool;
    /// The body has given this.
    fn executed(self) -> Self::WithOutcome;
    /// The body did not run.
    fn skipped(skipped: Skipped) -> Self::WithOutcome;
    /// The lock has failed.
    fn failed(error: Self::Error) -> Self::WithOutcome;
}

impl<T, E> IsResult for Result<T, E> {
    type Error = E;
    type WithOutcome = Result<Outcome<T>, E>;

    fn is_success(&self) -> bool {
        self.is_ok()
    }

    fn executed(self) -> Self::WithOutcome {
        self.map(Outcome::Executed)
    }

    fn skipped(skipped: Skipped) -> Self::WithOutcome {
        Ok(Outcome::Skipped(skipped))
    }

    fn failed(error: E) -> Self::WithOutcome {
        Err(error)
    }
}

/// A `Result` of this crate's `Outcome`.
#[diagnostic::on_unimplemented(
    message = "the `Outcome` in `{Self}` is not `mongo_lock_runtime::Outcome`, for which the attribute \
               takes it",
    label = "give the type an alias with another name, `type Answer = …`, and write that here"
)]
pub trait IsOutcome {
    /// The error type.
    type Error;
    /// The type that the annotated function returns.
    type WithOutcome;

    /// Whether the body's value is no error.
    fn is_success(&self) -> bool;
    /// The body has given this.
    fn executed(self) -> Self::WithOutcome;
    /// The body did not run.
    fn skipped(skipped: Skipped) -> Self::WithOutcome;
    /// The lock has failed.
    fn failed(error: Self::Error) -> Self::WithOutcome;
}

impl<T, E> IsOutcome for Result<Outcome<T>, E> {
    type Error = E;
    type WithOutcome = Result<Outcome<T>, E>;

    fn is_success(&self) -> bool {
        self.is_ok()
    }

    fn executed(self) -> Self::WithOutcome {
        self
    }

    fn skipped(skipped: Skipped) -> Self::WithOutcome {
        Ok(Outcome::Skipped(skipped))
    }

    fn failed(error: E) -> Self::WithOutcome {
        Err(error)
    }
}

/// The return type of a function that declares no `Result`.
///
/// A `Result` with another name would become a `Result` in an `Outcome`, and a caller's `?` would drop its
/// error. By autoref specialisation, as in `registry/declared.rs`: for a `Result`, the inherent method is
/// found, whose bound is not met; for every other type that of [`Plain`].
#[derive(Debug)]
pub struct Returns<T>(std::marker::PhantomData<T>);

impl<T> Returns<T> {
    /// The only value.
    pub const NEW: Self = Self(std::marker::PhantomData);
}

/// The bound that no `Result` meets.
#[diagnostic::on_unimplemented(
    message = "this return type is `{Self}` under a name that does not end in `Result`",
    label = "write it out, so that its success type becomes `Outcome<T>`; a `Result` inside the \
             `Outcome` would lose its error"
)]
pub trait IsPlain {}

impl<T, E> Returns<Result<T, E>> {
    /// Never called: a `Result` is not `IsPlain`.
    #[must_use]
    pub const fn value(&self) -> Option<Result<T, E>>
    where
        Result<T, E>: IsPlain,
    {
        None
    }
}

/// The method for all types but `Result`.
pub trait Plain<T> {
    /// Always `None`. An early `return` of the value tells an async block its type.
    fn value(&self) -> Option<T>;
}

impl<T> Plain<T> for Returns<T> {
    fn value(&self) -> Option<T> {
        None
    }
}
