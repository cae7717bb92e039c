//! The server dies in mid-body and comes back: in time, or too late.

use std::time::Duration;

use mongo_lock_runtime::{Error, LossReason, Outcome, distributed_lock};
use mongo_lock_testkit::{Server, Topology};
use tokio::time::Instant;

use crate::support::{
    PATIENCE, RESULT, SOON, ServerClock, acquire_when_free, body, client, live, ms, only, spec,
    until, within,
};

/// A restart takes a second or two, more on a busy machine.
const LONG: Duration = ms(10_000);
const SHORT: Duration = ms(1500);

#[distributed_lock(name = "restart-long", ttl = LONG, renew)]
async fn long<F: Future>(body: F) -> F::Output {
    body.await
}

#[distributed_lock(name = "restart-short", ttl = SHORT, renew)]
async fn short<F: Future>(body: F) -> F::Output {
    body.await
}

#[tokio::test]
async fn a_body_outlives_a_short_absence_and_ends_in_a_long_one() {
    let builder = Server::builder().topology(Topology::Standalone);
    let server = builder.start().await.unwrap();
    let [node] = server.nodes() else { panic!() };
    let db = server.database().await;
    let client = client(&db).await;
    let (long_body, survivor) = body();
    let (short_body, victim) = body();
    let (first, second) = (client.clone(), client.clone());
    let survives = tokio::spawn(async move { first.scope(long(long_body)).await });
    let ends = tokio::spawn(async move { second.scope(short(short_body)).await });
    survivor.started().await;
    victim.started().await;
    let granted = only(&live(&db, "restart-long").await);
    let clock = ServerClock::read(&db).await;

    let last = only(&live(&db, "restart-short").await);
    node.kill();
    // It may have been renewed once more, not after this.
    let latest = clock.at_most(Instant::now()) + SHORT;
    let ended = victim.ended().await;
    assert!(clock.at_most(ended) < latest);
    let error = within(SOON, ends).await.unwrap().unwrap_err();
    let fits = matches!(
        error,
        Error::LeaseLost {
            reason: LossReason::NotRenewed { .. },
            ..
        }
    );
    assert!(fits, "{error}");

    node.restart().await.unwrap();
    server.ready().await.unwrap();
    let renewed = async || only(&live(&db, "restart-long").await).expires_at > granted.expires_at;
    within(LONG, until(renewed)).await;
    assert_eq!(only(&live(&db, "restart-long").await).token, granted.token);
    assert!(survivor.is_running());
    survivor.finish();
    let done = within(PATIENCE, survives).await.unwrap();
    assert_eq!(done.unwrap(), Outcome::Executed(RESULT));

    let next = acquire_when_free(&client, &spec("restart-short", 60_000)).await;
    assert!(next.token() > last.token);
    let next = acquire_when_free(&client, &spec("restart-long", 60_000)).await;
    assert!(next.token() > granted.token);
}
