//! A user's whole program: its locks, and functions that depend on the configuration.
#![forbid(unsafe_code)]
#![deny(warnings)]

use mongo_lock_runtime::{Error, LockClient, Outcome, distributed_lock, lock_names};

lock_names! {
    mod locks {
        Report = "report", ttl = "5m";
        #[cfg(any())]
        Absent = "absent", ttl = "5m";
    }
}

#[distributed_lock(name = locks::Report)]
async fn report(day: u32) -> Result<u32, Error> {
    Ok(day)
}

#[cfg(any())]
#[distributed_lock(name = locks::Absent)]
async fn absent() {}

struct Service;

impl Service {
    const NAME: &'static str = "associated";

    #[distributed_lock(name = Self::NAME, ttl = "5m")]
    async fn job(&self) {}
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    mongo_lock_runtime::assert_locks_unique();
    let client = LockClient::in_memory();
    assert_eq!(client.scope(report(7)).await?, Outcome::Executed(7));
    assert!(client.scope(Service.job()).await?.is_executed());
    Ok(())
}
