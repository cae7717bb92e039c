//! Which of the public futures and types may cross threads. Compiled, not run.

use std::rc::Rc;

use mongo_lock_runtime::{
    Acquisition, Error, LockClient, LockClientBuilder, LockGuard, LockSpec, Outcome, Skipped,
    distributed_lock,
};

fn send<T: Send>(_: T) {}
fn send_sync_static<T: Send + Sync + 'static>() {}

#[distributed_lock(name = "send", ttl = "1m")]
async fn job<T: Send>(value: T) -> T {
    tokio::task::yield_now().await;
    value
}

#[distributed_lock(name = "not-send", ttl = "1m")]
async fn local(value: Rc<u32>) -> u32 {
    tokio::task::yield_now().await;
    *value
}

#[test]
fn futures_are_send_where_the_plain_function_s_is() {
    fn check(client: &LockClient, spec: &LockSpec, guard: LockGuard) {
        send(client.try_acquire(spec));
        send(client.scope(async {}));
        send(guard.release());
        send(LockClient::connect(""));
        send(LockClient::builder().build());
        send(job(1));
    }
    let _ = check;
    send_sync_static::<LockClient>();
    send_sync_static::<LockClientBuilder>();
    send_sync_static::<LockGuard>();
    send_sync_static::<LockSpec>();
    send_sync_static::<Acquisition>();
    send_sync_static::<Outcome<u32>>();
    send_sync_static::<Skipped>();
    send_sync_static::<Error>();
}

#[tokio::test]
async fn a_body_that_is_not_send_runs_on_a_local_set() {
    let (_db, client) = crate::support::database().await;
    let outcome = tokio::task::LocalSet::new()
        .run_until(async move {
            tokio::task::spawn_local(async move { client.scope(local(Rc::new(7))).await }).await
        })
        .await;
    assert_eq!(outcome.unwrap().unwrap(), Outcome::Executed(7));
}
