//! Every attribute registers itself, and two that claim one lock are found.

use std::time::Duration;

use mongo_lock_runtime::{NameKind, distributed_lock, registered_locks};

#[distributed_lock(name = "registered", ttl = "90s")]
async fn registered() {}

const LINE: u32 = line!() - 3;

#[distributed_lock(name = "registered-generic/{id}", ttl = "1m", reuse)]
async fn generic<T: std::fmt::Display>(id: T) {}

struct Service<T>(T);

impl<T> Service<T> {
    #[distributed_lock(name = "registered-method", ttl = "1m")]
    #[expect(dead_code)] // being compiled is enough
    async fn method(&self) {}
}

#[test]
fn a_lock_says_what_it_locks_and_where_it_stands() {
    let locks = registered_locks();
    let find = |name: &str| {
        let found: Vec<_> = locks.iter().filter(|lock| lock.name() == name).collect();
        assert_eq!(found.len(), 1, "{name}: {locks:#?}");
        found[0]
    };
    let lock = find("registered");
    assert_eq!(lock.kind(), NameKind::Fixed);
    assert_eq!(lock.ttl(), Some(Duration::from_secs(90)));
    assert_eq!(lock.function(), "names::registered::registered");
    assert_eq!((lock.file(), lock.line()), (file!(), LINE));
    assert!(!lock.reuse());
    assert_eq!(
        lock.to_string(),
        format!(
            "registered (ttl 90s): names::registered::registered at {}:{LINE}:1",
            file!()
        )
    );
    let lock = find("registered-generic/{id}");
    assert_eq!(lock.kind(), NameKind::Template);
    assert!(lock.reuse());
    let lock = find("registered-method");
    assert_eq!(lock.function(), "names::registered::method");
    let _ = (registered(), generic(1), Service(()));
}

#[test]
fn the_list_is_sorted_by_name() {
    let names: Vec<_> = registered_locks().iter().map(|lock| lock.name()).collect();
    assert!(names.is_sorted(), "{names:?}");
}
