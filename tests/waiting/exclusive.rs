//! A waiter gets the lock when it is free, in the order of asking.

use std::sync::Arc;

use mongo_lock_runtime::SkipReason;
use mongodb::bson::{Document, doc};
use tokio::{spawn, sync::Mutex};

use crate::support::{acquire, eventually, instances, ms, patient, places, refused, spec, until};

#[tokio::test]
async fn a_waiter_elsewhere_gets_the_lock_when_it_is_released() {
    let (db, [one, other]) = instances().await;
    let held = acquire(&one, &spec("lock", 60_000)).await;
    let waits = patient("lock").build().unwrap();
    let waiter = spawn(async move { other.acquire_within(&waits, waits.wait().unwrap()).await });
    eventually(until(async || places(&db, "lock").await == 1)).await;
    let token = held.token();
    held.release().await.unwrap();
    let acquired = eventually(waiter)
        .await
        .unwrap()
        .unwrap()
        .acquired()
        .unwrap();
    assert!(acquired.token() > token);
    assert_eq!(places(&db, "lock").await, 0);
}

#[tokio::test]
async fn a_waiter_gets_the_lock_when_its_holder_is_lost() {
    let (db, [one, other]) = instances().await;
    let held = acquire(&one, &spec("lock", 1000)).await;
    let waits = patient("lock").build().unwrap();
    let waiter = spawn(async move { other.acquire_within(&waits, waits.wait().unwrap()).await });
    eventually(until(async || places(&db, "lock").await == 1)).await;
    let ends = held.expires_at();
    std::mem::forget(held);
    let acquired = eventually(waiter)
        .await
        .unwrap()
        .unwrap()
        .acquired()
        .unwrap();
    assert!(acquired.acquired_at() >= ends);
    let late = acquired.acquired_at().duration_since(ends).unwrap();
    assert!(late < ms(1500), "{late:?}");
}

#[tokio::test]
async fn a_queue_full_of_the_dead_is_in_no_callers_way() {
    let (db, [one, other]) = instances().await;
    acquire(&one, &spec("lock", 60_000))
        .await
        .release()
        .await
        .unwrap();
    let fill = async || {
        let dead = doc! { "$map": { "input": { "$range": [0, 500] }, "in": {
            "id": { "$toString": "$$this" },
            "lease": null,
            "owner": "dead",
            "mode": "exclusive",
            "permits": 1,
            "since": { "$subtract": ["$$NOW", 100_000] },
            "seen_at": { "$subtract": ["$$NOW", 10_000] },
            "until": { "$subtract": ["$$NOW", 5000] },
        } } };
        db.collection::<Document>("distributed_locks")
            .update_one(
                doc! { "_id": "lock" },
                vec![doc! { "$set": { "queue": dead } }],
            )
            .await
            .unwrap();
        assert_eq!(places(&db, "lock").await, 500);
    };
    fill().await;
    let held = acquire(&one, &spec("lock", 60_000)).await;
    assert_eq!(places(&db, "lock").await, 0);
    fill().await;
    let waits = patient("lock").build().unwrap();
    let waiter = spawn(async move { other.acquire(&waits).await.unwrap() });
    eventually(until(async || places(&db, "lock").await == 1)).await;
    held.release().await.unwrap();
    eventually(waiter).await.unwrap().release().await.unwrap();
}

#[tokio::test]
async fn callers_of_one_client_and_of_another_take_turns_in_the_order_of_asking() {
    let (_db, [one, other, third]) = instances().await;
    let held = acquire(&third, &spec("lock", 60_000)).await;
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = Vec::new();
    let asking = [&one, &one, &other, &one, &other, &other, &one, &other];
    for (number, client) in asking.into_iter().enumerate() {
        let (client, order) = (client.clone(), Arc::clone(&order));
        tasks.push(spawn(async move {
            let guard = client
                .acquire(&patient("lock").build().unwrap())
                .await
                .unwrap();
            order.lock().await.push((number, guard.token()));
            guard.release().await.unwrap();
        }));
        tokio::time::sleep(ms(60)).await;
    }
    held.release().await.unwrap();
    for task in tasks {
        eventually(task).await.unwrap();
    }
    let order = order.lock().await.clone();
    let numbers: Vec<_> = order.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6, 7]);
    assert!(order.is_sorted_by(|a, b| a.1 < b.1), "{order:?}");
}

#[tokio::test]
async fn a_caller_that_does_not_wait_does_not_overtake() {
    let (db, [one, other, third]) = instances().await;
    let other = other.with_owner("other").unwrap();
    for _ in 0..10 {
        let held = acquire(&one, &spec("lock", 60_000)).await;
        let (client, waits) = (other.clone(), patient("lock").build().unwrap());
        let waiter = spawn(async move { client.acquire(&waits).await.unwrap() });
        eventually(until(async || places(&db, "lock").await == 1)).await;
        drop(held);
        // Free or not, it is not for a later caller, until the waiter has had it.
        eventually(until(async || {
            let skipped = refused(&third, &spec("lock", 1000)).await;
            let owner = match &skipped.reason {
                SkipReason::Held(holder) => &holder.owner,
                SkipReason::Reserved(next) => &next.owner,
                other => panic!("{other:?}"),
            };
            owner == "other"
        }))
        .await;
        eventually(waiter).await.unwrap().release().await.unwrap();
    }
}
