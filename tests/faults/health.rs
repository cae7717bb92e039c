//! The health of a client whose server is out of reach: an answer in time, and not one connection per question.

use std::time::Duration;

use mongo_lock_runtime::LockClient;
use mongo_lock_testkit::ProxyMode;
use tokio::time::Instant;

use crate::support::{Fixture, eventually, ms, until, within};

#[tokio::test]
async fn is_told_in_time_when_no_answer_comes() {
    let (fixture, proxy) = Fixture::behind_a_proxy(ms(5000)).await;
    let healthy = fixture.client.health().await;
    assert!(
        healthy.is_reachable() && healthy.problem.is_none(),
        "{healthy:?}"
    );
    assert!(healthy.answered_in.unwrap() < Duration::from_secs(1));

    proxy.set(ProxyMode::Hang).await.unwrap();
    let asked = Instant::now();
    let questions = (0..200).map(|_| {
        let client: LockClient = fixture.client.clone();
        tokio::spawn(async move { client.health().await })
    });
    let questions: Vec<_> = questions.collect();
    for question in questions {
        // A second, and room for a busy machine.
        let health = within(ms(4000), question).await.unwrap();
        assert!(!health.is_reachable() && health.answered_in.is_none());
        assert!(health.problem.unwrap().contains("no answer within 1s"));
    }
    assert!(asked.elapsed() >= ms(900));
    proxy.set(ProxyMode::Forward).await.unwrap();
    let reachable = async || fixture.client.health().await.is_reachable();
    eventually(until(reachable)).await;
}
