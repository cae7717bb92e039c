//! Functions and locks that the default lints, the pedantic ones and some others find nothing wrong with.
#![forbid(unsafe_code)]
#![deny(warnings, clippy::all, clippy::pedantic, clippy::implicit_return)]
#![allow(clippy::unused_async)] // of the plain functions, too

use mongo_lock_runtime::{Error, distributed_lock, lock_names};
use tokio::task::JoinHandle;

lock_names! {
    mod locks {
        Report = "report", ttl = "1m";
        #[deprecated = "use Report"]
        OldReport = "old-report", ttl = TTL;
    }
}

const TTL: std::time::Duration = std::time::Duration::from_secs(60);

/// Gives a future, as a plain function may.
#[distributed_lock(name = "spawn", ttl = "5m")]
async fn spawn() -> JoinHandle<()> {
    return tokio::spawn(async {});
}

#[distributed_lock(name = "boxed", ttl = "5m")]
async fn boxed() -> std::pin::Pin<Box<dyn Future<Output = u8> + Send>> {
    return Box::pin(std::future::ready(1));
}

#[distributed_lock(name = "hidden", ttl = "5m")]
async fn hidden() -> impl Future<Output = u8> {
    return std::future::ready(1);
}

#[distributed_lock(name = "unit", ttl = "5m")]
async fn unit() {}

#[distributed_lock(name = locks::Report)]
async fn result(day: u32) -> Result<u32, Error> {
    return Ok(day);
}

#[distributed_lock(name = "underscore/{_id}", ttl = _ttl)]
async fn underscores(_id: u32, _ttl: std::time::Duration, _more: u8) {}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    drop((spawn(), boxed(), hidden(), unit(), result(1)));
    drop(underscores(1, TTL, 2));
}
