//! First come, first served, across processes and within one.

use std::time::{Duration, SystemTime};

use mongo_lock_runtime::LockClient;
use mongo_lock_testkit::Server;
use tokio::{spawn, time::sleep};

use crate::support::{Worker, acquire, client, ms, patient, say, spec, worker_input};

const PROCESSES: u64 = 5;
const WAITERS: u64 = 10;
/// Between one that asks and the next.
const APART: Duration = ms(30);
/// The server learns of it when a request arrives. What is closer than this may change places on a
/// machine with other things to do.
const CLOSE: Duration = ms(100);

#[tokio::test]
async fn fifty_waiters_in_five_processes_get_it_in_the_order_of_asking() {
    let db = Server::shared().await.database().await;
    let client = client(&db).await;
    let held = acquire(&client, &spec("lock", 120_000)).await;
    let start = SystemTime::now() + Duration::from_secs(3);
    let at = since_1970(start).as_millis();
    let workers: Vec<_> = (0..PROCESSES)
        .map(|number| {
            let input = format!("{number} {at} {}", db.uri());
            Worker::start("order::worker", &input)
        })
        .collect();
    let all = APART * u32::try_from(PROCESSES * WAITERS).unwrap();
    let wait = start.duration_since(SystemTime::now()).unwrap_or_default();
    sleep(wait + all + Duration::from_secs(1)).await;
    held.release().await.unwrap();

    let mut turns = Vec::new();
    for worker in workers {
        let (status, output) = worker.finish();
        assert!(status.success(), "{output}");
        // The harness may have begun the line.
        let lines = output.lines().filter_map(|line| line.split_once("asked "));
        turns.extend(lines.map(|(_, line)| {
            let (asked, token) = line.split_once(' ').unwrap();
            let asked = Duration::from_micros(asked.parse().unwrap());
            (token.parse::<i64>().unwrap(), asked)
        }));
    }
    assert_eq!(turns.len(), usize::try_from(PROCESSES * WAITERS).unwrap());
    turns.sort_unstable();
    for (at, (_, asked)) in turns.iter().enumerate() {
        let overtaken = turns[at..]
            .iter()
            .find(|(_, later)| *later + CLOSE < *asked);
        assert_eq!(overtaken, None, "by one who asked at {asked:?}: {turns:?}");
    }
}

#[tokio::test]
#[ignore = "one of the processes of the test above"]
async fn worker() {
    let Some(input) = worker_input() else { return };
    let [number, start, uri] = input.splitn(3, ' ').collect::<Vec<_>>()[..] else {
        panic!("{input}");
    };
    let number: u64 = number.parse().unwrap();
    let start = SystemTime::UNIX_EPOCH + ms(start.parse().unwrap());
    let client = LockClient::connect(uri).await.unwrap();
    let waiters: Vec<_> = (0..WAITERS)
        .map(|nth| {
            let client = client.clone();
            let at = start + APART * u32::try_from(nth * PROCESSES + number).unwrap();
            spawn(async move {
                sleep(at.duration_since(SystemTime::now()).unwrap_or_default()).await;
                let asked = since_1970(SystemTime::now()).as_micros();
                let guard = client
                    .acquire(&patient("lock").build().unwrap())
                    .await
                    .unwrap();
                say(&format!("asked {asked} {}", guard.token()));
                guard.release().await.unwrap();
            })
        })
        .collect();
    for waiter in waiters {
        waiter.await.unwrap();
    }
}

fn since_1970(time: SystemTime) -> Duration {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap()
}
