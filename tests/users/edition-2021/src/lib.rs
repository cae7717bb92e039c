//! A user crate of edition 2021, in which the dependency is called `locks`.

#![deny(warnings, missing_docs)]

use locks::{distributed_lock, lock_names, Error, LockClient, Outcome};

lock_names! {
    crate = ::locks;

    /// The locks of this crate.
    pub mod names {
        /// Once a night.
        Report = "edition-2021-report", ttl = "5m";
    }
}

/// By its declared name.
#[distributed_lock(name = names::Report, crate = locks)]
pub async fn report(client: &LockClient) -> Result<u32, Error> {
    Ok(client.owner().len() as u32)
}

/// By a template, with a client, and with every other argument that takes a value.
#[distributed_lock(
    name = "edition-2021/{id}",
    ttl = "5m",
    renew,
    max_hold = "2h",
    min_hold = "1s",
    on_lost = "continue",
    client = client,
    crate = locks
)]
pub async fn template(client: &LockClient, id: u32) -> u32 {
    id
}

/// Nothing in the body needs an `unsafe` block in this edition, and none in the expansion.
///
/// # Safety
///
/// `n` is valid.
#[distributed_lock(name = "edition-2021-unsafe", ttl = "1m")]
pub async unsafe fn raw(n: *const u32) -> u32 {
    *n
}

/// `gen` is a name here, and a keyword later.
#[distributed_lock(name = "edition-2021-names/{gen}", ttl = "1m", crate = locks)]
pub async fn keywords(gen: u32) -> u32 {
    gen
}

/// Of a trait.
pub trait Job {
    /// By its associated name.
    const NAME: &'static str;

    /// Runs it.
    #[allow(async_fn_in_trait)]
    #[distributed_lock(name = Self::NAME, ttl = "1m", crate = locks)]
    async fn run(&self) -> Result<Outcome<u32>, Error> {
        Ok(Outcome::Executed(1))
    }
}
