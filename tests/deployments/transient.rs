//! Faults that pass while a client starts.

use std::time::{Duration, Instant};

use mongo_lock_runtime::LockClient;
use mongo_lock_testkit::{ProxyMode, Server, TestDb};
use mongodb::bson::{Document, doc};

use crate::{
    refusal, says,
    support::{COLLECTION, eventually, ms, named},
};

const COMMANDS: [&str; 4] = ["hello", "listCollections", "createIndexes", "findAndModify"];

async fn database() -> TestDb {
    Server::shared().await.database().await
}

#[tokio::test]
async fn are_ridden_out_at_every_step() {
    for command in COMMANDS {
        for effect in [
            doc! { "closeConnection": true },
            doc! { "errorCode": 189 }, // PrimarySteppedDown
            doc! { "errorCode": 91 },  // ShutdownInProgress
            doc! { "errorCode": 112 }, // WriteConflict
        ] {
            let db = database().await;
            let fails = Server::shared()
                .await
                .fail_commands(db.name(), &[command], doc! { "times": 2 }, effect.clone())
                .await
                .unwrap();
            let client = named(&db.uri(), &db).operation_timeout(Duration::from_secs(10));
            let client = client.build().await;
            client.unwrap_or_else(|error| panic!("{command}, {effect}: {error}"));
            fails.hit(2).await.unwrap();
            fails.off().await.unwrap();
        }
    }
}

#[tokio::test]
async fn are_named_when_they_last() {
    let limit = ms(800);
    for (command, effect, phrase) in [
        (
            "createIndexes",
            doc! { "errorCode": 189 },
            "PrimarySteppedDown",
        ),
        ("findAndModify", doc! { "errorCode": 112 }, "WriteConflict"),
        ("listCollections", overloaded(), "Error code 462"),
    ] {
        let db = database().await;
        let fails = Server::shared()
            .await
            .fail_commands(db.name(), &[command], "alwaysOn", effect)
            .await
            .unwrap();
        let started = Instant::now();
        let text = refusal(named(&db.uri(), &db).operation_timeout(limit)).await;
        assert!(started.elapsed() < limit + ms(1000));
        says(&text, &[phrase, db.name()]);
        assert!(!text.contains("MongoDB 4.4"), "{text}");
        fails.off().await.unwrap();
    }
}

fn overloaded() -> Document {
    doc! { "errorCode": 462, "errorLabels": ["SystemOverloadedError", "RetryableError"] }
}

/// A check that could not be made is none that was passed.
#[tokio::test]
async fn a_rehearsal_that_is_cut_is_repeated() {
    let db = database().await;
    let create = doc! { "create": COLLECTION, "validator": { "email": 1 } };
    db.run_command(create).await.unwrap();
    for effect in [doc! { "errorCode": 112 }, doc! { "closeConnection": true }] {
        // The dry run of the first round is let through.
        let skip = doc! { "skip": 1 };
        let server = Server::shared().await;
        let fails = server.fail_commands(db.name(), &["findAndModify"], skip, effect);
        let fails = fails.await.unwrap();
        let patient = named(&db.uri(), &db).operation_timeout(Duration::from_secs(20));
        let starting = tokio::spawn(refusal(patient));
        fails.hit(1).await.unwrap();
        fails.off().await.unwrap();
        says(&eventually(starting).await.unwrap(), &["code 121"]);
    }
}

#[tokio::test]
async fn a_fault_that_stays_is_told_at_once() {
    let db = database().await;
    let fails = Server::shared()
        .await
        .fail_commands(
            db.name(),
            &["findAndModify"],
            "alwaysOn",
            doc! { "errorCode": 13 },
        )
        .await
        .unwrap();
    let started = Instant::now();
    let patient = Duration::from_secs(60);
    let text = refusal(named(&db.uri(), &db).operation_timeout(patient)).await;
    says(&text, &["may not find, insert and update"]);
    assert!(started.elapsed() < patient / 2);
    fails.off().await.unwrap();
}

/// The driver's monitors hear from the server, and the commands of the client do not.
#[tokio::test]
async fn a_primary_that_is_up_and_does_not_answer_is_named() {
    let db = database().await;
    for command in ["listCollections", "findAndModify"] {
        let effect = doc! { "blockConnection": true, "blockTimeMS": 10_000 };
        let fails = Server::shared()
            .await
            .fail_commands(db.name(), &[command], doc! { "times": 1 }, effect)
            .await
            .unwrap();
        let text = refusal(named(&db.uri(), &db).operation_timeout(ms(3000))).await;
        says(&text, &["no answer within 3s from", "which is up"]);
        assert!(!text.contains("no primary"), "{text}");
        fails.off().await.unwrap();
    }
}

#[tokio::test]
async fn a_server_that_comes_up_meanwhile_is_used() {
    let server = Server::shared().await;
    let db = server.database().await;
    let proxy = server.proxy().await.unwrap();
    proxy.set(ProxyMode::Refuse).await.unwrap();
    let builder = named(&proxy.uri_for(&db), &db).operation_timeout(Duration::from_secs(20));
    let starting = tokio::spawn(async move { builder.build().await.map(drop) });
    tokio::time::sleep(ms(700)).await;
    assert!(!starting.is_finished());
    proxy.set(ProxyMode::Forward).await.unwrap();
    eventually(starting).await.unwrap().unwrap();
    drop(LockClient::connect(db.uri()).await.unwrap());
}
