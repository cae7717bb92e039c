//! What a lock can be named by: literals, constants, templates, declared locks; and who else has
//! the name.
//!
//! The locks are in memory: which name is asked for is all that matters here.

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

/// What a call comes to in a client of its own.
async fn call<T>(
    call: impl Future<Output = Result<mongo_lock_runtime::Outcome<T>, Error>>,
) -> Result<T, Error> {
    let outcome = LockClient::in_memory().scope(call).await?;
    Ok(outcome.executed().unwrap())
}
