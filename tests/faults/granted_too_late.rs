//! A grant that arrives when the time of its lease is over: the body never ran, and the error says so.

use std::time::Duration;

use mongo_lock_runtime::{Error, LockSpec, distributed_lock};
use mongo_lock_testkit::{Proxy, ProxyMode};
use mongodb::bson::doc;
use tokio::time::sleep;

use crate::support::{
    BodyHandle, Fixture, Log, PATIENCE, SOON, body, eventually, free, locks, ms, until, within,
};

const TTL: Duration = ms(500);

#[distributed_lock(name = "job", ttl = TTL, reuse)]
async fn job<F: Future>(body: F) -> F::Output {
    body.await
}

#[distributed_lock(name = "job", ttl = TTL, wait = "20s", reuse)]
async fn waiting_job<F: Future>(body: F) -> F::Output {
    body.await
}

/// Holds every answer back until the lease that was granted is over.
async fn hold_answer(fixture: &Fixture, proxy: &Proxy) {
    let granted = doc! { "_id": "job", "holders.lease": { "$exists": true } };
    let was_granted = async || {
        locks(&fixture.db)
            .count_documents(granted.clone())
            .await
            .unwrap()
            == 1
    };
    eventually(until(was_granted)).await;
    sleep(TTL).await;
    proxy.set(ProxyMode::Forward).await.unwrap();
}

fn check(error: &Error, hand: Option<&BodyHandle>, log: &Log) {
    assert!(matches!(error, Error::GrantedTooLate { .. }), "{error}");
    assert!(error.is_retryable() && !error.is_lease_lost(), "{error}");
    assert!(error.to_string().contains("never ran"), "{error}");
    assert!(hand.is_none_or(BodyHandle::never_ran));
    // No body ran under the lease, so none was lost.
    assert_eq!(log.warnings(), Vec::<String>::new());
}

// One thread, on which the subscriber sees every event.
#[tokio::test]
async fn the_error_tells_it_from_a_body_that_was_stopped() {
    let log = Log::here();
    for way in 0..4 {
        let (fixture, proxy) = Fixture::behind_a_proxy(PATIENCE).await;
        let client = &fixture.client;
        let spec = LockSpec::new("job", TTL).unwrap();
        let (body, hand) = body();
        proxy.set(ProxyMode::HoldReplies).await.unwrap();
        log.take();
        let call = async {
            match way {
                0 => client.try_acquire(&spec).await.map(drop),
                1 => client.acquire(&spec).await.map(drop),
                2 => client.scope(job(body)).await.map(drop),
                _ => client.scope(waiting_job(body)).await.map(drop),
            }
        };
        let (result, ()) = tokio::join!(call, hold_answer(&fixture, &proxy));
        check(&result.unwrap_err(), (way > 1).then_some(&hand), &log);
        within(SOON, free(&fixture.db, "job")).await;
    }
}
