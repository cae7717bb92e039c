//! One call of an annotated function.

use std::{borrow::Borrow, pin::Pin};

use crate::{
    client::{Acquired, Judge, LockClient, Run, Value, acquire_as_specified},
    error::Error,
    macro_support::{
        returns::{FromLockError, IsOutcome, IsResult},
        template::{self, Part},
    },
    name::LockName,
    outcome::Outcome,
    registry::LockTerms,
};

/// One call: the terms of the attribute, and the values that only this call has.
#[derive(Debug)]
#[must_use]
pub struct Call {
    terms: LockTerms,
    client: Option<LockClient>,
    name: Option<Result<LockName, Error>>,
}

impl Call {
    /// A call on these terms, with the task's client and the name in the terms.
    pub const fn new(terms: LockTerms) -> Self {
        Self {
            terms,
            client: None,
            name: None,
        }
    }

    /// `client = …`: a client, or a reference to one. Borrowed, since the client may be an argument that
    /// the body uses too.
    pub fn client<C: Borrow<LockClient>>(mut self, client: &C) -> Self {
        self.client = Some(C::borrow(client).clone());
        self
    }

    /// `name = "invoice-{id}"`. Evaluated before the body takes the arguments.
    pub fn template(mut self, parts: &[Part<'_>]) -> Self {
        self.name = Some(template::name(parts));
        self
    }

    /// The call, with its body. The acquisition is boxed here, outside every future of the caller, which
    /// stay small.
    fn run<F: Future, J>(self, body: Pin<Box<F>>) -> Run<F, J> {
        let on_lost = self.terms.on_lost;
        Run::new(self.acquire(), on_lost, body)
    }

    fn acquire(self) -> Acquired {
        Box::pin(async move {
            let client = self.client.map_or_else(LockClient::current, Ok)?;
            let spec = match self.name {
                Some(name) => self.terms.spec(name)?,
                None => self.terms.spec(LockName::new(self.terms.name))?,
            };
            acquire_as_specified(&client.0, &spec).await
        })
    }

    /// `name = argument`.
    pub fn name(mut self, name: impl AsRef<str>) -> Self {
        self.name = Some(LockName::new(name));
        self
    }
}

/// Always `None`. An early `return` of the value tells an async block its type.
#[must_use]
pub const fn returns<T>() -> Option<T> {
    None
}

/// Makes an async block capture all of `T`.
pub const fn used<T: ?Sized>(_: &T) {}

/// The conversion of our error into the function's. Passed as a function, so that a missing `From` is
/// reported once, where the function is passed.
#[must_use]
pub fn error<E: FromLockError>(error: Error) -> E {
    E::from_lock_error(error)
}

/// Judges a `Result`.
struct Fallible;

impl<T, E> Judge<Result<T, E>> for Fallible {
    fn succeeded(value: &Result<T, E>) -> bool {
        value.is_ok()
    }
}

/// Judges a `Result` under another name.
struct Alias;

impl<R: IsResult> Judge<R> for Alias {
    fn succeeded(value: &R) -> bool {
        value.is_success()
    }
}

/// Judges a `Result` of an `Outcome`.
struct WrittenOut;

impl<R: IsOutcome> Judge<R> for WrittenOut {
    fn succeeded(value: &R) -> bool {
        value.is_success()
    }
}

/// Runs the body of a function that returns a plain `T`.
pub fn run_value<T, F: Future<Output = T>>(
    call: Call,
    body: Pin<Box<F>>,
) -> impl Future<Output = Result<Outcome<T>, Error>> {
    let run = call.run::<_, Value>(body);
    async move {
        match run.await? {
            Ok(value) => Ok(Outcome::Executed(value)),
            Err(skipped) => Ok(Outcome::Skipped(skipped)),
        }
    }
}

/// Runs the body of a function that returns a `Result<T, E>`.
pub fn run_result<T, E, F: Future<Output = Result<T, E>>>(
    call: Call,
    error: fn(Error) -> E,
    body: Pin<Box<F>>,
) -> impl Future<Output = Result<Outcome<T>, E>> {
    let run = call.run::<_, Fallible>(body);
    async move {
        match run.await {
            Ok(Ok(result)) => result.map(Outcome::Executed),
            Ok(Err(skipped)) => Ok(Outcome::Skipped(skipped)),
            Err(lock) => Err(error(lock)),
        }
    }
}

/// Runs the body of a function whose return type has a name that ends in `Result`.
pub fn run_alias<R: IsResult, F: Future<Output = R>>(
    call: Call,
    error: fn(Error) -> R::Error,
    body: Pin<Box<F>>,
) -> impl Future<Output = R::WithOutcome> {
    let run = call.run::<_, Alias>(body);
    async move {
        match run.await {
            Ok(Ok(result)) => result.executed(),
            Ok(Err(skipped)) => R::skipped(skipped),
            Err(lock) => R::failed(error(lock)),
        }
    }
}

/// Runs the body of a function that returns a `Result<Outcome<T>, E>` and makes the `Outcome` itself.
pub fn run_outcome<R: IsOutcome, F: Future<Output = R>>(
    call: Call,
    error: fn(Error) -> R::Error,
    body: Pin<Box<F>>,
) -> impl Future<Output = R::WithOutcome> {
    let run = call.run::<_, WrittenOut>(body);
    async move {
        match run.await {
            Ok(Ok(result)) => result.executed(),
            Ok(Err(skipped)) => R::skipped(skipped),
            Err(lock) => R::failed(error(lock)),
        }
    }
}
