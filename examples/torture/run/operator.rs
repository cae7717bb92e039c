//! An operator that deletes lock documents by hand, without regard to their holders.
//!
//! From then on, the library must notice in time, and tokens must go on growing.

use std::sync::Arc;

use anyhow::Result;
use mongo_lock_testkit::Server;
use mongodb::{
    bson::{Document, doc},
    options::{CollectionOptions, WriteConcern},
};
use tokio::time::{Instant, sleep};

use super::{DATABASE, clock::now, jobs::NAMES, ledger::Ledger, random::Random};

pub(crate) async fn torment(
    server: Arc<Server>,
    faults: Arc<Ledger>,
    mut random: Random,
    end: Instant,
) -> Result<()> {
    let majority = WriteConcern::majority();
    let options = CollectionOptions::builder().write_concern(majority).build();
    let database = server.client().await.database(DATABASE);
    let locks = database.collection_with_options::<Document>("distributed_locks", options);
    loop {
        sleep(random.millis(1500..5000)).await;
        if Instant::now() >= end {
            return Ok(());
        }
        let name = random.pick(&NAMES);
        let from = now();
        let result = locks.delete_one(doc! { "_id": name }).await;
        let ok = result.is_ok();
        faults.write(
            "removed",
            format_args!("name={name} from={from} ok={ok} text={result:?}"),
        );
    }
}
