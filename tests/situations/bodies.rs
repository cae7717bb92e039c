//! The lease under which a body runs.

use std::panic::{AssertUnwindSafe, catch_unwind};

use mongo_lock_runtime::{LockSpec, assert_locked, current_lease};

use crate::server::{Server, acquired, s, spec};

fn problem(name: &str) -> String {
    let panics = catch_unwind(AssertUnwindSafe(|| drop(assert_locked(name))));
    *panics.unwrap_err().downcast::<String>().unwrap()
}

#[tokio::test(start_paused = true)]
async fn code_can_insist_on_its_lock() {
    let server = Server::start();
    let a = server.client("a");
    assert!(current_lease().is_none());
    assert!(problem("job").contains("runs under no lock"));
    let outer = acquired(&a, &spec(s(60))).await;
    let other = LockSpec::new("other", s(9)).unwrap();
    let inner = acquired(&a, &other).await;
    let scope = outer
        .lease()
        .clone()
        .scope(inner.lease().clone().scope(async {
            assert_eq!(current_lease().unwrap().token(), inner.token());
            assert_eq!(assert_locked("job").token(), outer.token());
            assert_eq!(assert_locked("other").token(), inner.token());
            assert!(problem("third").contains("runs under `other`, `job`"));
            tokio::time::sleep(s(9)).await;
            assert!(problem("other").contains("must run under the lock `other`: "));
            assert_eq!(assert_locked("job").token(), outer.token());
        }));
    scope.await;
    assert!(current_lease().is_none());
}
