//! Several locks at once, all or nothing.

use mongo_lock_runtime::{Acquisition, Error, LockClient, LockSpec};
use mongo_lock_testkit::Server;
use mongodb::{
    Client,
    bson::{Document, doc},
};

use crate::support::{Worker, acquire, document, instances, patient, refused, spec, worker_input};

const PROCESSES: usize = 16;
const ROUNDS: i64 = 5;

#[tokio::test]
async fn opposite_orders_in_many_processes_end_with_exact_totals() {
    let db = Server::shared().await.database().await;
    let counters = db.collection::<Document>("counters");
    counters
        .insert_one(doc! { "_id": 1, "count": 0_i64 })
        .await
        .unwrap();
    let workers: Vec<_> = (0..PROCESSES)
        .map(|number| Worker::start("several::worker", &format!("{number} {}", db.uri())))
        .collect();
    for worker in workers {
        let (status, output) = worker.finish();
        assert!(status.success(), "{output}");
    }
    let total = counters.find_one(doc! {}).await.unwrap().unwrap();
    let expected = i64::try_from(PROCESSES).unwrap() * ROUNDS;
    assert_eq!(total.get_i64("count").unwrap(), expected);
}

#[tokio::test]
#[ignore = "one of the processes of the test above"]
async fn worker() {
    let Some(input) = worker_input() else { return };
    let (number, uri) = input.split_once(' ').unwrap();
    let number: usize = number.parse().unwrap();
    let client = LockClient::connect(uri).await.unwrap();
    let driver = Client::with_uri_str(uri).await.unwrap();
    let counters = driver
        .default_database()
        .unwrap()
        .collection::<Document>("counters");
    let mut specs = ["a", "b", "c"].map(|name| patient(name).build().unwrap());
    specs.rotate_left(number % 3);
    if number.is_multiple_of(2) {
        specs.reverse();
    }
    for _ in 0..ROUNDS {
        let locks = client
            .acquire_all(&specs)
            .await
            .unwrap()
            .acquired()
            .unwrap();
        // Not atomic: it counts right under the locks alone.
        let count = counters.find_one(doc! {}).await.unwrap().unwrap();
        let next = count.get_i64("count").unwrap() + 1;
        let update = doc! { "$set": { "count": next } };
        counters.update_one(doc! {}, update).await.unwrap();
        locks.release().await.unwrap();
    }
}

#[tokio::test]
async fn a_refusal_leaves_the_others_free() {
    let (db, [one, other]) = instances().await;
    let held = acquire(&one, &spec("b", 60_000)).await;
    let specs = ["c", "a", "b"].map(|name| spec(name, 60_000));
    for client in [&one, &other] {
        match client.acquire_all(&specs).await.unwrap() {
            Acquisition::Acquired(locks) => panic!("{locks:?}"),
            Acquisition::Skipped(skipped) => {
                assert_eq!(skipped.name.as_str(), "b");
                assert_eq!(skipped.holder().unwrap().token, held.token());
            }
        }
        for free in ["a", "c"] {
            let document = document(&db, free).await;
            assert!(document.get_array("holders").is_ok_and(Vec::is_empty) || document.is_empty());
        }
    }
    held.release().await.unwrap();
    let locks = other.acquire_all(&specs).await.unwrap().acquired().unwrap();
    let names = locks.guards().iter().map(|guard| guard.name().as_str());
    assert_eq!(names.collect::<Vec<_>>(), ["c", "a", "b"]);
    for spec in &specs {
        let _ = refused(&one, spec).await;
    }
    locks.release().await.unwrap();
    for spec in &specs {
        acquire(&one, spec).await.release().await.unwrap();
    }
}

#[tokio::test]
async fn a_name_that_is_given_twice_is_an_error() {
    let (_db, [client]) = instances().await;
    let twice = [spec("a", 1000), spec("b", 1000), spec("a", 2000)];
    let error = client.acquire_all(&twice).await.unwrap_err();
    assert!(matches!(error, Error::InvalidArgument { .. }), "{error}");
    assert!(
        error.to_string().contains("`a` is asked for twice"),
        "{error}"
    );
    let none: [LockSpec; 0] = [];
    let locks = client.acquire_all(&none).await.unwrap().acquired().unwrap();
    locks.release().await.unwrap();
}
