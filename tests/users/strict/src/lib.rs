//! A user under every lint. Each function has a plain twin, so that a lint that both would break is
//! off for both, and one that only the expansion breaks is found.

#![forbid(unsafe_code)]
#![deny(
    warnings,
    missing_docs,
    future_incompatible,
    nonstandard_style,
    rust_2018_idioms,
    rust_2021_compatibility,
    rust_2024_compatibility,
    unused,
    let_underscore,
    absolute_paths_not_starting_with_crate,
    ambiguous_negative_literals,
    elided_lifetimes_in_paths,
    explicit_outlives_requirements,
    macro_use_extern_crate,
    meta_variable_misuse,
    missing_copy_implementations,
    missing_debug_implementations,
    non_ascii_idents,
    redundant_imports,
    redundant_lifetimes,
    single_use_lifetimes,
    trivial_casts,
    trivial_numeric_casts,
    unit_bindings,
    unnameable_types,
    unreachable_pub,
    unstable_features,
    unused_crate_dependencies,
    unused_extern_crates,
    unused_import_braces,
    unused_lifetimes,
    unused_qualifications,
    unused_results,
    variant_size_differences
)]
#![deny(
    clippy::all,
    clippy::pedantic,
    clippy::nursery,
    clippy::cargo,
    clippy::restriction
)]
#![allow(
    clippy::blanket_clippy_restriction_lints,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    reason = "turning every lint on, and some off, is what this file is for"
)]
#![allow(
    clippy::cargo_common_metadata,
    clippy::multiple_crate_versions,
    reason = "of the workspace, not of a function"
)]
#![allow(
    clippy::arbitrary_source_item_ordering,
    clippy::implicit_return,
    clippy::missing_trait_methods,
    clippy::missing_inline_in_public_items,
    clippy::question_mark_used,
    clippy::single_call_fn,
    clippy::unused_async,
    clippy::unused_trait_names,
    reason = "the plain functions break them too"
)]

use async_trait::async_trait;
use core::time::Duration;
use mongo_lock_runtime::{Error, LockClient, Outcome, distributed_lock, lock_names};

lock_names! {
    pub mod locks {
        Declared = "strict-declared", ttl = "5m", renew;
        Shared = "strict-shared", ttl = TTL;
    }
}

/// A constant.
const NAME: &str = "strict-constant";
/// A constant.
const TTL: Duration = Duration::from_secs(60);

/// Plain.
pub async fn plain_unit() {}

/// Locked.
#[distributed_lock(name = "strict-unit", ttl = "1m")]
pub async fn unit() {}

/// Plain.
#[must_use]
pub async fn plain_value(text: &str, _unused: u32) -> usize {
    text.len()
}

/// Locked.
#[must_use]
#[distributed_lock(name = NAME, ttl = TTL, min_hold = "1s")]
pub async fn value(text: &str, _unused: u32) -> usize {
    text.len()
}

/// Plain.
///
/// # Errors
///
/// Never.
pub async fn plain_result<T: Clone + Send + Sync>(
    value: &T,
    (left, right): (u32, u32),
) -> Result<(T, bool), Error> {
    Ok((value.clone(), left == right))
}

/// Locked.
///
/// # Errors
///
/// Those of the lock.
#[distributed_lock(name = "strict-result", ttl = "1m")]
pub async fn result<T: Clone + Send + Sync>(
    value: &T,
    (left, right): (u32, u32),
) -> Result<(T, bool), Error> {
    Ok((value.clone(), left == right))
}

/// Locked, by a declared name, with every argument.
///
/// # Errors
///
/// Those of the lock.
#[distributed_lock(name = locks::Declared, max_hold = "2h", on_lost = "continue", client = client)]
pub async fn declared(client: &LockClient) -> Result<Outcome<()>, Error> {
    Ok(Outcome::Executed(()))
}

/// Locked, sharing a declared name.
#[distributed_lock(name = locks::Shared, reuse)]
pub async fn shared() {}

/// Locked, sharing a declared name.
#[distributed_lock(name = locks::Shared, ttl = "2m", reuse)]
pub async fn shared_too() {}

/// Locked, with an argument that only the attribute uses.
#[distributed_lock(name = "strict-client", ttl = "1m", client = client)]
pub async fn by_client(client: &LockClient) {}

/// Locked, by a template.
#[distributed_lock(name = "strict/{id:03}/{kind}", ttl = "1m")]
pub async fn template(id: u32, kind: String) -> String {
    kind
}

/// Methods.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Service;

impl Service {
    /// The name.
    const NAME: &'static str = "strict-method";

    /// Plain.
    #[must_use]
    pub async fn plain_method(&self) -> u32 {
        1
    }

    /// Locked.
    #[distributed_lock(name = Self::NAME, ttl = "1m")]
    pub async fn method(&self) -> u32 {
        1
    }
}

/// A trait.
#[async_trait]
pub trait Job {
    /// Plain.
    async fn plain_run(&self, day: u32) -> Result<Outcome<u32>, Error>;

    /// Locked.
    async fn run(&self, day: u32) -> Result<Outcome<u32>, Error>;
}

#[async_trait]
impl Job for Service {
    async fn plain_run(&self, day: u32) -> Result<Outcome<u32>, Error> {
        Ok(Outcome::Executed(day))
    }

    #[distributed_lock(name = "strict-run", ttl = "1m")]
    async fn run(&self, day: u32) -> Result<Outcome<u32>, Error> {
        Ok(Outcome::Executed(day))
    }
}
