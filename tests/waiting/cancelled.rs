//! A waiter that gives up is out of the way.

use tokio::spawn;

use crate::support::{acquire, document, eventually, instances, ms, patient, places, spec, until};

#[tokio::test]
async fn a_thousand_cancelled_waiters_leave_nothing_behind() {
    let (db, [one, other, third]) = instances().await;
    let held = acquire(&one, &spec("lock", 60_000)).await;
    let mut waiters = Vec::new();
    for number in 0..1000 {
        let client = if number % 2 == 0 { &other } else { &third };
        let (client, waits) = (client.clone(), patient("lock").build().unwrap());
        waiters.push(spawn(async move { drop(client.acquire(&waits).await) }));
    }
    eventually(until(async || places(&db, "lock").await == 2)).await;
    for (number, waiter) in waiters.iter().enumerate() {
        waiter.abort();
        if number % 100 == 0 {
            tokio::time::sleep(ms(5)).await;
        }
    }
    eventually(until(async || places(&db, "lock").await == 0)).await;
    held.release().await.unwrap();
    for client in [&one, &other, &third] {
        acquire(client, &spec("lock", 60_000))
            .await
            .release()
            .await
            .unwrap();
        assert!(eventually(client.shutdown()).await.is_clean());
    }
    let holders = document(&db, "lock").await;
    assert!(holders.get_array("holders").unwrap().is_empty());
}

#[tokio::test]
async fn a_waiter_that_is_cancelled_on_its_turn_lets_the_next_in() {
    let (db, [one, other, third]) = instances().await;
    let held = acquire(&one, &spec("lock", 60_000)).await;
    let waits = patient("lock").build().unwrap();
    let next = {
        let waits = waits.clone();
        let first = spawn(async move { drop(other.acquire(&waits).await) });
        eventually(until(async || places(&db, "lock").await == 1)).await;
        first
    };
    let last = spawn(async move { third.acquire(&waits).await.unwrap() });
    eventually(until(async || places(&db, "lock").await == 2)).await;
    drop(held);
    next.abort();
    let guard = eventually(last).await.unwrap();
    guard.release().await.unwrap();
}
