//! What the attribute expands to. Not part of the public interface: it changes without notice.

use std::{borrow::Borrow, pin::Pin};

pub use core::{
    concat, format_args, module_path,
    option::Option::{self, None, Some},
    result::Result,
    time::Duration,
};
pub use std::boxed::Box;

pub use inventory::submit;

pub use crate::{
    Error, Lock, LockClient, LockName, Outcome, RegisteredLock,
    body::OnLost,
    declared::{Declaration, Declares, Named, Names, OneFunctionPerLock, check, check_terms},
    template::Part,
};
use crate::{
    LockSpec,
    run::{Acquired, Run},
    template,
};

/// The attribute's arguments, as far as they are the same for every call.
#[derive(Debug, Clone, Copy)]
pub struct LockTerms {
    /// A name or a template. A name that is an argument of the function stands here as the
    /// argument's own name.
    pub name: &'static str,
    /// None in a declaration that leaves it to the attribute.
    pub ttl: Option<Duration>,
    pub renew: bool,
    pub max_hold: Option<Duration>,
    pub min_hold: Option<Duration>,
    pub on_lost: OnLost,
    pub wait: Option<Duration>,
    pub permits: Option<u32>,
    pub shared: bool,
    /// Whether other functions take the lock too.
    pub reuse: bool,
}

impl LockTerms {
    #[must_use]
    pub const fn new(name: &'static str, ttl: Duration) -> Self {
        Self {
            ttl: Some(ttl),
            ..Self::named(name)
        }
    }

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

    pub(crate) fn spec(&self, name: impl AsRef<str>) -> Result<LockSpec, Error> {
        let ttl = self.ttl.unwrap_or_default();
        let mut spec = LockSpec::builder(name, ttl).renew(self.renew);
        if let Some(limit) = self.max_hold {
            spec = spec.max_hold(limit);
        }
        if let Some(time) = self.min_hold {
            spec = spec.min_hold(time);
        }
        if let Some(time) = self.wait {
            spec = spec.wait(time);
        }
        if let Some(count) = self.permits {
            spec = spec.permits(count);
        }
        spec = spec.shared(self.shared);
        spec.build()
    }
}

/// One call: the attribute's arguments, and what they come to in this call.
#[derive(Debug)]
#[must_use]
pub struct Call {
    terms: LockTerms,
    client: Option<LockClient>,
    name: Option<Result<LockName, Error>>,
}

impl Call {
    pub const fn new(terms: LockTerms) -> Self {
        Self {
            terms,
            client: None,
            name: None,
        }
    }

    /// `client = …`: a client, or a reference to one. Borrowed, since it may be an argument that
    /// the body uses too.
    pub fn client<C: Borrow<LockClient>>(mut self, client: &C) -> Self {
        self.client = Some(C::borrow(client).clone());
        self
    }

    /// `name = "invoice-{id}"`. Done before the body has its arguments, which it may give away.
    pub fn template(mut self, parts: &[Part<'_>]) -> Self {
        self.name = Some(template::name(parts));
        self
    }

    /// The call, with its body. What comes before the body is boxed before any future of the caller's
    /// begins, so that these stay small.
    fn run<F: Future>(self, body: Pin<Box<F>>) -> Run<F> {
        let on_lost = self.terms.on_lost;
        Run::new(self.acquire(), on_lost, body)
    }

    fn acquire(self) -> Acquired {
        Box::pin(async move {
            let client = self.client.map_or_else(LockClient::current, Ok)?;
            let spec = match self.name {
                Some(name) => self.terms.spec(name?)?,
                None => self.terms.spec(self.terms.name)?,
            };
            client.try_acquire(&spec).await
        })
    }

    /// `name = argument`.
    pub fn name(mut self, name: impl AsRef<str>) -> Self {
        self.name = Some(LockName::new(name));
        self
    }
}

/// Never anything. An early `return` of it tells an async block its type.
#[must_use]
pub const fn returns<T>() -> Option<T> {
    None
}

/// Makes an async block capture all of `T`.
pub const fn used<T: ?Sized>(_: &T) {}

/// How our error becomes the function's. A function to pass, so that a missing `From` is reported
/// once, where it is passed.
#[must_use]
pub fn error<E: From<Error>>(error: Error) -> E {
    error.into()
}

/// For a function that returns a plain `T`.
pub fn run_value<T, F: Future<Output = T>>(
    call: Call,
    body: Pin<Box<F>>,
) -> impl Future<Output = Result<Outcome<T>, Error>> {
    let run = call.run(body);
    async move {
        match run.await? {
            Ok(value) => Ok(Outcome::Executed(value)),
            Err(skipped) => Ok(Outcome::Skipped(skipped)),
        }
    }
}

/// For a function that returns a `Result<T, E>`.
pub fn run_result<T, E, F: Future<Output = Result<T, E>>>(
    call: Call,
    error: fn(Error) -> E,
    body: Pin<Box<F>>,
) -> impl Future<Output = Result<Outcome<T>, E>> {
    let run = call.run(body);
    async move {
        match run.await {
            Ok(Ok(result)) => result.map(Outcome::Executed),
            Ok(Err(skipped)) => Ok(Outcome::Skipped(skipped)),
            Err(lock) => Err(error(lock)),
        }
    }
}

/// For a function that returns a `Result<Outcome<T>, E>` and makes the `Outcome` itself.
pub fn run_outcome<T, E, F: Future<Output = Result<Outcome<T>, E>>>(
    call: Call,
    error: fn(Error) -> E,
    body: Pin<Box<F>>,
) -> impl Future<Output = Result<Outcome<T>, E>> {
    let run = call.run(body);
    async move {
        match run.await {
            Ok(Ok(result)) => result,
            Ok(Err(skipped)) => Ok(Outcome::Skipped(skipped)),
            Err(lock) => Err(error(lock)),
        }
    }
}
