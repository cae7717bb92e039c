//! Of several processes one leads, and another one when it is gone.

use std::{
    ops::ControlFlow,
    time::{Duration, SystemTime},
};

use mongo_lock_runtime::{Error, Lease, LockClient, LockSpec};
use mongo_lock_testkit::{Server, TestDb};
use mongodb::{
    Client, Collection,
    bson::{Bson, Document, doc},
};
use tokio::time::sleep;

use crate::support::{Worker, eventually, instances, ms, spec, until, worker_input};

const PROCESSES: usize = 5;
const TTL: Duration = Duration::from_secs(3);

fn office() -> LockSpec {
    LockSpec::builder("office", TTL)
        .renew(true)
        .build()
        .unwrap()
}

/// Who leads, by token, with the times at which it began and ended, in microseconds.
#[derive(Debug, Clone, Copy)]
struct Term {
    token: i64,
    worker: i32,
    began: i64,
    ended: Option<i64>,
}

async fn terms(db: &TestDb) -> Vec<Term> {
    let mut cursor = db
        .collection::<Document>("terms")
        .find(doc! {})
        .sort(doc! { "_id": 1 })
        .await
        .unwrap();
    let mut terms = Vec::new();
    while cursor.advance().await.unwrap() {
        let term = cursor.deserialize_current().unwrap();
        terms.push(Term {
            token: term.get_i64("_id").unwrap(),
            worker: term.get_i32("worker").unwrap(),
            began: term.get_i64("began").unwrap(),
            ended: term.get("ended").and_then(Bson::as_i64),
        });
    }
    terms
}

#[tokio::test]
async fn one_leads_and_the_next_when_it_steps_down_or_dies() {
    let db = Server::shared().await.database().await;
    let mut workers: Vec<_> = (0..PROCESSES)
        .map(|number| Worker::start("leader::worker", &format!("{number} {}", db.uri())))
        .collect();
    let lead = async |count| {
        eventually(until(async || terms(&db).await.len() >= count)).await;
        terms(&db).await[count - 1]
    };
    let first = lead(1).await;
    // The others are in line, and listen.
    sleep(ms(3000)).await;
    assert_eq!(terms(&db).await.len(), 1, "it stays");

    // On purpose, a few times: a busy machine may be late once.
    let mut fastest = Duration::MAX;
    for count in 2..=4 {
        let leader = lead(count - 1).await;
        let wish = doc! { "_id": leader.token };
        db.collection::<Document>("wishes")
            .insert_one(wish)
            .await
            .unwrap();
        let next = lead(count).await;
        assert!(
            next.worker != leader.worker,
            "it stands behind those who wait"
        );
        let ended = terms(&db).await[count - 2].ended.unwrap();
        assert!(next.began >= ended, "one at a time");
        fastest = fastest.min(Duration::from_micros((next.began - ended).unsigned_abs()));
    }
    assert!(fastest < Duration::from_secs(1), "{fastest:?}");

    let leader = lead(4).await;
    assert!(first.token < leader.token);
    workers[usize::try_from(leader.worker).unwrap()].kill();
    let killed = now();
    let next = lead(5).await;
    assert_ne!(next.worker, leader.worker);
    let took = Duration::from_micros((next.began - killed).unsigned_abs());
    // And a busy machine's share.
    assert!(took < TTL + ms(3000), "{took:?}");
}

#[tokio::test]
#[ignore = "one of the processes of the test above"]
async fn worker() {
    let Some(input) = worker_input() else { return };
    let (number, uri) = input.split_once(' ').unwrap();
    let number: i32 = number.parse().unwrap();
    let client = LockClient::connect(uri).await.unwrap();
    let driver = Client::with_uri_str(uri).await.unwrap();
    let database = driver.default_database().unwrap();
    let terms = database.collection::<Document>("terms");
    let wishes = database.collection::<Document>("wishes");
    let ended: Result<(), Error> = client
        .lead(&office(), |lease| {
            serve(lease, number, terms.clone(), wishes.clone())
        })
        .await;
    unreachable!("{ended:?}");
}

async fn serve(
    lease: Lease,
    worker: i32,
    terms: Collection<Document>,
    wishes: Collection<Document>,
) -> ControlFlow<()> {
    let term = doc! { "_id": lease.token(), "worker": worker, "began": now() };
    terms.insert_one(term).await.unwrap();
    let ours = doc! { "_id": lease.token() };
    while wishes.find_one(ours.clone()).await.unwrap().is_none() {
        sleep(ms(20)).await;
    }
    let ended = doc! { "$set": { "ended": now() } };
    terms.update_one(ours, ended).await.unwrap();
    ControlFlow::Continue(())
}

fn now() -> i64 {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap();
    i64::try_from(since.as_micros()).unwrap()
}

#[tokio::test]
async fn a_task_that_is_done_ends_it_and_frees_the_lock() {
    let (_db, [client]) = instances().await;
    let token = client
        .lead(&office(), async |lease| ControlFlow::Break(lease.token()))
        .await
        .unwrap();
    let guard = client.acquire(&office()).await.unwrap();
    assert!(guard.token() > token);
}

#[tokio::test]
async fn what_could_not_elect_one_leader_is_refused() {
    let (_db, [client]) = instances().await;
    let renewed = || LockSpec::builder("office", TTL).renew(true);
    for (spec, problem) in [
        (spec("office", 1000), "ask for `renew`"),
        (renewed().permits(2).build().unwrap(), "only one can lead"),
        (renewed().shared(true).build().unwrap(), "only one can lead"),
    ] {
        let led = client.lead(&spec, async |_| ControlFlow::Break(()));
        let error = eventually(led).await.unwrap_err().to_string();
        assert!(error.contains(problem), "{error}");
    }
}

#[tokio::test]
async fn a_shutdown_ends_it() {
    let (_db, [client]) = instances().await;
    let office = office();
    let led = client.lead(&office, async |_| {
        std::future::pending::<ControlFlow<()>>().await
    });
    let shutdown = async {
        eventually(until(async || {
            client
                .try_acquire(&office)
                .await
                .unwrap()
                .skipped()
                .is_some()
        }))
        .await;
        eventually(client.shutdown()).await
    };
    let (ended, report) = tokio::join!(led, shutdown);
    assert!(matches!(ended, Err(Error::ShutDown { .. })), "{ended:?}");
    assert!(report.is_clean(), "{report}");
}
