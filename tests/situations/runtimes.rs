//! Callers on another runtime than the client's, and a runtime that is gone. In real time, and so without a
//! pause of more than some milliseconds.

use std::time::Duration;

use mongo_lock_runtime::{Error, LockClient, LockSpec, LossReason};
use tokio::runtime::{Builder, Runtime};

use crate::server::{guard, s, skipped, spec};

fn of_client() -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(1).enable_all().build().unwrap()
}

/// Without a timer: a time limit of the library must not depend on it.
fn of_caller() -> Runtime {
    Builder::new_current_thread().build().unwrap()
}

fn client(runtime: &Runtime) -> LockClient {
    runtime.block_on(async { LockClient::in_memory() })
}

#[test]
fn a_caller_may_be_on_another_runtime() {
    let runtime = of_client();
    let client = client(&runtime);
    of_caller().block_on(async {
        let held = guard(client.try_acquire(&spec(s(60))).await.unwrap());
        skipped(client.try_acquire(&spec(s(60))).await.unwrap());
        let short = Duration::from_millis(20);
        skipped(client.acquire_within(&spec(s(60)), short).await.unwrap());
        held.lease().extend(s(90)).await.unwrap();
        held.release().await.unwrap();
        let _ = client.acquire(&spec(s(60))).await.unwrap();
        assert!(client.shutdown().await.is_clean());
    });
}

#[test]
fn without_its_runtime_a_client_says_so() {
    let runtime = of_client();
    let client = client(&runtime);
    let caller = of_caller();
    let held = caller.block_on(async {
        let spec = LockSpec::builder("other", s(60)).renew(true);
        guard(client.try_acquire(&spec.build().unwrap()).await.unwrap())
    });
    let waits = caller.spawn({
        let client = client.clone();
        async move {
            let _held = client.acquire(&spec(s(60))).await.unwrap();
            client.acquire(&spec(s(60))).await.map(drop)
        }
    });
    caller.block_on(async {
        while client
            .try_acquire(&spec(s(9)))
            .await
            .unwrap()
            .acquired()
            .is_some()
        {}
        tokio::task::yield_now().await;
    });
    runtime.shutdown_background();
    caller.block_on(async {
        match held.lease().lost().await {
            Error::LeaseLost { reason, .. } => assert_eq!(reason, LossReason::RuntimeGone),
            other => panic!("{other}"),
        }
        let waited = waits.await.unwrap();
        assert!(
            matches!(waited, Err(Error::RuntimeGone { .. })),
            "{waited:?}"
        );
        let refused = client.acquire(&spec(s(60))).await;
        assert!(
            matches!(refused, Err(Error::RuntimeGone { .. })),
            "{refused:?}"
        );
        let health = client.health().await;
        assert!(!health.is_reachable() && health.held.is_empty());
        assert!(health.problem.unwrap().contains("has shut down"));
    });
}

/// One panic that says so, where the client is built, instead of one in each call and in each clean-up.
#[test]
fn a_client_needs_a_timer() {
    let runtime = Builder::new_current_thread().enable_io().build().unwrap();
    let panic = std::panic::catch_unwind(|| runtime.block_on(async { LockClient::in_memory() }));
    let panic = panic.unwrap_err();
    let text = panic.downcast_ref::<String>().cloned();
    let text = text.or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned()));
    assert!(text.is_some_and(|text| text.contains("enable_time")));
}
