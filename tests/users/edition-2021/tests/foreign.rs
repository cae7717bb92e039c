//! A lock that another crate declares, and a second function for it: no compiler sees both, the
//! start does.

use locks::{distributed_lock, Error, Lock, LockClient};
use user_of_edition_2021::names;

#[distributed_lock(name = names::Report)]
async fn another_report() {}

#[distributed_lock(name = ::user_of_edition_2021::names::Report, ttl = "1m", crate = locks)]
async fn one_more_report() {}

#[tokio::test]
async fn the_client_does_not_start_and_names_both() {
    drop((another_report(), one_more_report()));
    let start = LockClient::connect("mongodb://nobody.invalid").await;
    let Err(Error::LockConflict { conflicts }) = start else {
        panic!("{start:?}");
    };
    assert_eq!(
        conflicts.len(),
        2,
        "of three functions, each beside the next"
    );
    // A test of a service finds the same.
    let found = std::panic::catch_unwind(locks::assert_locks_unique).unwrap_err();
    let found = found.downcast::<String>().unwrap();
    assert_eq!(
        *found,
        Error::LockConflict {
            conflicts: conflicts.clone()
        }
        .to_string()
    );
    let text = conflicts[0].to_string();
    for part in [names::Report::NAME, "foreign.rs:", "lib.rs:"] {
        assert!(text.contains(part), "{text}");
    }
}
