//! Answers of an overloaded server: nothing was written, so nothing is cleaned up, and the call is served
//! when the overload ends.

use std::time::{Duration, Instant};

use mongo_lock_runtime::{Error, LockClient, Release};
use mongo_lock_testkit::{FailPoint, Server, TestDb};
use mongodb::{
    bson::{Document, doc},
    event::{EventHandler, command::CommandEvent},
    options::ClientOptions,
};

use crate::support::{
    Commands, PATIENCE, acquire, all_live, live, ms, patient, renewed_spec, spec, until, within,
};

/// As MongoDB 8.2 answers when its limit of requests is reached.
fn overloaded() -> Document {
    doc! {
        "errorCode": 462,
        "errorLabels": ["SystemOverloadedError", "RetryableError", "NoWritesPerformed"],
    }
}

async fn overload(db: &TestDb, commands: &[&str], effect: Document) -> FailPoint {
    let server = Server::shared().await;
    server
        .fail_commands(db.name(), commands, "alwaysOn", effect)
        .await
        .unwrap()
}

/// A client of its own connections, whose commands are counted and can be made to fail.
async fn counted(db: &TestDb) -> (LockClient, Commands) {
    let commands = Commands::default();
    let mut options = ClientOptions::parse(db.uri()).await.unwrap();
    options.app_name = Some(db.name().to_owned());
    options.heartbeat_freq = Some(ms(500));
    let log = commands.clone();
    options.command_event_handler = Some(EventHandler::callback(move |event| {
        if let CommandEvent::Started(started) = event {
            log.push(started.command_name);
        }
    }));
    let client = LockClient::builder().client_options(options);
    let client = client.build().await.unwrap();
    commands.take();
    (client, commands)
}

#[tokio::test]
async fn refused_acquisitions_cost_few_commands_and_no_clean_up() {
    let db = Server::shared().await.database().await;
    let (client, commands) = counted(&db).await;
    let fails = overload(&db, &["findAndModify", "update"], overloaded()).await;
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..10 {
        let client = client.clone();
        calls.spawn(async move {
            let started = Instant::now();
            let called = client
                .try_acquire(&spec(&format!("job-{number}"), 60_000))
                .await;
            (called.unwrap_err(), started.elapsed())
        });
    }
    for (error, took) in calls.join_all().await {
        assert!(matches!(error, Error::Database { .. }), "{error}");
        assert!(error.is_retryable());
        assert!(error.to_string().contains("Error code 462"), "{error}");
        // Not before the last attempt, in the second half of the limit of 5 s.
        assert!(took > ms(2400), "{took:?}");
        assert!(took < ms(5000) + PATIENCE, "{took:?}");
    }
    let sent = commands.take();
    assert!(sent.iter().all(|name| name == "findAndModify"), "{sent:?}");
    // Each: after 0, 200, 400, 800, 1600, 3200 ms at most, and half of that on average.
    assert!((20..=100).contains(&sent.len()), "{}", sent.len());
    // Nothing follows in the background.
    assert!(client.shutdown().await.is_clean());
    assert_eq!(commands.take(), Vec::<String>::new());
    fails.off().await.unwrap();
    assert_eq!(all_live(&db).await, []);
}

#[tokio::test]
async fn a_call_is_served_when_the_overload_ends() {
    let db = Server::shared().await.database().await;
    let (client, commands) = counted(&db).await;
    let fails = overload(&db, &["findAndModify"], overloaded()).await;
    let calling = tokio::spawn({
        let client = client.clone();
        async move { client.try_acquire(&spec("served", 60_000)).await }
    });
    fails.hit(3).await.unwrap();
    assert!(!calling.is_finished());
    fails.off().await.unwrap();
    let acquired = calling.await.unwrap().unwrap();
    let guard = acquired.acquired().unwrap();
    let sent = commands.take();
    assert!(sent.iter().all(|name| name == "findAndModify"), "{sent:?}");
    assert_eq!(guard.release().await.unwrap(), Release::Freed);
    assert_eq!(commands.take(), ["update"]);
}

/// With the label for an overload alone, the command may have been carried out.
#[tokio::test]
async fn an_overload_that_leaves_the_effect_open_is_cleaned_up() {
    let db = Server::shared().await.database().await;
    let (client, commands) = counted(&db).await;
    let effect = doc! { "errorCode": 50, "errorLabels": ["SystemOverloadedError"] };
    let server = Server::shared().await;
    let times = doc! { "times": 1 };
    let fails = server.fail_commands(db.name(), &["findAndModify"], times, effect);
    let fails = fails.await.unwrap();
    let holder = LockClient::connect(db.uri()).await.unwrap();
    let held = acquire(&holder, &spec("taken", 60_000)).await;
    let call = client.try_acquire(&spec("taken", 60_000)).await.unwrap();
    assert!(call.acquired().is_none());
    assert_eq!(commands.take(), ["findAndModify"; 3], "the third revokes");
    fails.off().await.unwrap();

    // The label says what the code leaves open.
    let effect = doc! {
        "errorCode": 50,
        "errorLabels": ["SystemOverloadedError", "NoWritesPerformed"],
    };
    let times = doc! { "times": 1 };
    let fails = server.fail_commands(db.name(), &["findAndModify"], times, effect);
    let fails = fails.await.unwrap();
    let call = client.try_acquire(&spec("taken", 60_000)).await.unwrap();
    assert!(call.acquired().is_none());
    assert_eq!(commands.take(), ["findAndModify"; 2]);
    held.release().await.unwrap();
    fails.off().await.unwrap();
}

#[tokio::test]
async fn a_release_rides_it_out() {
    let db = Server::shared().await.database().await;
    let (client, commands) = counted(&db).await;
    let guard = acquire(&client, &spec("released", 60_000)).await;
    commands.take();
    let fails = overload(&db, &["update", "findAndModify"], overloaded()).await;
    let releasing = tokio::spawn(guard.release());
    fails.hit(3).await.unwrap();
    assert_eq!(live(&db, "released").await.len(), 1);
    fails.off().await.unwrap();
    assert_eq!(releasing.await.unwrap().unwrap(), Release::Freed);
    let sent = commands.take();
    assert!(sent.iter().all(|name| name == "update"), "{sent:?}");
}

#[tokio::test]
async fn a_renewal_rides_it_out() {
    let db = Server::shared().await.database().await;
    let (client, _) = counted(&db).await;
    // Renewed every 4 s.
    let renewed = renewed_spec("renewed", Duration::from_secs(12));
    let guard = acquire(&client, &renewed).await;
    let fails = overload(&db, &["update"], overloaded()).await;
    fails.hit(2).await.unwrap();
    let left = guard.time_left();
    fails.off().await.unwrap();
    within(PATIENCE, until(async || guard.time_left() > left)).await;
    assert_eq!(live(&db, "renewed").await.len(), 1);
    assert_eq!(guard.release().await.unwrap(), Release::Freed);
}

#[tokio::test]
async fn waiters_keep_their_turn_and_leave_nothing() {
    let db = Server::shared().await.database().await;
    let (client, commands) = counted(&db).await;
    let holder = LockClient::connect(db.uri()).await.unwrap();
    let held = acquire(&holder, &spec("queue", 60_000)).await;
    let fails = overload(&db, &["findAndModify", "update"], overloaded()).await;
    // One that gives up before the overload ends: no place was ever given.
    let gone = client.acquire_within(&spec("queue", 60_000), ms(400)).await;
    assert!(gone.is_err() || gone.is_ok_and(|gone| gone.acquired().is_none()));
    client
        .acquire_within(&spec("other", 60_000), ms(100))
        .await
        .ok();
    let sent = commands.take();
    assert!(sent.iter().all(|name| name == "findAndModify"), "{sent:?}");
    let waiting = tokio::spawn({
        let client = client.clone();
        async move { client.acquire(&patient("queue").build().unwrap()).await }
    });
    tokio::time::sleep(ms(1000)).await;
    held.release().await.unwrap();
    fails.off().await.unwrap();
    let guard = within(Duration::from_secs(10), waiting)
        .await
        .unwrap()
        .unwrap();
    guard.release().await.unwrap();
    within(PATIENCE, until(async || all_live(&db).await.is_empty())).await;
}
