//! The places of a client in many queues are kept together.

use mongo_lock_testkit::TestDb;
use mongodb::bson::doc;
use tokio::{spawn, time::sleep};

use crate::support::{Commands, acquire, client, eventually, instances, ms, patient, spec, until};

const LOCKS: usize = 100;

/// The number of places that count, by the server's clock.
async fn kept(db: &TestDb) -> usize {
    let stages = [
        doc! { "$unwind": "$queue" },
        doc! { "$match": { "$expr": { "$gt": ["$queue.until", "$$NOW"] } } },
        doc! { "$count": "kept" },
    ];
    let locks = db.collection::<mongodb::bson::Document>("distributed_locks");
    let mut found = locks.aggregate(stages).await.unwrap();
    if !found.advance().await.unwrap() {
        return 0;
    }
    let found = found.deserialize_current().unwrap();
    usize::try_from(found.get_i32("kept").unwrap()).unwrap()
}

#[tokio::test]
async fn many_places_are_kept_with_two_commands_at_a_time() {
    let (db, [holder]) = instances().await;
    let commands = Commands::default();
    let waiting = commands.client(&db).await;
    let mut held = Vec::new();
    let mut waiters = Vec::new();
    for lock in 0..LOCKS {
        let name = format!("lock-{lock}");
        held.push(acquire(&holder, &spec(&name, 60_000)).await);
        let (client, waits) = (waiting.clone(), patient(&name).build().unwrap());
        waiters.push(spawn(async move {
            let guard = client.acquire(&waits).await.unwrap();
            guard.release().await.unwrap();
        }));
    }
    eventually(until(async || kept(&db).await == LOCKS)).await;
    sleep(ms(2500)).await;
    commands.take();
    // Longer than a place lasts without a confirmation.
    sleep(ms(6000)).await;
    let seen = commands.take();
    assert_eq!(kept(&db).await, LOCKS);
    let asked = seen.iter().filter(|command| *command != "getMore").count();
    assert!(asked <= 2 * 6, "{asked}: {seen:?}");
    for held in held {
        held.release().await.unwrap();
    }
    for waiter in waiters {
        eventually(waiter).await.unwrap();
    }
}

/// The client that has asked first goes, with its connections. The places of others are kept all the same.
#[tokio::test]
async fn a_client_that_goes_leaves_the_places_of_its_siblings() {
    let (db, [holder, first]) = instances().await;
    let held = acquire(&holder, &spec("lock", 60_000)).await;
    let second = first.with_owner("second").unwrap();
    let wait = |client: &mongo_lock_runtime::LockClient| {
        let (client, waits) = (client.clone(), patient("lock").build().unwrap());
        spawn(async move { client.acquire(&waits).await })
    };
    let gone = wait(&first);
    eventually(until(async || kept(&db).await == 1)).await;
    let stays = wait(&second);
    eventually(until(async || kept(&db).await == 2)).await;
    first.shutdown().await;
    assert!(gone.await.unwrap().is_err());
    drop(first);
    sleep(ms(6500)).await;
    assert_eq!(kept(&db).await, 1);
    let third = client(&db).await;
    let later = wait(&third);
    held.release().await.unwrap();
    let guard = eventually(stays).await.unwrap().unwrap();
    guard.release().await.unwrap();
    let guard = eventually(later).await.unwrap().unwrap();
    guard.release().await.unwrap();
}
