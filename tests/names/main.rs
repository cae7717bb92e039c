//! The names of locks: literals, constants, templates, declared locks; and other functions with the
//! name.
//!
//! The locks are in memory: these tests look only at the name that is asked for.

#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects, helpers included; a failure names the line"
)]

mod constants;
mod declared;
mod registered;
mod rule;
mod templates;

use mongo_lock_runtime::{Error, LockClient, current_lease};

/// The name of the lock under which this runs.
fn name() -> String {
    current_lease().unwrap().name().to_string()
}

/// The result of a call in a client of its own.
async fn call<T>(
    call: impl Future<Output = Result<mongo_lock_runtime::Outcome<T>, Error>>,
) -> Result<T, Error> {
    let outcome = LockClient::in_memory().scope(call).await?;
    Ok(outcome.executed().unwrap())
}
