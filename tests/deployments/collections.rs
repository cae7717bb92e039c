//! Collections and databases in which locks would not work, each with the text that says so.

use mongo_lock_runtime::{LockClient, LockClientBuilder};
use mongo_lock_testkit::{Server, TestDb, Topology};
use mongodb::{
    IndexModel,
    bson::{Document, doc},
    options::IndexOptions,
};

use crate::{
    refusal, says,
    support::{COLLECTION, acquire, locks, spec},
};

/// Whether the user may see the options of the collection.
const LEAST: &[&str] = &["find", "insert", "update", "createIndex"];
const PASSWORD: &str = "hunter2";

async fn create(db: &TestDb, options: Document) {
    let mut create = doc! { "create": COLLECTION };
    create.extend(options);
    db.run_command(create).await.unwrap();
}

fn builder(uri: &str) -> LockClientBuilder {
    LockClient::builder().uri(uri)
}

/// A server on which the least role means something, a database there, and connection strings: for all
/// that the owner of the database may do, and for the least role.
struct Guarded {
    server: Server,
}

impl Guarded {
    async fn start(topology: Topology) -> Self {
        let server = Server::builder()
            .topology(topology)
            .auth("root", PASSWORD)
            .start()
            .await
            .unwrap();
        Self { server }
    }

    async fn database(&self) -> (TestDb, [String; 2]) {
        let db = self.server.database().await;
        let user = format!("least-{}", db.name());
        let least = db.create_user(&user, PASSWORD, LEAST).await.unwrap();
        let root = db.uri();
        (db, [root, least])
    }
}

/// What every kind of collection that can keep no locks says, with all privileges and with the least role.
#[tokio::test]
async fn of_another_kind_are_refused_whatever_the_privileges() {
    let view = doc! { "viewOn": "people", "pipeline": [] };
    let time_series = doc! { "timeseries": { "timeField": "at" } };
    let capped = doc! { "capped": true, "size": 4096 };
    let without_case = doc! { "collation": { "locale": "en", "strength": 2 } };
    let guarded = Guarded::start(Topology::ReplicaSet).await;
    for (options, phrases) in [
        (view, &["view", "plain collection"][..]),
        (time_series, &["time-series collection", "plain collection"]),
        (capped, &["capped collection", "while they are held"]),
        (
            without_case,
            &["collation", "cannot be changed", "may be one lock"],
        ),
    ] {
        let (db, uris) = guarded.database().await;
        create(&db, options).await;
        for uri in uris {
            for create_index in [true, false] {
                let text = refusal(builder(&uri).create_index(create_index)).await;
                says(&text, phrases);
                says(&text, &[&format!("{}.{COLLECTION}", db.name())]);
                says(&text, &[".collection(\"…\")"]);
            }
        }
    }
}

#[tokio::test]
async fn of_another_kind_are_refused_on_a_standalone_server() {
    let server = Server::builder().topology(Topology::Standalone);
    let server = server.start().await.unwrap();
    for (options, phrase) in [
        (doc! { "viewOn": "people", "pipeline": [] }, "a view"),
        (doc! { "capped": true, "size": 4096 }, "capped collection"),
        (
            doc! { "collation": { "locale": "sv", "strength": 3 } },
            "(locale `sv`, strength 3)",
        ),
    ] {
        let db = server.database().await;
        create(&db, options).await;
        let text = refusal(builder(&db.uri()).create_index(false)).await;
        says(&text, &[phrase]);
    }
}

async fn index(db: &TestDb, keys: Document, options: IndexOptions) {
    let index = IndexModel::builder().keys(keys).options(options).build();
    locks(db).create_index(index).await.unwrap();
}

fn unique() -> IndexOptions {
    IndexOptions::builder().unique(true).build()
}

#[tokio::test]
async fn another_unique_index_is_found_and_a_harmless_one_is_not() {
    let set = Guarded::start(Topology::ReplicaSet).await;
    let standalone = Guarded::start(Topology::Standalone).await;
    for (guarded, transactions) in [(&set, true), (&standalone, false)] {
        let (db, [root, least]) = guarded.database().await;
        index(&db, doc! { "email": 1 }, unique()).await;
        let refused = async |uri: &str| {
            let text = refusal(builder(uri)).await;
            says(&text, &["unique index", "second lock", "email_1"]);
            assert_eq!(locks(&db).count_documents(doc! {}).await.unwrap(), 0);
        };
        refused(&root).await;
        if transactions {
            refused(&least).await;
        } else {
            // Neither the listing nor transactions: what the documentation says is not checked.
            builder(&least).build().await.unwrap();
        }

        let (db, uris) = guarded.database().await;
        index(&db, doc! { "_id": 1, "email": 1 }, unique()).await;
        let mut sparse = unique();
        sparse.sparse = Some(true);
        index(&db, doc! { "email": 1 }, sparse).await;
        for uri in uris {
            let client = builder(&uri).build().await.unwrap();
            assert_eq!(locks(&db).count_documents(doc! {}).await.unwrap(), 0);
            let first = acquire(&client, &spec("first", 60_000)).await;
            let second = acquire(&client, &spec("second", 60_000)).await;
            first.release().await.unwrap();
            second.release().await.unwrap();
            locks(&db).delete_many(doc! {}).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_validator_is_tried_out() {
    let set = Guarded::start(Topology::ReplicaSet).await;
    let standalone = Guarded::start(Topology::Standalone).await;
    for (guarded, transactions) in [(&set, true), (&standalone, false)] {
        let (db, [root, least]) = guarded.database().await;
        create(
            &db,
            doc! { "validator": { "email": { "$type": "string" } } },
        )
        .await;
        let refused = async |uri: &str| {
            let text = refusal(builder(uri)).await;
            says(&text, &["validator", "refuses lock documents", "code 121"]);
            says(&text, &["db.runCommand({ collMod: \"distributed_locks\""]);
            assert_eq!(locks(&db).count_documents(doc! {}).await.unwrap(), 0);
        };
        refused(&root).await;
        if transactions {
            refused(&least).await;
        }

        for options in [
            // Lets locks in.
            doc! { "validator": { "protocol": 1 } },
            doc! { "validator": { "email": 1 }, "validationAction": "warn" },
            doc! { "validator": { "email": 1 }, "validationLevel": "off" },
        ] {
            let (db, uris) = guarded.database().await;
            create(&db, options).await;
            for uri in uris {
                builder(&uri).build().await.unwrap();
                assert_eq!(locks(&db).count_documents(doc! {}).await.unwrap(), 0);
            }
        }
    }
}

/// Many instances of a service start at once, and each rehearses.
#[tokio::test]
async fn start_ups_at_once_do_not_refuse_each_other() {
    let db = Server::shared().await.database().await;
    create(&db, doc! { "validator": { "protocol": 1 } }).await;
    let mut starting = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let builder = builder(&db.uri());
        starting.spawn(async move { builder.build().await.map(drop) });
    }
    while let Some(started) = starting.join_next().await {
        started.unwrap().unwrap();
    }
    assert_eq!(locks(&db).count_documents(doc! {}).await.unwrap(), 0);
}

#[tokio::test]
async fn the_servers_own_databases_are_refused() {
    for (name, why) in [
        ("local", "not replicated"),
        ("admin", "users and roles"),
        ("config", "the cluster's own settings"),
    ] {
        // Nothing listens there: no server is asked.
        let by_name = builder("mongodb://127.0.0.1:1").database(name);
        let by_uri = builder(&format!("mongodb://127.0.0.1:1/{name}"));
        for builder in [by_name, by_uri] {
            let text = refusal(builder).await;
            let way = format!("?authSource={name}");
            says(&text, &["invalid database", why, ".database(\"…\")", &way]);
        }
    }
}

#[tokio::test]
async fn the_command_for_the_index_can_be_pasted_whatever_the_name() {
    let guarded = Guarded::start(Topology::ReplicaSet).await;
    let db = guarded.server.database().await;
    let writer = &["find", "insert", "update"];
    let writer = db.create_user("writer", PASSWORD, writer).await.unwrap();
    for name in ["my-locks", "1st", "a\"b", "jobs.locks"] {
        let text = refusal(builder(&writer).collection(name)).await;
        let quoted = format!("{name:?}");
        says(
            &text,
            &[&format!("`db.getCollection({quoted}).createIndex({{")],
        );
        says(&text, &["`createIndex`", "create_index(false)"]);
        builder(&writer)
            .collection(name)
            .create_index(false)
            .build()
            .await
            .unwrap();
    }
}
