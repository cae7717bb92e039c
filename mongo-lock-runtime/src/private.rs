//! What the attribute expands to. Not part of the public interface: it changes without notice.

use std::{borrow::Borrow, pin::Pin};

pub use core::{
    option::Option::{self, None, Some},
    result::Result,
    time::Duration,
};
pub use std::boxed::Box;

use crate::{Acquisition, LockGuard, LockSpec, Skipped, body};
pub use crate::{Error, LockClient, Outcome, body::OnLost};

/// The attribute's arguments.
#[derive(Debug, Clone, Copy)]
pub struct Attribute {
    pub name: &'static str,
    pub ttl: Duration,
    pub renew: bool,
    pub max_hold: Option<Duration>,
    pub min_hold: Option<Duration>,
    pub on_lost: OnLost,
}

impl Attribute {
    #[must_use]
    pub const fn new(name: &'static str, ttl: Duration) -> Self {
        Self {
            name,
            ttl,
            renew: false,
            max_hold: None,
            min_hold: None,
            on_lost: OnLost::Cancel,
        }
    }

    fn spec(&self) -> Result<LockSpec, Error> {
        let mut spec = LockSpec::builder(self.name, self.ttl).renew(self.renew);
        if let Some(limit) = self.max_hold {
            spec = spec.max_hold(limit);
        }
        if let Some(time) = self.min_hold {
            spec = spec.min_hold(time);
        }
        spec.build()
    }
}

/// `client = …`: a client, or a reference to one. Borrowed, since it may be an argument that the
/// body uses too.
pub fn client<C: Borrow<LockClient>>(client: &C) -> Option<LockClient> {
    Some(C::borrow(client).clone())
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
pub async fn run_value<T, F: Future<Output = T>>(
    attribute: Attribute,
    client: Option<LockClient>,
    body: Pin<Box<F>>,
) -> Result<Outcome<T>, Error> {
    match under_lock(attribute, client, body).await? {
        Ok(value) => Ok(Outcome::Executed(value)),
        Err(skipped) => Ok(Outcome::Skipped(skipped)),
    }
}

/// For a function that returns a `Result<T, E>`.
pub async fn run_result<T, E, F: Future<Output = Result<T, E>>>(
    attribute: Attribute,
    client: Option<LockClient>,
    error: fn(Error) -> E,
    body: Pin<Box<F>>,
) -> Result<Outcome<T>, E> {
    match under_lock(attribute, client, body).await {
        Ok(Ok(result)) => result.map(Outcome::Executed),
        Ok(Err(skipped)) => Ok(Outcome::Skipped(skipped)),
        Err(lock) => Err(error(lock)),
    }
}

/// For a function that returns a `Result<Outcome<T>, E>` and makes the `Outcome` itself.
pub async fn run_outcome<T, E, F: Future<Output = Result<Outcome<T>, E>>>(
    attribute: Attribute,
    client: Option<LockClient>,
    error: fn(Error) -> E,
    body: Pin<Box<F>>,
) -> Result<Outcome<T>, E> {
    match under_lock(attribute, client, body).await {
        Ok(Ok(result)) => result,
        Ok(Err(skipped)) => Ok(Outcome::Skipped(skipped)),
        Err(lock) => Err(error(lock)),
    }
}

async fn under_lock<F: Future>(
    attribute: Attribute,
    client: Option<LockClient>,
    body: Pin<Box<F>>,
) -> Result<Result<F::Output, Skipped>, Error> {
    let guard = match begin(attribute, client).await? {
        Acquisition::Acquired(guard) => guard,
        Acquisition::Skipped(skipped) => return Ok(Err(skipped)),
    };
    // The body is dropped inside, and before the guard also when this future is dropped or the body
    // panics: what the body holds must be gone before the lock is.
    let output = body::run(body, guard.lease(), attribute.on_lost).await;
    if output.is_ok() {
        end(guard).await;
    }
    output.map(Ok)
}

/// Everything before the body. Boxed, so that the caller's future stays small.
fn begin(
    attribute: Attribute,
    client: Option<LockClient>,
) -> Pin<Box<dyn Future<Output = Result<Acquisition, Error>> + Send>> {
    Box::pin(async move {
        let client = client.map_or_else(LockClient::current, Ok)?;
        client.try_acquire(&attribute.spec()?).await
    })
}

/// Everything after the body: a release whose failure is an event, not the caller's error.
fn end(guard: LockGuard) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(async move { drop(guard.release().await) })
}
