//! A client whose wall clock is an hour wrong, either way: the server's alone counts.

#![cfg(target_os = "linux")] // It is made wrong with a library that is loaded before libc.

use std::{
    env,
    process::Command,
    time::{Duration, SystemTime},
};

use mongo_lock_runtime::{Acquisition, LockClient, LockSpec, distributed_lock};
use mongo_lock_testkit::Server;
use mongodb::{Client, bson::doc};
use tokio::time::sleep;

use crate::support::{
    Worker, acquire_when_free, client, eventually, holder_of, live, ms, only, preload, say, spec,
    until, worker_input,
};

const TTL: Duration = ms(1000);
const HOUR: Duration = Duration::from_secs(60 * 60);

#[tokio::test]
async fn an_hour_ahead() {
    takes_its_turn("3600").await;
}

#[tokio::test]
async fn an_hour_behind() {
    takes_its_turn("-3600").await;
}

async fn takes_its_turn(offset: &str) {
    let db = Server::shared().await.database().await;
    let ours = client(&db).await;
    let input = format!("{offset}\n{}", db.uri());
    let mut theirs = Worker::start("wall_clock::launcher", &input);

    // While it holds the lock, which it renews, it alone does.
    theirs.wait_for("holding");
    let first = only(&live(&db, "turns").await);
    let length = first.expires_at.duration_since(first.acquired_at).unwrap();
    assert_eq!(length, TTL);
    let renewed = async || {
        let held = holder_of(&ours, &spec("turns", 60_000)).await;
        assert_eq!(held.token, first.token);
        held.until > first.expires_at + TTL
    };
    eventually(until(renewed)).await;
    // It ends by itself.
    let mine = eventually(acquire_when_free(&ours, &spec("turns", 60_000))).await;
    assert!(mine.token() > first.token);

    // While we hold it, it does not.
    theirs.wait_for("skipped");
    mine.lease().check().unwrap();
    mine.release().await.unwrap();
    theirs.wait_for("holding again");
    let second = only(&live(&db, "turns").await);
    let (status, output) = theirs.finish();
    assert!(status.success(), "{output}");

    // It died with the lock in its hands, which passes on when the server says so.
    let last = acquire_when_free(&ours, &spec("turns", 60_000)).await;
    let late = last.acquired_at().duration_since(second.expires_at);
    let late = late.expect("not before its end");
    assert!(late < ms(2000), "{late:?} late");
}

/// Starts the worker under another wall clock. The monotonic one stays as it is, as it does when
/// a clock is set.
#[tokio::test]
#[ignore = "the process that a test above starts"]
async fn launcher() {
    let Some(input) = worker_input() else { return };
    let offset = input.lines().next().unwrap();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let library = preload::compile("wrong_clock", folder.path());
    let status = Command::new(env::current_exe().unwrap())
        .args(["--exact", "wall_clock::worker", "--ignored", "--nocapture"])
        .env("LD_PRELOAD", &library)
        .env("CLOCK_OFFSET", offset)
        .status();
    assert!(status.unwrap().success());
}

#[distributed_lock(name = "turns", ttl = TTL, renew)]
async fn turn() {
    say("holding");
    sleep(3 * TTL).await;
}

#[tokio::test]
#[ignore = "the process whose clock is wrong"]
async fn worker() {
    let Some(input) = worker_input() else { return };
    let (_, uri) = input.split_once('\n').unwrap();
    let driver = Client::with_uri_str(uri).await.unwrap();
    let admin = driver.database("admin");
    let hello = admin.run_command(doc! { "hello": 1 }).await.unwrap();
    let theirs = hello.get_datetime("localTime").unwrap().to_system_time();
    let ours = SystemTime::now();
    let wrong = ours.duration_since(theirs);
    let wrong = wrong.unwrap_or_else(|error| error.duration());
    assert!(
        wrong > HOUR * 9 / 10,
        "the clock is wrong by {wrong:?} only"
    );

    let client = LockClient::connect(uri).await.unwrap();
    client.scope(turn()).await.unwrap().executed().unwrap();
    let plain = LockSpec::new("turns", TTL).unwrap();
    // Perhaps it is quicker than the other one.
    while let Acquisition::Acquired(guard) = client.try_acquire(&plain).await.unwrap() {
        guard.release().await.unwrap();
    }
    say("skipped");
    let guard = acquire_when_free(&client, &plain).await;
    guard.lease().check().unwrap();
    say("holding again");
    // No release: as if it had been killed.
    std::mem::forget(guard);
}
