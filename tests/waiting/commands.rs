//! What waiting costs, in commands.

use mongo_lock_runtime::{Acquisition, Error};
use tokio::{spawn, task::JoinHandle};

use crate::support::{
    Commands, acquire, eventually, holder_of, instances, ms, patient, places, spec, until,
};

#[tokio::test]
async fn a_lock_that_the_process_holds_is_refused_without_a_command() {
    let (db, []) = instances().await;
    let commands = Commands::default();
    let client = commands.client(&db).await;
    let held = acquire(&client, &spec("lock", 60_000)).await;
    commands.take();
    let seen = holder_of(&client, &spec("lock", 60_000)).await;
    assert_eq!(commands.take(), [""; 0]);
    assert_eq!(seen.token, held.token());
    assert_eq!(seen.since, held.acquired_at());
    assert_eq!(seen.owner, client.owner());
    held.release().await.unwrap();
    acquire(&client, &spec("lock", 60_000))
        .await
        .release()
        .await
        .unwrap();
}

#[tokio::test]
async fn a_hand_over_within_a_process_is_one_command() {
    const TASKS: usize = 32;
    const ROUNDS: usize = 10;
    let (db, []) = instances().await;
    let commands = Commands::default();
    let client = commands.client(&db).await;
    let mut tasks = Vec::new();
    for _ in 0..TASKS {
        let client = client.clone();
        tasks.push(spawn(async move {
            for _ in 0..ROUNDS {
                let guard = client
                    .acquire(&patient("lock").build().unwrap())
                    .await
                    .unwrap();
                guard.release().await.unwrap();
            }
        }));
    }
    for task in tasks {
        eventually(task).await.unwrap();
    }
    let commands = commands.take();
    assert!(
        commands.len() < TASKS * ROUNDS * 12 / 10,
        "{}",
        commands.len()
    );
}

#[tokio::test]
async fn a_hand_over_to_another_process_is_five_commands_at_most() {
    let (db, []) = instances().await;
    let commands = Commands::default();
    let (one, other) = (commands.client(&db).await, commands.client(&db).await);
    let held = acquire(&one, &spec("lock", 60_000)).await;
    // Once before, so that the cursor for wake-ups is there.
    let waits = patient("lock").build().unwrap();
    let asks = async || {
        let (client, waits) = (other.clone(), waits.clone());
        let waiter =
            spawn(async move { client.acquire_within(&waits, waits.wait().unwrap()).await });
        eventually(until(async || places(&db, "lock").await == 1)).await;
        Some(waiter)
    };
    let first = asks().await.unwrap();
    tokio::time::sleep(ms(300)).await;
    held.release().await.unwrap();
    let granted = async |waiter: JoinHandle<Result<Acquisition, Error>>| {
        let acquisition = eventually(waiter).await.unwrap();
        acquisition.unwrap().acquired().unwrap()
    };
    granted(first).await.release().await.unwrap();
    let mut rounds = Vec::new();
    for _ in 0..5 {
        let held = acquire(&one, &spec("lock", 60_000)).await;
        commands.take();
        let waiter = asks().await.unwrap();
        held.release().await.unwrap();
        let held = granted(waiter).await;
        let seen = commands.take();
        held.release().await.unwrap();
        let (news, locks): (Vec<_>, Vec<_>) = seen.into_iter().partition(|it| it == "getMore");
        assert!(news.len() <= 2, "{news:?}");
        rounds.push(locks);
    }
    // To stand in line, to find out that a release must say whose turn it is, to say so, to wake the
    // waiter, to ask again. A change stream would save the wake-up, and cost the server more for each write
    // of the whole deployment.
    let fewest = rounds.iter().map(Vec::len).min();
    assert_eq!(fewest, Some(5), "{rounds:?}");
    // The confirmation of places, which comes every 1.2 to 2 s, may fall into a round.
    assert!(rounds.iter().all(|locks| locks.len() <= 6), "{rounds:?}");
}
