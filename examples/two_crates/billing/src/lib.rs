//! A crate that declares its locks in one place.

use mongo_lock_runtime::{distributed_lock, lock_names};

lock_names! {
    /// The locks of billing.
    pub mod locks {
        /// Once a night, on one instance.
        NightlyReport = "nightly-report", ttl = "5m";
        /// A crash blocks it for half a minute, a hang for four hours.
        Import = "import", ttl = "30s", renew, max_hold = "4h";
    }
}

/// Writes the report. A second function with `locks::NightlyReport` would not compile.
#[distributed_lock(name = locks::NightlyReport)]
pub async fn nightly_report() {}

/// Imports what has come in.
#[distributed_lock(name = locks::Import, max_hold = "2h")]
pub async fn import() {}

/// Pays one invoice: other invoices are other locks.
#[distributed_lock(name = "invoice/{number}", ttl = "1m")]
pub async fn pay(number: u64) {}
