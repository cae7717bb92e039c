//! The attribute on functions of every shape: they behave as the plain ones, but for the lock.
//!
//! The locks are in memory: these tests look at the function alone. Bodies, errors and drops under a real
//! lock are in `tests/locks/shapes.rs`.

#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects, helpers included; a failure names the line"
)]
#![allow(
    clippy::double_must_use,
    clippy::format_collect,
    clippy::let_and_return,
    clippy::needless_arbitrary_self_type,
    clippy::too_many_arguments,
    clippy::used_underscore_binding,
    reason = "unusual shapes are the subject; the lints are for `tests/users/strict`"
)]

mod attributes;
mod drops;
mod functions;
mod hidden;
mod made;
mod methods;
mod returns;
mod shadowed;
mod traits;

use mongo_lock_runtime::{LockClient, Outcome};

/// The rule of this edition, for `drops`.
const TAIL_TEMPORARIES_FIRST: bool = true;

/// The result of a call in a client of its own.
async fn call<T, E: std::fmt::Debug>(call: impl Future<Output = Result<Outcome<T>, E>>) -> T {
    let outcome = LockClient::in_memory().scope(call).await.unwrap();
    outcome.executed().unwrap()
}
