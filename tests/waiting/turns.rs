//! A waiter hears of its turn.

use std::time::{Duration, Instant};

use tokio::spawn;

use crate::support::{eventually, instances, ms, patient};

/// Places are looked at every 1.2 to 2 s, wherever a turn begins between two looks: so a few of many turns
/// without a wake-up take longer than this, and none with one.
const BEAT: Duration = ms(1150);

#[tokio::test]
async fn two_that_take_turns_never_wait_for_a_beat() {
    const TURNS: usize = 100;
    let (_db, clients) = instances::<2>().await;
    let waits = patient("lock").build().unwrap();
    let tasks = clients.map(|client| {
        let waits = waits.clone();
        spawn(async move {
            let mut longest = Duration::ZERO;
            for turn in 0..TURNS {
                let started = Instant::now();
                let guard = client.acquire(&waits).await.unwrap();
                // Until the cursors are open, they ask by themselves.
                if turn > TURNS / 10 {
                    longest = longest.max(started.elapsed());
                }
                guard.release().await.unwrap();
            }
            longest
        })
    });
    for task in tasks {
        let longest = eventually(task).await.unwrap();
        assert!(longest < BEAT, "{longest:?}");
    }
}
