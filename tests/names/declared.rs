//! Locks that `lock_names!` declares.

use std::time::Duration;

use mongo_lock_runtime::{Error, Lock as _, current_lease, distributed_lock, lock_names};

use crate::{call, name};

const HOUR: Duration = Duration::from_secs(3600);

lock_names! {
    /// The locks of this file.
    mod locks {
        /// Once a night.
        Report = "decl-report", ttl = "5m";
        Import = "decl-import", ttl = "30s", renew, max_hold = "4h", on_lost = "continue";
        Hourly = "decl-hourly", ttl = HOUR, min_hold = "30s";
        Bare = "decl-bare";
        Shared = "decl-shared", ttl = "1m"
    }
}

#[distributed_lock(name = locks::Report)]
async fn report() -> (String, Duration) {
    (name(), current_lease().unwrap().time_left())
}

#[distributed_lock(name = locks::Import, renew = false)]
async fn import() -> (String, Duration) {
    (name(), current_lease().unwrap().time_left())
}

#[distributed_lock(name = locks::Hourly, ttl = "2m", min_hold = "1s")]
async fn hourly() -> (String, Duration) {
    (name(), current_lease().unwrap().time_left())
}

#[distributed_lock(name = locks::Bare, ttl = "10s")]
async fn bare() -> String {
    name()
}

#[distributed_lock(name = locks::Shared, reuse)]
async fn one() -> String {
    name()
}

#[distributed_lock(name = locks::Shared, reuse, ttl = "2m")]
async fn another() -> Result<String, Error> {
    Ok(name())
}

#[tokio::test]
async fn the_declaration_gives_the_terms_and_the_attribute_overrides_them() {
    let within = |time: Duration, secs: u64| {
        time <= Duration::from_secs(secs) && time > Duration::from_secs(secs - 5)
    };
    let (name, left) = call(report()).await.unwrap();
    assert!(
        name == "decl-report" && within(left, 300),
        "{name} {left:?}"
    );
    let (name, left) = call(import()).await.unwrap();
    assert!(name == "decl-import" && within(left, 30), "{name} {left:?}");
    let (name, left) = call(hourly()).await.unwrap();
    assert!(
        name == "decl-hourly" && within(left, 120),
        "{name} {left:?}"
    );
    assert_eq!(call(bare()).await.unwrap(), "decl-bare");
    assert_eq!(call(one()).await.unwrap(), "decl-shared");
    assert_eq!(call(another()).await.unwrap(), "decl-shared");
}

#[test]
fn a_declared_lock_can_be_taken_by_hand() {
    assert_eq!(locks::Import::NAME, "decl-import");
    assert_eq!(locks::Import::TTL, Some(Duration::from_secs(30)));
    assert_eq!(locks::Bare::TTL, None);
    let spec = locks::Import::spec().unwrap();
    assert_eq!(spec.max_hold(), Some(4 * HOUR));
    assert!(spec.renew());
    let error = locks::Bare::spec().unwrap_err();
    assert!(
        matches!(
            error,
            Error::InvalidArgument {
                argument: "ttl",
                ..
            }
        ),
        "{error}"
    );
}
