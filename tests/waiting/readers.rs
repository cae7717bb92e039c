//! Readers share a lock; a writer has it alone, and is not starved.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use mongo_lock_runtime::LockSpec;
use tokio::{spawn, time::sleep};

use crate::support::{acquire, eventually, instances, ms, patient, places, refused, spec, until};

fn reader() -> LockSpec {
    LockSpec::builder("lock", ms(60_000))
        .shared(true)
        .build()
        .unwrap()
}

#[tokio::test]
async fn readers_share_and_writers_do_not() {
    let (_db, [one, other]) = instances().await;
    let first = acquire(&one, &reader()).await;
    let second = acquire(&one, &reader()).await;
    let third = acquire(&other, &reader()).await;
    let _ = refused(&other, &spec("lock", 1000)).await;
    for guard in [first, second, third] {
        let _ = refused(&one, &spec("lock", 1000)).await;
        guard.release().await.unwrap();
    }
    let writer = acquire(&one, &spec("lock", 60_000)).await;
    let _ = refused(&one, &reader()).await;
    let _ = refused(&other, &reader()).await;
    writer.release().await.unwrap();
    acquire(&other, &reader()).await.release().await.unwrap();
}

#[tokio::test]
async fn a_reader_does_not_overtake_a_writer_that_waits() {
    let (db, [one, other, third]) = instances().await;
    let reads = acquire(&one, &reader()).await;
    let alone = patient("lock").build().unwrap();
    let writer = spawn(async move { other.acquire(&alone).await.unwrap() });
    eventually(until(async || places(&db, "lock").await == 1)).await;
    let _ = refused(&third, &reader()).await;
    let _ = refused(&one, &reader()).await;
    // These go in after the writer, together.
    let readers: Vec<_> = (0..6)
        .map(|number| {
            let client = if number % 2 == 0 { &one } else { &third };
            let (client, waits) = (
                client.clone(),
                patient("lock").shared(true).build().unwrap(),
            );
            spawn(async move { client.acquire(&waits).await.unwrap() })
        })
        .collect();
    eventually(until(async || places(&db, "lock").await == 3)).await;
    reads.release().await.unwrap();
    let writer = eventually(writer).await.unwrap();
    assert!(readers.iter().all(|reader| !reader.is_finished()));
    writer.release().await.unwrap();
    let mut held = Vec::new();
    for reader in readers {
        held.push(eventually(reader).await.unwrap());
    }
    assert!(held.iter().all(|reader| reader.time_left() > ms(0)));
}

#[tokio::test]
async fn readers_who_come_and_go_do_not_starve_a_writer() {
    let (_db, [one, other, third]) = instances().await;
    let done = Arc::new(AtomicBool::default());
    // There is always one of them.
    let readers: Vec<_> = (0..6)
        .map(|number| {
            let client = if number % 2 == 0 { &one } else { &other };
            let (client, done) = (client.clone(), Arc::clone(&done));
            spawn(async move {
                let waits = patient("lock").shared(true).build().unwrap();
                sleep(ms(40) * number).await;
                while !done.load(Ordering::Relaxed) {
                    let guard = client.acquire(&waits).await.unwrap();
                    sleep(ms(240)).await;
                    guard.release().await.unwrap();
                }
            })
        })
        .collect();
    sleep(ms(500)).await;
    for _ in 0..3 {
        let waits = patient("lock").build().unwrap();
        let guard = eventually(third.acquire(&waits)).await.unwrap();
        guard.release().await.unwrap();
    }
    done.store(true, Ordering::Relaxed);
    for reader in readers {
        eventually(reader).await.unwrap();
    }
}
