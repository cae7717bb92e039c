//! A server that hangs or is down, for those alone who come through the proxy.

use std::time::Duration;

use mongo_lock_testkit::{Proxy, ProxyMode, Server, TestDb};
use mongodb::{
    Client, Collection,
    bson::{Document, doc},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::timeout,
};

use crate::support::ping;

/// Long enough for an answer that is on its way; the assertion on it is one-sided.
const MOMENT: Duration = Duration::from_millis(200);

async fn proxied(db: &TestDb) -> (Proxy, Collection<Document>) {
    let proxy = Server::shared().await.proxy().await.unwrap();
    let client = Client::with_uri_str(proxy.uri_for(db)).await.unwrap();
    let documents = client.default_database().unwrap().collection("documents");
    documents.insert_one(doc! { "_id": 0 }).await.unwrap();
    (proxy, documents)
}

#[tokio::test]
async fn what_hangs_goes_on_later() {
    let db = Server::shared().await.database().await;
    let (proxy, documents) = proxied(&db).await;
    proxy.set(ProxyMode::Hang).await.unwrap();
    let mut insert = Box::pin(documents.insert_one(doc! { "_id": 1 }).into_future());
    assert!(timeout(MOMENT, &mut insert).await.is_err(), "it hangs");
    // A new connection is accepted, and hangs too.
    let client = Client::with_uri_str(proxy.uri()).await.unwrap();
    assert!(timeout(MOMENT, ping(&client)).await.is_err(), "it hangs");
    let direct = db.collection::<Document>("documents");
    assert_eq!(direct.count_documents(doc! {}).await.unwrap(), 1);

    proxy.set(ProxyMode::Forward).await.unwrap();
    insert.await.unwrap();
    assert_eq!(direct.count_documents(doc! {}).await.unwrap(), 2);
}

#[tokio::test]
async fn a_held_reply_is_to_a_request_that_was_executed() {
    let db = Server::shared().await.database().await;
    let (proxy, documents) = proxied(&db).await;
    proxy.set(ProxyMode::HoldReplies).await.unwrap();
    let mut insert = Box::pin(documents.insert_one(doc! { "_id": 1 }).into_future());
    let direct = db.collection::<Document>("documents");
    while direct.count_documents(doc! {}).await.unwrap() < 2 {
        assert!(timeout(MOMENT / 20, &mut insert).await.is_err());
    }
    assert!(timeout(MOMENT, &mut insert).await.is_err(), "no reply yet");
    proxy.set(ProxyMode::Forward).await.unwrap();
    insert.await.unwrap();
}

#[tokio::test]
async fn what_is_refused_comes_back_on_the_same_port() {
    let db = Server::shared().await.database().await;
    let (proxy, documents) = proxied(&db).await;
    proxy.set(ProxyMode::Hang).await.unwrap();
    let mut connection = TcpStream::connect(proxy.address()).await.unwrap();
    connection.write_all(b"lost").await.unwrap();
    proxy.set(ProxyMode::Refuse).await.unwrap();
    let end = connection.read(&mut [0]).await;
    assert!(matches!(end, Ok(0) | Err(_)), "closed: {end:?}");
    TcpStream::connect(proxy.address()).await.unwrap_err();

    proxy.set(ProxyMode::Forward).await.unwrap();
    // The driver retries on a new connection.
    documents.insert_one(doc! { "_id": 1 }).await.unwrap();
}

#[tokio::test]
async fn bytes_arrive_in_order_and_to_the_end() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = listener.local_addr().unwrap().to_string();
    let proxy = Proxy::start(&target).unwrap();
    let echo = tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        let (mut from, mut to) = connection.split();
        tokio::io::copy(&mut from, &mut to).await.unwrap()
    });
    let sent: Vec<u8> = (0..1_000_000_u32).flat_map(u32::to_le_bytes).collect();
    let expected = sent.clone();
    let (mut from, mut to) = TcpStream::connect(proxy.address())
        .await
        .unwrap()
        .into_split();
    let sending = tokio::spawn(async move {
        to.write_all(&sent).await.unwrap();
        to.shutdown().await.unwrap();
    });
    let mut received = Vec::new();
    from.read_to_end(&mut received).await.unwrap();
    sending.await.unwrap();
    assert!(received == expected);
    assert_eq!(echo.await.unwrap(), expected.len() as u64);
}

#[tokio::test]
async fn it_ends_with_its_value() {
    let proxy = Server::shared().await.proxy().await.unwrap();
    let address = proxy.address();
    let mut connection = TcpStream::connect(address).await.unwrap();
    drop(proxy);
    TcpStream::connect(address).await.unwrap_err();
    let end = connection.read(&mut [0]).await;
    assert!(matches!(end, Ok(0) | Err(_)), "closed: {end:?}");
}
