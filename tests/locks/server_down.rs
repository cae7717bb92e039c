//! With the server down, every call ends within its operation time limit plus a second.

use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

use mongo_lock_runtime::{Error, LockClient, distributed_lock};
use mongo_lock_testkit::{Server, Topology};
use mongodb::Client;

use crate::support::{acquire, spec};

const LIMIT: Duration = Duration::from_millis(500);

/// Runs `call`, which must end within the limit plus a second.
async fn in_time<T>(call: impl Future<Output = T>) -> T {
    let start = Instant::now();
    let output = call.await;
    let took = start.elapsed();
    assert!(took < LIMIT + Duration::from_secs(1), "{took:?}");
    output
}

#[distributed_lock(name = "down", ttl = "1m")]
async fn job() -> Result<(), Error> {
    panic!("the body ran without a lock");
}

#[tokio::test]
async fn at_start_up_where_nothing_listens() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("mongodb://{}/", free.local_addr().unwrap());
    drop(free);
    let connect = LockClient::builder().uri(uri).operation_timeout(LIMIT);
    let error = in_time(connect.build()).await.unwrap_err();
    assert!(matches!(error, Error::StartUp { .. }));
    assert!(error.to_string().contains("check the address"), "{error}");
}

#[tokio::test]
async fn at_start_up_where_no_server_answers() {
    // Accepts connections, since the kernel does, and is silent.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("mongodb://{}/", silent.local_addr().unwrap());
    let connect = LockClient::builder().uri(uri).operation_timeout(LIMIT);
    let error = in_time(connect.build()).await.unwrap_err();
    assert!(matches!(error, Error::StartUp { .. }));
    assert!(error.to_string().contains("check the address"), "{error}");
}

#[tokio::test]
async fn later_for_every_call_and_every_kind_of_client() {
    let server = Server::builder()
        .topology(Topology::Standalone)
        .start()
        .await
        .unwrap();
    let db = server.database().await;
    // The driver's own default, 30 s, is this client's limit for finding a server.
    let driver = Client::with_uri_str(db.uri()).await.unwrap();
    let clients = [
        LockClient::builder().uri(db.uri()),
        LockClient::builder().client(driver).database(db.name()),
    ];
    for (i, builder) in clients.into_iter().enumerate() {
        let client = builder.operation_timeout(LIMIT).build().await.unwrap();
        let held = acquire(&client, &spec(&format!("held-{i}"), 60_000)).await;
        let other = acquire(&client, &spec(&format!("other-{i}"), 60_000)).await;
        server.nodes()[0].kill();

        let error = in_time(client.try_acquire(&spec("down", 60_000)))
            .await
            .unwrap_err();
        assert!(unreachable(&error), "{error}");
        let error = in_time(client.scope(job())).await.unwrap_err();
        assert!(unreachable(&error), "{error}");
        let error = in_time(held.release()).await.unwrap_err();
        assert!(unreachable(&error), "{error}");
        in_time(async { drop(other) }).await;

        server.nodes()[0].restart().await.unwrap();
        // The client finds the server again by itself; how soon is the driver's heartbeat.
        let again = spec("up-again", 60_000);
        let back = async {
            loop {
                if let Ok(acquired) = client.try_acquire(&again).await {
                    break acquired.acquired().unwrap().release().await;
                }
            }
        };
        let limit = Duration::from_secs(30);
        tokio::time::timeout(limit, back).await.unwrap().unwrap();
    }
}

fn unreachable(error: &Error) -> bool {
    matches!(error, Error::Timeout { .. } | Error::Database { .. })
}
