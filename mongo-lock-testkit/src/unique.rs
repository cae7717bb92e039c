use std::{
    hash::{BuildHasher as _, RandomState},
    process,
    sync::atomic::{AtomicU64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

/// 64 random bits. `RandomState` is the only source of randomness in `std`; the value that is hashed on top
/// separates processes and calls should its keys ever repeat.
pub(crate) fn bits() -> u64 {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok();
    RandomState::new().hash_one((process::id(), CALLS.fetch_add(1, Ordering::Relaxed), now))
}

/// A name that no other test has, on this server or on one that machines share.
pub(crate) fn name(prefix: &str) -> String {
    format!("{prefix}_{:016x}", bits())
}
