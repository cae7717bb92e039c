//! Several holders at once, and no more than they agree on.

use tokio::spawn;

use mongo_lock_runtime::LockSpec;

use crate::{
    polling::log,
    support::{acquire, eventually, instances, ms, patient, places, refused, spec, until},
};

fn permits(count: u32) -> LockSpec {
    LockSpec::builder("lock", ms(60_000))
        .permits(count)
        .build()
        .unwrap()
}

#[tokio::test]
async fn so_many_hold_it_and_no_more() {
    let (_db, [one, other]) = instances().await;
    let first = acquire(&one, &permits(3)).await;
    let second = acquire(&other, &permits(3)).await;
    let third = acquire(&one, &permits(3)).await;
    assert!(first.token() < second.token() && second.token() < third.token());
    let _ = refused(&one, &permits(3)).await;
    let _ = refused(&other, &permits(3)).await;
    second.release().await.unwrap();
    let again = acquire(&one, &permits(3)).await;
    let _ = refused(&other, &permits(3)).await;
    for guard in [first, third, again] {
        guard.release().await.unwrap();
    }
}

#[tokio::test]
async fn where_instances_disagree_the_strictest_decides() {
    const TOLD: &str = "instances disagree on how many permits";
    let (log, _guards) = log();
    let (_db, [one, other]) = instances().await;
    let two = acquire(&one, &permits(2)).await;
    assert_eq!(log.count(TOLD), 0);
    let five = acquire(&other, &permits(5)).await;
    assert_eq!(log.count(TOLD), 1);
    let _ = refused(&other, &permits(5)).await;
    two.release().await.unwrap();
    let four = acquire(&other, &permits(4)).await;
    let _ = refused(&one, &permits(2)).await;
    let _ = refused(&one, &spec("lock", 1000)).await;
    drop((five, four));
}

#[tokio::test]
async fn a_free_permit_wakes_the_next() {
    let (db, [one, other]) = instances().await;
    let first = acquire(&one, &permits(2)).await;
    let second = acquire(&one, &permits(2)).await;
    let waits = patient("lock").permits(2).build().unwrap();
    let waiters: Vec<_> = (0..2)
        .map(|_| {
            let (client, waits) = (other.clone(), waits.clone());
            spawn(async move { client.acquire(&waits).await.unwrap() })
        })
        .collect();
    eventually(until(async || places(&db, "lock").await == 1)).await;
    first.release().await.unwrap();
    second.release().await.unwrap();
    let mut held = Vec::new();
    for waiter in waiters {
        held.push(eventually(waiter).await.unwrap());
    }
    let _ = refused(&one, &permits(2)).await;
    drop(held);
}
