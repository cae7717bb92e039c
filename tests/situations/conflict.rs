//! Two functions that claim one lock, in this binary.

use std::panic::catch_unwind;

use mongo_lock_runtime::{Error, LockClient, assert_locks_unique, distributed_lock};

#[distributed_lock(name = "claimed-twice", ttl = "1m")]
async fn first() {}

#[distributed_lock(name = "claimed-twice", ttl = "1m")]
async fn second() {}

/// Before anything is sent: there is no server at this address.
#[tokio::test]
async fn no_client_can_be_built() {
    let built = LockClient::connect("mongodb://127.0.0.1:1/locks").await;
    let Err(Error::LockConflict { conflicts }) = built else {
        panic!("{built:?}");
    };
    let functions = conflicts.iter().map(|conflict| {
        let (first, second) = (conflict.first, conflict.second);
        (first.name(), first.function(), second.function())
    });
    let expected = (
        "claimed-twice",
        Some("situations::conflict::first".to_owned()),
        Some("situations::conflict::second".to_owned()),
    );
    assert_eq!(functions.collect::<Vec<_>>(), [expected]);
}

#[test]
fn a_test_can_look_for_it() {
    let said = catch_unwind(assert_locks_unique).unwrap_err();
    let said = said.downcast::<String>().unwrap();
    assert!(
        said.contains("first") && said.contains("second") && said.contains("conflict.rs:"),
        "{said}"
    );
}

/// The functions are there.
#[tokio::test]
async fn in_memory_a_conflict_is_no_error() {
    let locks = LockClient::in_memory();
    let both = locks.scope(async { (first().await, second().await) }).await;
    assert!(both.0.unwrap().is_executed() && both.1.unwrap().is_executed());
}
