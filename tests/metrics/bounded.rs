//! The number of rows follows from the source, whatever names there are.

use std::collections::BTreeSet;

use mongo_lock_runtime::{LockClient, LockSpec, distributed_lock, observe::Metrics};

use crate::{
    scrape::{self, Scrape},
    support::{acquire, ms, refused},
};

#[distributed_lock(name = "bounded/{id}", ttl = "1m")]
async fn of_a_template(id: u32) {
    let _ = id;
}

#[distributed_lock(name = queue, ttl = "1m")]
async fn of_an_argument(queue: &str) {
    let _ = queue;
}

#[tokio::test]
async fn ten_thousand_names_are_four_labels() {
    scrape::start();
    let client = LockClient::builder().observer(Metrics::new());
    let client = client.build_in_memory().unwrap();
    let round = async |ids: std::ops::Range<u32>| {
        for id in ids {
            let name = format!("bounded-name-{id}");
            let by_hand = LockSpec::new(format!("bounded-by-hand-{id}"), ms(60_000)).unwrap();
            let labelled = LockSpec::builder(format!("bounded-labelled-{id}"), ms(60_000));
            let labelled = labelled.label("bounded, labelled").build().unwrap();
            let calls = async {
                assert!(of_a_template(id).await.unwrap().is_executed());
                assert!(of_an_argument(&name).await.unwrap().is_executed());
            };
            client.scope(calls).await;
            let guard = acquire(&client, &by_hand).await;
            let _ = refused(&client, &by_hand).await;
            drop(guard);
            acquire(&client, &labelled).await.release().await.unwrap();
        }
    };
    // Whatever rows there are, the first calls have brought them.
    round(0..2).await;
    let rows = |scrape: &Scrape| -> BTreeSet<String> {
        let labels = ["bounded/{id}", "queue", "(dynamic)", "bounded, labelled"];
        let ours = |row: &&scrape::Sample| {
            let lock = row.labels.get("lock");
            lock.is_some_and(|lock| labels.contains(&lock.as_str()) || lock.contains("bounded"))
        };
        let rows = scrape.0.iter().filter(ours);
        rows.map(|row| format!("{} {:?}", row.name, row.labels))
            .collect()
    };
    let before = rows(&Scrape::now());
    round(2..10_000).await;
    let scrape = Scrape::now();
    assert_eq!(rows(&scrape), before);
    for lock in ["bounded/{id}", "queue", "bounded, labelled"] {
        let acquired = [("lock", lock), ("outcome", "acquired")];
        let count = scrape.value("mongo_lock_acquisitions_total", &acquired);
        assert_eq!(count, 10_000.0, "{lock}");
        let runs = [("lock", lock), ("outcome", "succeeded")];
        assert_eq!(
            scrape.value("mongo_lock_runs_total", &runs),
            10_000.0,
            "{lock}"
        );
        assert_eq!(scrape.value("mongo_lock_held", &[("lock", lock)]), 0.0);
    }
    let skipped = [("lock", "(dynamic)"), ("outcome", "skipped")];
    let skipped = scrape.value("mongo_lock_acquisitions_total", &skipped);
    // Another test may take such a lock, too.
    assert!(skipped >= 10_000.0, "{skipped}");
    assert!(
        scrape
            .0
            .iter()
            .all(|row| !format!("{row:?}").contains("-9999"))
    );
}
