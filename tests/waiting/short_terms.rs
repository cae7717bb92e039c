//! A leader whose task returns at once does not keep the server busy with elections.

use std::{
    ops::ControlFlow,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    time::Duration,
};

use mongo_lock_runtime::{LockClient, LockSpec};
use tokio::time::timeout;

use crate::support::{Commands, database, ms};

const TIME: Duration = ms(3000);

fn office() -> LockSpec {
    LockSpec::builder("office", ms(10_000))
        .renew(true)
        .build()
        .unwrap()
}

#[tokio::test]
async fn a_growing_pause_follows_a_term_that_was_too_short() {
    let (db, _) = database().await;
    let commands = Commands::default();
    let client = commands.client(&db).await;
    let terms = AtomicUsize::new(0);
    let office = office();
    let led = client.lead(&office, async |_| {
        terms.fetch_add(1, Relaxed);
        ControlFlow::<()>::Continue(())
    });
    timeout(TIME, led).await.unwrap_err();
    let (terms, commands) = (terms.into_inner(), commands.take());
    assert!(terms >= 2, "it stands again");
    // 100 ms, 200 ms, 400 ms …
    assert!(terms <= 8, "{terms} terms in {TIME:?}");
    assert!(commands.len() <= 40, "{}: {commands:?}", commands.len());
}

#[tokio::test]
async fn two_of_them_keep_each_other_no_busier() {
    let (db, _) = database().await;
    let log = Commands::default();
    let (one, two) = (log.client(&db).await, log.client(&db).await);
    let terms = AtomicUsize::new(0);
    let office = office();
    let lead = async |client: &LockClient| {
        let led = client.lead(&office, async |_| {
            terms.fetch_add(1, Relaxed);
            ControlFlow::<()>::Continue(())
        });
        led.await.unwrap();
    };
    let both = async { tokio::join!(lead(&one), lead(&two)) };
    timeout(TIME, both).await.unwrap_err();
    let (terms, commands) = (terms.into_inner(), log.take());
    assert!(terms >= 2, "they stand again");
    assert!(terms <= 16, "{terms} terms in {TIME:?}");
    assert!(commands.len() <= 120, "{}: {commands:?}", commands.len());
}

#[tokio::test(start_paused = true)]
async fn in_memory_neither() {
    let client = LockClient::in_memory();
    let terms = AtomicUsize::new(0);
    let office = office();
    let led = client.lead(&office, async |_| {
        terms.fetch_add(1, Relaxed);
        ControlFlow::<()>::Continue(())
    });
    timeout(Duration::from_secs(600), led).await.unwrap_err();
    // Up to a ttl apart, at least three quarters of it.
    let terms = terms.into_inner();
    assert!(terms <= 90, "{terms} terms in ten minutes");
}
