//! Counters start at zero, for each lock of the source: a rate sees the first of a kind.

use mongo_lock_runtime::{distributed_lock, lock_names, observe::Metrics};

use crate::scrape::{self, Scrape};

#[distributed_lock(name = "zeros/{id}", ttl = "1m")]
#[allow(dead_code, reason = "its counters are there before a call")]
async fn never_called(id: u32) {
    let _ = id;
}

lock_names! {
    mod locks {
        NeverTaken = "zeros-declared", ttl = "5m";
    }
}

#[test]
fn of_each_registered_lock() {
    scrape::start();
    drop(Metrics::new());
    let scrape = Scrape::now();
    for lock in ["zeros/{id}", "zeros-declared"] {
        for (metric, label, values) in [
            ("acquisitions", "outcome", 4),
            ("acquisition_failures", "kind", 9),
            ("runs", "outcome", 5),
            ("lease_losses", "reason", 6),
        ] {
            let name = format!("mongo_lock_{metric}_total");
            let rows = scrape.rows(&name, &[("lock", lock)]);
            assert_eq!(rows.len(), values, "{name} of {lock}: {rows:?}");
            assert!(
                rows.iter()
                    .all(|row| row.value == 0.0 && row.labels.contains_key(label))
            );
        }
        for metric in [
            "late_bodies_total",
            "release_failures_total",
            "held",
            "waiters",
        ] {
            let name = format!("mongo_lock_{metric}");
            assert_eq!(scrape.value(&name, &[("lock", lock)]), 0.0);
        }
        // A time of the last success would be an alert, and no run is no run of no time.
        for metric in ["last_success_timestamp_seconds", "hold_seconds_count"] {
            let name = format!("mongo_lock_{metric}");
            assert!(scrape.rows(&name, &[("lock", lock)]).is_empty());
        }
    }
}
