//! Servers that cannot be reached: the reason is in the error in every run.

use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

use mongo_lock_runtime::{LockClient, LockClientBuilder};
use mongo_lock_testkit::{ProxyMode, Server, Topology};
use mongodb::{Client, options::ClientOptions};
use tokio::task::JoinSet;

use crate::{
    refusal, says,
    support::{PATIENCE, ms, spec},
};

const RUNS: usize = 20;

/// The address at which the shared server is, for clients of another kind than its own.
async fn host() -> String {
    let uri = Server::shared().await.uri();
    let rest = uri.split("://").nth(1).unwrap();
    rest.split('/').next().unwrap().to_owned()
}

/// Builds many clients at once, with short and long limits; every error says all of this.
async fn in_every_run(uri: &str, phrases: &[&str]) {
    let started = Instant::now();
    let longest = ms(2000);
    let mut runs = JoinSet::new();
    for run in 0..RUNS {
        let limit = [ms(1000), ms(1500), longest, ms(1200)][run % 4];
        runs.spawn(refusal(
            LockClient::builder().uri(uri).operation_timeout(limit),
        ));
    }
    let texts = runs.join_all().await;
    assert!(started.elapsed() < longest + PATIENCE);
    assert_eq!(texts.len(), RUNS);
    for text in texts {
        says(
            &text,
            &["no primary could be reached within", "check the address"],
        );
        says(&text, phrases);
    }
}

fn free_port() -> u16 {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    free.local_addr().unwrap().port()
}

#[tokio::test]
async fn nothing_listens() {
    let address = format!("127.0.0.1:{}", free_port());
    let seen = format!("`{address}`: I/O error: Connection refused");
    in_every_run(&format!("mongodb://{address}/"), &[&seen]).await;
}

#[tokio::test]
async fn no_server_answers() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let seen = format!("`{address}` accepts connections and does not answer");
    in_every_run(&format!("mongodb://{address}/"), &[&seen]).await;
}

#[tokio::test]
async fn the_host_does_not_exist() {
    // Longer than a label of a name can be, so that the answer does not depend on a name server.
    let host = format!("{}.invalid", "x".repeat(64));
    let seen = format!("`{host}:27017`");
    let uri = format!("mongodb://{host}/jobs");
    in_every_run(&uri, &[&seen, "the DNS does not know this host"]).await;
}

#[tokio::test]
async fn the_replica_set_has_another_name() {
    let host = host().await;
    let uri = Server::shared().await.uri();
    let set = uri.split("replicaSet=").nth(1).unwrap();
    let set = set.split('&').next().unwrap();
    let asked = format!("mongodb://{host}/?replicaSet=wrong");
    let seen = format!("belongs to the replica set `{set}`, and the address asks for `wrong`");
    let way = format!("write `replicaSet={set}`");
    in_every_run(&asked, &[&seen, &way]).await;
}

#[tokio::test]
async fn the_server_belongs_to_no_replica_set() {
    let server = Server::builder().topology(Topology::Standalone);
    let server = server.start().await.unwrap();
    let uri = server
        .uri()
        .replace("directConnection=true", "replicaSet=rs0");
    in_every_run(
        &uri,
        &["belongs to no replica set", "leave `replicaSet=rs0` out"],
    )
    .await;
}

#[tokio::test]
async fn the_server_speaks_no_tls() {
    let uri = format!("mongodb://{}/?tls=true", host().await);
    in_every_run(&uri, &["tls", "leave `tls=true` out"]).await;
}

/// As a server that requires TLS does with a client that speaks none.
#[tokio::test]
async fn the_server_closes_every_connection() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let closing = tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            drop(connection);
        }
    });
    in_every_run(&format!("mongodb://{address}/"), &["add `tls=true`"]).await;
    closing.abort();
}

#[tokio::test]
async fn options_give_the_reason_too_and_keep_their_own_listener() {
    let uri = format!("mongodb://127.0.0.1:{}/", free_port());
    let mut options = ClientOptions::parse(&uri).await.unwrap();
    let (events, mut heard) = tokio::sync::mpsc::channel(100);
    options.sdam_event_handler = Some(events.into());
    let builder = LockClient::builder().client_options(options);
    let text = refusal(builder.operation_timeout(ms(500))).await;
    says(&text, &["Connection refused"]);
    assert!(heard.try_recv().is_ok());
}

/// After the start, too: the driver gives up before the operation time limit.
#[tokio::test]
async fn a_call_says_the_reason_while_the_server_is_down() {
    let server = Server::shared().await;
    let db = server.database().await;
    let proxy = server.proxy().await.unwrap();
    let builder = LockClient::builder().uri(proxy.uri_for(&db));
    let client = builder.operation_timeout(ms(2000)).build().await.unwrap();
    proxy.set(ProxyMode::Refuse).await.unwrap();
    // The driver learns of it.
    client.try_acquire(&spec("down", 60_000)).await.unwrap_err();
    let mut calls = JoinSet::new();
    for run in 0..RUNS {
        let client = client.clone();
        calls.spawn(async move {
            let lock = spec(&format!("down-{run}"), 60_000);
            client.try_acquire(&lock).await.unwrap_err().to_string()
        });
    }
    for text in calls.join_all().await {
        assert!(text.contains("Connection refused"), "{text}");
    }
}

#[tokio::test]
async fn a_shared_client_gives_the_reason_when_its_limit_is_shorter() {
    let uri = format!("mongodb://127.0.0.1:{}/", free_port());
    let builder = async |options: &str| -> LockClientBuilder {
        let driver = Client::with_uri_str(format!("{uri}?{options}")).await;
        LockClient::builder().client(driver.unwrap())
    };
    let patient = builder("serverSelectionTimeoutMS=300").await;
    let text = refusal(patient.operation_timeout(Duration::from_secs(20))).await;
    assert!(text.contains("Connection refused"), "{text}");
    let text = refusal(builder("").await.operation_timeout(ms(300))).await;
    says(&text, &["check the address", "`server_selection_timeout`"]);
}

#[tokio::test]
async fn an_srv_address_that_the_dns_does_not_know() {
    let uri = "mongodb+srv://bob:hunter2@no-such-cluster.invalid/jobs";
    let text = refusal(LockClient::builder().uri(uri).operation_timeout(ms(3000))).await;
    says(&text, &["the lock client cannot start", "DNS"]);
    says(&text, &["`_mongodb._tcp.no-such-cluster.invalid`"]);
    assert!(
        !text.contains("Query {") && !text.contains("hunter2"),
        "{text}"
    );
}
