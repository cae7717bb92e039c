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
    task::JoinSet,
    time::timeout,
};

use crate::support::{PATIENCE, ping};

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
async fn what_is_refused_is_lost_and_comes_back_on_the_same_port() {
    let (proxy, _echo) = echo().await;
    let mut connection = connect(&proxy).await;
    proxy.set(ProxyMode::Hang).await.unwrap();
    connection.write_all(b"lost").await.unwrap();
    proxy.set(ProxyMode::Refuse).await.unwrap();
    let end = timeout(PATIENCE, connection.read(&mut [0])).await.unwrap();
    assert!(matches!(end, Ok(0) | Err(_)), "closed: {end:?}");
    TcpStream::connect(proxy.address()).await.unwrap_err();

    proxy.set(ProxyMode::Forward).await.unwrap();
    connect(&proxy).await;
}

#[tokio::test]
async fn a_driver_finds_it_again() {
    let db = Server::shared().await.database().await;
    let (proxy, documents) = proxied(&db).await;
    proxy.set(ProxyMode::Refuse).await.unwrap();
    let mut insert = Box::pin(documents.insert_one(doc! { "_id": 1 }).into_future());
    let early = timeout(MOMENT, &mut insert).await;
    assert!(early.is_err(), "it looks for the server");
    proxy.set(ProxyMode::Forward).await.unwrap();
    insert.await.unwrap();
}

#[tokio::test]
async fn bytes_arrive_in_order_and_to_the_end() {
    let (proxy, _echo) = echo().await;
    let sent: Vec<u8> = (0..1_000_000_u32).flat_map(u32::to_le_bytes).collect();
    let expected = sent.clone();
    let (mut from, mut to) = connect(&proxy).await.into_split();
    let sending = tokio::spawn(async move {
        to.write_all(&sent).await.unwrap();
        to.shutdown().await.unwrap();
    });
    let mut received = Vec::new();
    from.read_to_end(&mut received).await.unwrap();
    sending.await.unwrap();
    assert!(received == expected);
}

/// A proxy before something that sends back what it gets.
async fn echo() -> (Proxy, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy::start(&listener.local_addr().unwrap().to_string()).unwrap();
    let mut server = JoinSet::new();
    server.spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            let (mut connection, _) = listener.accept().await.unwrap();
            connections.spawn(async move {
                let (mut from, mut to) = connection.split();
                tokio::io::copy(&mut from, &mut to).await
            });
        }
    });
    (proxy, server)
}

/// A connection that goes through to the other end.
async fn connect(proxy: &Proxy) -> TcpStream {
    let mut connection = TcpStream::connect(proxy.address()).await.unwrap();
    connection.write_all(b"?").await.unwrap();
    assert_eq!(connection.read_u8().await.unwrap(), b'?');
    connection
}

#[tokio::test]
async fn it_ends_with_its_value() {
    let (proxy, _echo) = echo().await;
    let address = proxy.address();
    let mut connection = connect(&proxy).await;
    drop(proxy);
    TcpStream::connect(address).await.unwrap_err();
    let end = timeout(PATIENCE, connection.read(&mut [0])).await.unwrap();
    assert!(matches!(end, Ok(0) | Err(_)), "closed: {end:?}");
}
