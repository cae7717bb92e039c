//! The least role: with all of it everything works, and with one privilege less, the error says which.

use mongo_lock_runtime::{LockClient, Release};
use mongo_lock_testkit::{Server, TestDb, Topology};
use mongodb::bson::doc;

use crate::{
    refusal, says,
    support::{COLLECTION, Log, acquire, eventually, patient},
};

/// As the README and the guide say: on the collection of the locks, and on that for wake-ups.
pub(crate) const LEAST: &[&str] = &["find", "insert", "update", "createIndex"];
pub(crate) const WAKEUPS: &[&str] = &["find", "insert", "createCollection", "convertToCapped"];
const PASSWORD: &str = "hunter2";

async fn guarded() -> Server {
    let server = Server::builder().topology(Topology::ReplicaSet);
    server.auth("root", PASSWORD).start().await.unwrap()
}

/// The connection string of a user who may be woken, do this with the locks, and nothing else.
async fn user(db: &TestDb, name: &str, actions: &[&str]) -> String {
    let on = |collection: String, actions: &[&str]| {
        let resource = doc! { "db": db.name(), "collection": collection };
        doc! { "resource": resource, "actions": actions }
    };
    let privileges = [
        on(COLLECTION.into(), actions),
        on(format!("{COLLECTION}_wakeups"), WAKEUPS),
    ];
    let role = doc! {
        "createRole": format!("{name}-role"),
        "privileges": privileges.to_vec(),
        "roles": [],
    };
    db.run_command(role).await.unwrap();
    let uri = db.create_user(name, PASSWORD, &["find"]).await.unwrap();
    // In place of the role that the user has, which is for all collections.
    let grant = doc! { "updateUser": name, "roles": [format!("{name}-role")] };
    db.run_command(grant).await.unwrap();
    uri
}

fn without(action: &str) -> Vec<&str> {
    let others = LEAST.iter().copied();
    others.filter(|other| *other != action).collect()
}

#[test]
fn the_readme_and_the_guide_have_the_least_role() {
    for page in [
        include_str!("../../README.md"),
        include_str!("../../mongo-lock-runtime/src/guide/deployment.md"),
    ] {
        for actions in [LEAST, WAKEUPS] {
            let actions: Vec<_> = actions.iter().map(|it| format!("{it:?}")).collect();
            let line = format!("actions: [{}]", actions.join(", "));
            assert!(page.contains(&line), "{line}");
        }
        for collection in [COLLECTION.to_owned(), format!("{COLLECTION}_wakeups")] {
            assert!(page.contains(&format!("collection: \"{collection}\"")));
        }
    }
}

#[tokio::test]
async fn the_least_role_is_enough() {
    let log = Log::here();
    let server = guarded().await;
    let db = server.database().await;
    let uri = user(&db, "least", LEAST).await;
    let one = LockClient::connect(&uri).await.unwrap();
    let other = LockClient::connect(&uri).await.unwrap();
    let lock = patient("waited-for").build().unwrap();
    let held = acquire(&one, &lock).await;
    let waiting = tokio::spawn(async move { other.acquire(&lock).await });
    // Long enough for the listener to be refused.
    tokio::time::sleep(std::time::Duration::from_millis(700)).await;
    held.release().await.unwrap();
    let next = eventually(waiting).await.unwrap().unwrap();
    assert_eq!(next.release().await.unwrap(), Release::Freed);
    assert_eq!(log.warnings(), Vec::<String>::new());
}

#[tokio::test]
async fn each_missing_privilege_of_start_up_is_named() {
    let server = guarded().await;
    let db = server.database().await;
    for action in ["find", "insert", "update"] {
        let uri = user(&db, action, &without(action)).await;
        let builder = LockClient::builder().uri(uri);
        says(
            &refusal(builder).await,
            &["may not find, insert and update"],
        );
    }
    let uri = user(&db, "index", &without("createIndex")).await;
    let text = refusal(LockClient::builder().uri(&uri)).await;
    says(&text, &["may not create the TTL index", "`createIndex`"]);
    let builder = LockClient::builder().uri(&uri).create_index(false);
    builder.build().await.unwrap();
}
