//! What the worker and the operator's tool have in common: the locks.

use mongo_lock_runtime::lock_names;

lock_names! {
    /// The locks of this service. A binary has one function for each of them that it takes; the names and the
    /// times are written here only.
    pub mod locks {
        /// The import, by the worker or by hand. A crash blocks it for half a minute, a hang for four hours.
        Import = "import", ttl = "30s", renew, max_hold = "4h";
        /// The search index is built by the worker, and thrown away by the tool.
        Index = "index", ttl = "10m";
    }
}
