//! Every attribute registers itself, and two that claim one lock are found.

use std::time::Duration;

use mongo_lock_runtime::{
    Error, NameKind, Outcome, RegisteredLock, distributed_lock, lock_names, registered_locks,
};

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

trait Job {
    async fn run(&self) -> Result<Outcome<()>, Error>;

    #[distributed_lock(name = "registered-default", ttl = "1m")]
    #[expect(dead_code)]
    async fn run_again(&self) -> Result<Outcome<()>, Error> {
        Ok(Outcome::Executed(()))
    }
}

impl<T> Job for Service<T> {
    #[distributed_lock(name = "registered-trait", ttl = "1m")]
    async fn run(&self) -> Result<Outcome<()>, Error> {
        Ok(Outcome::Executed(()))
    }
}

mod elsewhere {
    use mongo_lock_runtime::{Error, Outcome, distributed_lock};

    impl super::Job for u8 {
        #[distributed_lock(name = "registered-elsewhere", ttl = "1m")]
        async fn run(&self) -> Result<Outcome<()>, Error> {
            Ok(Outcome::Executed(()))
        }
    }
}

fn outer() {
    #[distributed_lock(name = "registered-inner", ttl = "1m")]
    async fn inner() {}
    drop(inner());
}

const DECLARED: u32 = line!() + 2;

lock_names! {
    mod locks {
        WithoutFunction = "registered-without-function", ttl = "1m";
        WithFunction = "registered-with-function", ttl = "1m";
    }
}

#[distributed_lock(name = locks::WithFunction)]
async fn with_function() {}

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
    let function = |lock: &RegisteredLock| lock.function().unwrap();
    assert_eq!(function(lock), "names::registered::registered");
    assert_eq!(lock.module(), "names::registered");
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
    assert_eq!(function(lock), "names::registered::Service<_>::method");
    for (name, path) in [
        (
            "registered-trait",
            "<names::registered::Service<_> as names::registered::Job>::run",
        ),
        ("registered-default", "names::registered::Job::run_again"),
        ("registered-inner", "names::registered::outer::inner"),
        (
            "registered-elsewhere",
            "names::registered::elsewhere::<impl names::registered::Job for u8>::run",
        ),
    ] {
        assert_eq!(function(find(name)), path);
    }
    let lock = find("registered-without-function");
    assert_eq!(
        (lock.function(), lock.ttl()),
        (None, Some(Duration::from_secs(60)))
    );
    assert_eq!(
        lock.to_string(),
        format!(
            "registered-without-function (ttl 60s): declared at {}:{DECLARED}:1, without a function",
            file!()
        )
    );
    // Not a second time for its declaration.
    assert!(find("registered-with-function").function().is_some());
    let _ = (
        registered(),
        generic(1),
        Service(()),
        Job::run(&1),
        outer(),
        with_function(),
    );
    let _ = (locks::WithoutFunction, Job::run(&Service(())));
}

#[test]
fn the_list_is_sorted_by_name() {
    let names: Vec<_> = registered_locks().iter().map(|lock| lock.name()).collect();
    assert!(names.is_sorted(), "{names:?}");
}
