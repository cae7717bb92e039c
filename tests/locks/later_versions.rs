//! What a later version has written blocks this one: a mode, a protocol, a field that it does not know.

use std::time::{Duration, SystemTime};

use mongo_lock_runtime::{Acquisition, Error, LockClient, LockSpec};
use mongodb::bson::{Bson, DateTime, Document, Uuid, doc};
use tokio::time::timeout;

use crate::support::{PATIENCE, acquire, database, document, locks, ms, spec};

/// A live holder; without a mode for `None`.
fn holder(mode: Option<Bson>) -> Document {
    let end = DateTime::from_system_time(SystemTime::now() + Duration::from_secs(600));
    let mut holder = doc! {
        "lease": Uuid::new(),
        "attempt": 0_i64,
        "owner": "a later version",
        "permits": 4_i64,
        "token": 7_i64,
        "ttl_ms": 600_000_i64,
        "acquired_at": DateTime::now(),
        "expires_at": end,
    };
    if let Some(mode) = mode {
        holder.insert("mode", mode);
    }
    holder
}

fn kinds(name: &str) -> [(&'static str, LockSpec); 3] {
    let with = || LockSpec::builder(name, ms(60_000));
    [
        ("reader", with().shared(true).build().unwrap()),
        ("permit", with().permits(8).build().unwrap()),
        ("writer", with().build().unwrap()),
    ]
}

async fn is_kept_out(client: &LockClient, spec: &LockSpec, what: &str) {
    for wait in [ms(0), ms(100)] {
        let asked = client.acquire_within(spec, wait);
        match timeout(PATIENCE, asked).await.expect("it ends") {
            Ok(Acquisition::Acquired(guard)) => panic!("{what}: {guard:?}"),
            Ok(Acquisition::Skipped(_)) | Err(Error::NotALockDocument { .. }) => {}
            Err(error) => panic!("{what}: {error}"),
        }
    }
}

#[tokio::test]
async fn an_unknown_mode_is_exclusive() {
    let (db, client) = database().await;
    let modes = [
        None,
        Some(Bson::Null),
        Some("intent".into()),
        Some("SHARED".into()),
        Some(1.into()),
        Some(true.into()),
        Some(Bson::Document(doc! { "kind": "shared" })),
    ];
    for (number, mode) in modes.into_iter().enumerate() {
        let name = format!("lock-{number}");
        let before =
            doc! { "_id": &name, "protocol": 1, "holders": [holder(mode)], "token": 7_i64 };
        locks(&db).insert_one(&before).await.unwrap();
        for (kind, spec) in kinds(&name) {
            is_kept_out(&client, &spec, &format!("{before}: {kind}")).await;
        }
        let holders = document(&db, &name).await;
        assert_eq!(holders.get("holders"), before.get("holders"));
    }
}

/// Beside readers whose mode is known.
#[tokio::test]
async fn one_unknown_mode_among_known_ones_is_enough() {
    let (db, client) = database().await;
    let holders = [
        holder(Some("shared".into())),
        holder(Some("intent".into())),
        holder(Some("shared".into())),
    ];
    let before = doc! { "_id": "lock", "protocol": 1, "holders": holders.to_vec(), "token": 7_i64 };
    locks(&db).insert_one(&before).await.unwrap();
    for (kind, spec) in kinds("lock") {
        is_kept_out(&client, &spec, kind).await;
    }
}

#[tokio::test]
async fn another_protocol_is_refused_and_left_alone() {
    let (db, client) = database().await;
    for (number, protocol) in [
        Bson::Int32(2),
        Bson::Int64(2),
        Bson::Double(1.5),
        Bson::Int32(0),
        Bson::String("1".into()),
    ]
    .into_iter()
    .enumerate()
    {
        for (holders, what) in [(vec![], "free"), (vec![holder(None)], "held")] {
            let name = format!("lock-{number}-{what}");
            let before = doc! {
                "_id": &name, "protocol": protocol.clone(), "holders": holders, "token": 7_i64,
            };
            locks(&db).insert_one(&before).await.unwrap();
            for (kind, spec) in kinds(&name) {
                let error = client.try_acquire(&spec).await.unwrap_err();
                let fits = matches!(error, Error::NotALockDocument { .. });
                assert!(fits, "{before}: {kind}: {error}");
                assert!(error.to_string().contains("protocol"), "{error}");
                is_kept_out(&client, &spec, &format!("{before}: {kind}")).await;
            }
            assert_eq!(document(&db, &name).await, before);
        }
    }
}

#[tokio::test]
async fn fields_that_are_not_known_stay_as_they_are() {
    let (db, client) = database().await;
    let control = doc! { "paused": false, "note": "ours" };
    let lock = doc! {
        "_id": "lock", "protocol": 1, "holders": [], "token": 7_i64,
        "control": control.clone(), "shape": 3,
    };
    locks(&db).insert_one(lock).await.unwrap();
    for (_, spec) in kinds("lock") {
        let guard = acquire(&client, &spec).await;
        guard.lease().extend(ms(120_000)).await.unwrap();
        guard.release().await.unwrap();
    }
    let guard = acquire(&client, &spec("lock", 60_000)).await;
    let waits = spec("lock", 60_000);
    let (handed_over, released) = tokio::join!(client.acquire(&waits), guard.release());
    released.unwrap();
    handed_over.unwrap().release().await.unwrap();
    let after = document(&db, "lock").await;
    assert_eq!(after.get_document("control"), Ok(&control));
    assert_eq!(after.get_i32("shape"), Ok(3));
}
