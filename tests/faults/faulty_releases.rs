//! A release that fails is repeated in the background, and never takes away the body's result.

use std::time::Duration;

use mongo_lock_runtime::{Error, LockClient, Operation, Outcome, Release, distributed_lock};
use mongo_lock_testkit::FailPoint;
use mongodb::bson::{Document, doc};

use crate::support::{
    Fixture, RESULT, SOON, acquire, eventually, free, live, ms, only, spec, within,
};

const LIMIT: Duration = ms(500);

async fn releases_fail(fixture: &Fixture, times: u32, effect: Document) -> FailPoint {
    fixture
        .fails("update", doc! { "times": times }, effect)
        .await
}

const MANY: u32 = 1_000_000;

#[derive(Debug, PartialEq)]
struct NoPaper;

impl From<Error> for NoPaper {
    fn from(error: Error) -> Self {
        panic!("the body's result is lost: {error}");
    }
}

#[distributed_lock(name = "job", ttl = "4s", reuse)]
async fn job(result: Result<u32, NoPaper>) -> Result<u32, NoPaper> {
    result
}

const SHORT: Duration = ms(1000);

#[distributed_lock(name = "faulty-releases-short", ttl = SHORT)]
async fn short() -> Result<u32, NoPaper> {
    Ok(RESULT)
}

/// Runs the short job, whose result must come in time.
async fn result_comes(client: &LockClient) {
    let done = within(LIMIT + SOON, client.scope(short())).await;
    assert_eq!(done, Ok(Outcome::Executed(RESULT)));
}

#[tokio::test]
async fn a_failure_that_passes_costs_nothing() {
    let fixture = Fixture::with_limit(LIMIT).await;
    let Fixture { db, client } = &fixture;
    for effect in [
        doc! { "errorCode": 91 },
        doc! { "errorCode": 189 },
        doc! { "errorCode": 10107 },
        doc! { "closeConnection": true },
    ] {
        for result in [Ok(RESULT), Err(NoPaper)] {
            let fails = releases_fail(&fixture, 1, effect.clone()).await;
            let expected = match result {
                Ok(number) => Ok(Outcome::Executed(number)),
                Err(NoPaper) => Err(NoPaper),
            };
            let done = within(LIMIT + SOON, client.scope(job(result))).await;
            assert_eq!(done, expected, "{effect}");
            // Long before its ttl is over.
            within(ms(2500), free(db, "job")).await;
            fails.hit(1).await.unwrap();
            fails.off().await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_failure_that_lasts_leaves_the_lock_to_its_ttl() {
    let fixture = Fixture::with_limit(LIMIT).await;
    let Fixture { db, client } = &fixture;
    for effect in [doc! { "errorCode": 8000 }, doc! { "closeConnection": true }] {
        let fails = releases_fail(&fixture, MANY, effect.clone()).await;
        result_comes(client).await;
        let left = only(&live(db, "faulty-releases-short").await);
        assert_eq!(left.expires_at, left.acquired_at + SHORT);
        eventually(free(db, "faulty-releases-short")).await;
        fails.off().await.unwrap();
    }
}

#[tokio::test]
async fn a_release_without_an_answer_holds_up_no_caller() {
    let fixture = Fixture::with_limit(LIMIT).await;
    let Fixture { db, client } = &fixture;
    let effect = doc! { "blockConnection": true, "blockTimeMS": 1200 };
    let blocks = releases_fail(&fixture, 1, effect).await;
    result_comes(client).await;
    eventually(free(db, "faulty-releases-short")).await;
    blocks.off().await.unwrap();

    // Reported as a failure of the write concern, but done.
    let effect = doc! { "writeConcernError": { "code": 64, "errmsg": "on purpose" } };
    let fails = releases_fail(&fixture, 1, effect).await;
    result_comes(client).await;
    assert_eq!(live(db, "faulty-releases-short").await, []);
    fails.off().await.unwrap();
}

/// One connection is dead, and neither end says so: a firewall has forgotten it, for instance. Another one
/// works.
#[tokio::test]
async fn a_release_that_hangs_is_sent_again() {
    let fixture = Fixture::with_limit(ms(200)).await;
    let Fixture { db, client } = &fixture;
    let guard = acquire(client, &spec("hangs", 60_000)).await;
    let effect = doc! { "blockConnection": true, "blockTimeMS": 4000 };
    let blocks = releases_fail(&fixture, 1, effect).await;
    drop(guard);
    blocks.hit(1).await.unwrap();
    within(ms(3500), free(db, "hangs")).await;
    blocks.off().await.unwrap();
}

#[tokio::test]
async fn a_guard_hears_of_it() {
    let fixture = Fixture::with_limit(LIMIT).await;
    let Fixture { db, client } = &fixture;
    let guard = acquire(client, &spec("heard", 1000)).await;
    let fails = releases_fail(&fixture, MANY, doc! { "errorCode": 8000 }).await;
    let error = within(LIMIT + SOON, guard.release()).await.unwrap_err();
    let fits = matches!(
        error,
        Error::Database {
            operation: Operation::Release,
            ..
        }
    );
    assert!(fits, "{error}");
    eventually(free(db, "heard")).await;
    fails.off().await.unwrap();
    let guard = acquire(client, &spec("heard", 1000)).await;
    assert_eq!(guard.release().await.unwrap(), Release::Freed);
}
