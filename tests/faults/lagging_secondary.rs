//! A service that reads from secondaries, and secondaries that lag: a fenced write of an older holder is
//! refused, and says so.

use mongo_lock_runtime::{FencedWrite, Lease, LockClient, LockGuard};
use mongo_lock_testkit::{Server, Topology};
use mongodb::{
    Client, Collection,
    bson::{Document, doc},
    options::{Acknowledgment, CollectionOptions, ReadPreference, SelectionCriteria, WriteConcern},
};

use crate::support::{acquire, eventually, ms, spec, until};

fn reads_from(preference: ReadPreference) -> CollectionOptions {
    CollectionOptions::builder()
        .selection_criteria(SelectionCriteria::ReadPreference(preference))
        // No majority acknowledges a write while the secondaries stand still.
        .write_concern(WriteConcern::nodes(1))
        .build()
}

/// Stops or resumes the replication on a node.
async fn stop_replication(node: &Client, stop: bool) {
    let mode = if stop { "alwaysOn" } else { "off" };
    let command = doc! { "configureFailPoint": "rsSyncApplyStop", "mode": mode };
    node.database("admin").run_command(command).await.unwrap();
}

/// A lease that was released, and its successor.
async fn older_and_newer(client: &LockClient) -> (Lease, LockGuard) {
    let spec = spec("job", 600_000);
    let older = acquire(client, &spec).await;
    let lease = older.lease().clone();
    older.release().await.unwrap();
    (lease, acquire(client, &spec).await)
}

async fn refused(lease: &Lease, data: &Collection<Document>, id: i32) {
    let update = doc! { "$set": { "by": "older" } };
    let write = lease
        .fenced(data)
        .update_one(doc! { "_id": id }, update)
        .await;
    let write = write.unwrap();
    let fits = matches!(write, FencedWrite::Refused { newer } if newer > lease.token());
    assert!(fits, "{id}: {write:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_holder_is_refused_whatever_the_secondaries_know() {
    let server = Server::builder().topology(Topology::ReplicaSetOfThree);
    let server = server.start().await.unwrap();
    let db = server.database().await;
    let client = LockClient::connect(db.uri()).await.unwrap();
    let (older, newer) = older_and_newer(&client).await;
    let data = db.collection::<Document>("data");
    let everywhere = WriteConcern::nodes(3);
    let insert = data.insert_one(doc! { "_id": 1 });
    insert.write_concern(everywhere).await.unwrap();

    let primary = server.primary().await.unwrap().port();
    let mut secondaries = Vec::new();
    for node in server.nodes() {
        if node.port() != primary {
            let client = node.client().await;
            stop_replication(&client, true).await;
            secondaries.push(client);
        }
    }
    // Until a write no longer reaches a secondary.
    let probe = db.collection::<Document>("probe");
    let reaches_a_secondary = WriteConcern::builder()
        .w(Acknowledgment::Nodes(2))
        .w_timeout(ms(500))
        .build();
    let lags = async || {
        let insert = probe.insert_one(doc! {});
        let written = insert.write_concern(reaches_a_secondary.clone()).await;
        written.is_err()
    };
    eventually(until(lags)).await;

    for (id, preference) in [
        (10, ReadPreference::Primary),
        (20, ReadPreference::Secondary { options: None }),
        (30, ReadPreference::SecondaryPreferred { options: None }),
        (40, ReadPreference::Nearest { options: None }),
    ] {
        let data = db.collection_with_options::<Document>("data", reads_from(preference));
        let by_newer = doc! { "$set": { "by": "newer" } };
        let fence = || newer.lease().fenced(&data);
        // A document that the secondaries know without its token, and one that they do not know.
        if id == 10 {
            let write = fence()
                .update_one(doc! { "_id": 1 }, by_newer.clone())
                .await;
            assert!(write.unwrap().is_applied());
        }
        let write = fence().upsert_one(doc! { "_id": id }, by_newer).await;
        assert!(write.unwrap().is_applied());
        refused(&older, &data, 1).await;
        refused(&older, &data, id).await;
        let nothing = newer.lease().fenced(&data);
        let nothing = nothing.update_one(doc! { "_id": 99 }, doc! { "$set": { "a": 1 } });
        assert_eq!(nothing.await.unwrap(), FencedWrite::NotFound);
    }
    for node in &secondaries {
        stop_replication(node, false).await;
    }
}
