//! A client that outlives the runtimes on which it is built and used.

use std::{ops::ControlFlow, sync::OnceLock, thread, time::Duration};

use mongo_lock_runtime::{Error, LockClient, LockGuard, distributed_lock};
use mongo_lock_testkit::{Server, TestDb};
use tokio::runtime::{Builder, Runtime};

use crate::support::{acquire, block_on, eventually, free, ms, refused, renewed_spec, spec};

static CLIENT: OnceLock<LockClient> = OnceLock::new();

const TTL: Duration = ms(2000);

fn of_one_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Without a timer.
fn of_two_threads() -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(2).enable_io().build().unwrap()
}

#[distributed_lock(name = "job", ttl = "2s", renew)]
async fn job() -> u32 {
    7
}

/// What a test of a service does with the client that the whole process has.
async fn use_it(test: usize, earlier: Option<&LockGuard>) -> LockGuard {
    let client = CLIENT.get().unwrap();
    if let Some(earlier) = earlier {
        earlier.lease().check().unwrap();
        let _ = refused(client, &spec(&format!("kept/{}", test - 1), 1000)).await;
    }
    assert!(client.scope(job()).await.unwrap().is_executed());
    let contended = spec("contended", 60_000);
    let first = acquire(client, &contended).await;
    let (second, released) = tokio::join!(client.acquire(&contended), first.release());
    released.unwrap();
    drop(second.unwrap());
    acquire(client, &renewed_spec(&format!("kept/{test}"), TTL)).await
}

#[test]
fn a_client_in_a_static_is_used_on_one_after_another() {
    let judge = of_one_thread();
    let db = judge.block_on(async { Server::shared().await.database().await });
    let first = of_two_threads();
    let client = first.block_on(LockClient::connect(db.uri())).unwrap();
    assert!(CLIENT.set(client).is_ok());
    drop(first);
    let mut kept = None;
    for test in 0..4 {
        let runtime = if test % 2 == 0 {
            of_one_thread()
        } else {
            of_two_threads()
        };
        let guard = runtime.block_on(use_it(test, kept.as_ref()));
        // With tasks of the test's own under way.
        runtime.spawn(async {
            CLIENT
                .get()
                .unwrap()
                .acquire(&spec("contended", 60_000))
                .await
        });
        drop(runtime);
        // The lease is kept beyond its ttl, with no runtime of the service at all.
        thread::sleep(TTL * 5 / 4);
        guard.lease().check().unwrap();
        kept = Some(guard);
    }
    let kept = kept.unwrap();
    let lease = kept.lease().clone();
    drop(kept);
    judge.block_on(eventually(free(&db, lease.name().as_str())));
}

fn database() -> TestDb {
    of_one_thread().block_on(async { Server::shared().await.database().await })
}

#[test]
fn no_runtime_is_needed() {
    let db = database();
    let builder = LockClient::builder().uri(db.uri());
    let client = block_on(builder.build()).unwrap();
    let held = block_on(acquire(&client, &renewed_spec("held", TTL)));
    let _ = block_on(refused(&client, &spec("held", 1000)));
    let skipped = block_on(client.acquire_within(&spec("held", 1000), ms(100)));
    assert!(skipped.unwrap().acquired().is_none());
    assert!(block_on(client.scope(job())).unwrap().is_executed());
    thread::sleep(TTL * 5 / 4);
    block_on(held.lease().extend(TTL)).unwrap();
    let next = {
        let client = client.clone();
        thread::spawn(move || block_on(client.acquire(&spec("held", 1000))).unwrap())
    };
    block_on(held.release()).unwrap();
    drop(next.join().unwrap());
    let mut terms = 0;
    let office = renewed_spec("office", TTL);
    // The pause between two short terms needs a timer.
    let led = block_on(client.lead(&office, |_| {
        terms += 1;
        std::future::ready(if terms < 2 {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(terms)
        })
    }));
    assert_eq!(led.unwrap(), 2);
    assert!(block_on(client.shutdown().into_future()).is_clean());
}

#[test]
fn a_shared_client_needs_one_and_says_so() {
    let db = database();
    let builder = LockClient::builder().client(db.client().clone());
    let error = block_on(builder.build()).unwrap_err();
    let fits = matches!(
        error,
        Error::InvalidArgument {
            argument: "client",
            ..
        }
    );
    assert!(fits, "{error}");
    assert!(error.to_string().contains("runtime"), "{error}");
}

/// With connections of its own, a client needs neither a runtime nor a timer.
#[test]
fn a_shared_client_needs_a_timer_and_says_so() {
    let db = database();
    let runtime = Builder::new_current_thread().enable_io().build().unwrap();
    let builder = LockClient::builder().client(db.client().clone());
    let error = runtime.block_on(builder.build()).unwrap_err();
    assert!(matches!(error, Error::StartUp { .. }), "{error}");
    assert!(error.to_string().contains("`enable_time()`"), "{error}");
    let own = LockClient::connect(db.uri());
    let client = runtime.block_on(own).unwrap();
    let guard = runtime.block_on(client.try_acquire(&spec("job", 60_000)));
    let guard = guard.unwrap().acquired().unwrap();
    runtime.block_on(guard.release()).unwrap();
}
