//! The machine of a holder is suspended for longer than the ttl. The monotonic clock of Linux does not
//! count that time; the lease does, so the body takes no step beside its successor.

#![cfg(target_os = "linux")] // The clock is changed with a library that is loaded before libc.

use std::{
    fs,
    process::Command,
    time::{Duration, Instant, SystemTime},
};

use mongo_lock_runtime::{LockClient, distributed_lock};
use mongo_lock_testkit::Server;
use tokio::{task::spawn_blocking, time::sleep};

use crate::support::{
    Worker, acquire_when_free, client, eventually, ms, preload, say, spec, worker_input,
};

const TTL: Duration = ms(3000);

#[distributed_lock(name = "suspended", ttl = TTL, reuse)]
async fn plain() {
    body().await;
}

#[distributed_lock(name = "suspended", ttl = TTL, renew, reuse)]
async fn renewed() {
    body().await;
}

/// Says at which time each of its steps was.
async fn body() {
    say("holding");
    loop {
        say(&format!("step {}", now_ms()));
        sleep(ms(20)).await;
    }
}

fn now_ms() -> u128 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.unwrap().as_millis()
}

fn signal(worker: &Worker, name: &str) {
    let id = worker.id().to_string();
    let sent = Command::new("kill").args([name, &id]).status();
    assert!(sent.unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_that_is_not_renewed() {
    stops_in_time("plain").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_that_is_renewed() {
    stops_in_time("renewed").await;
}

async fn stops_in_time(kind: &str) {
    let db = Server::shared().await.database().await;
    let successor = client(&db).await;
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let library = preload::compile("suspended", folder.path());
    let file = folder.path().join("time");
    fs::write(&file, 0_i64.to_ne_bytes()).unwrap();

    let mut worker = Worker::start_with(
        "suspended::worker",
        &format!("{kind} {}", db.uri()),
        |command| {
            command.env("LD_PRELOAD", &library).env("SUSPENDED", &file);
        },
    );
    worker.wait_for("holding");
    signal(&worker, "-STOP");
    let stopped = Instant::now();
    let wanted = spec("suspended", 60_000);
    let guard = eventually(acquire_when_free(&successor, &wanted)).await;
    let passed_on = now_ms();
    // The clock of the suspended process goes on from where it stopped.
    let away = i64::try_from(stopped.elapsed().as_nanos()).unwrap();
    fs::write(&file, away.to_ne_bytes()).unwrap();
    signal(&worker, "-CONT");

    let ended = spawn_blocking(|| worker.finish());
    let (status, output) = eventually(ended).await.unwrap();
    assert!(status.success(), "{output}");
    let steps = output.lines().filter_map(|line| line.strip_prefix("step "));
    let late = steps.filter(|at| at.parse::<u128>().unwrap() > passed_on);
    // The process may have been stopped in the middle of a step.
    let late = late.count();
    assert!(late <= 1, "{late} steps beside the successor");
    assert!(output.contains("lost true"), "{output}");
    let counted = output
        .lines()
        .find_map(|line| line.strip_prefix("counted "));
    let counted: u128 = counted.unwrap().parse().unwrap();
    let all = stopped.elapsed().as_millis();
    assert!(
        counted + TTL.as_millis() / 2 < all,
        "the suspension was no suspension: {counted} of {all} ms were counted"
    );
    guard.lease().check().unwrap();
}

#[tokio::test]
#[ignore = "the process that the tests above suspend"]
async fn worker() {
    let Some(input) = worker_input() else { return };
    let (kind, uri) = input.split_once(' ').unwrap();
    let client = LockClient::builder().uri(uri).owner("suspended").build();
    let client = client.await.unwrap();
    let started = Instant::now();
    let result = if kind == "renewed" {
        client.scope(renewed()).await
    } else {
        client.scope(plain()).await
    };
    let lost = result.is_err_and(|error| error.is_lease_lost());
    say(&format!("lost {lost}"));
    say(&format!("counted {}", started.elapsed().as_millis()));
}
