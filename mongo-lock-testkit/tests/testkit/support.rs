//! Helpers for several files.

use std::{
    net::TcpStream,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use mongodb::{Client, bson::doc, options::ClientOptions};

/// The time limit on a loaded machine, which only passes in full when a test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A client that calls itself `app_name`, so that fail points can tell it from others.
pub(crate) async fn client_named(uri: &str, app_name: &str) -> Client {
    let mut options = ClientOptions::parse(uri).await.unwrap();
    options.app_name = Some(app_name.to_owned());
    Client::with_options(options).unwrap()
}

pub(crate) async fn ping(client: &Client) -> mongodb::error::Result<()> {
    let admin = client.database("admin");
    admin.run_command(doc! { "ping": 1 }).await.map(drop)
}

/// The port and the data folder of the server of this client.
pub(crate) async fn whereabouts(client: &Client) -> (u16, PathBuf) {
    let admin = client.database("admin");
    let ask = doc! { "getCmdLineOpts": 1 };
    let options = admin.run_command(ask).await.unwrap();
    let parsed = options.get_document("parsed").unwrap();
    let net = parsed.get_document("net").unwrap();
    let storage = parsed.get_document("storage").unwrap();
    (
        net.get_i32("port").unwrap().try_into().unwrap(),
        storage.get_str("dbPath").unwrap().into(),
    )
}

pub(crate) fn is_gone(port: u16, data: &Path) -> bool {
    // The server's folder is two levels up.
    let home = data.ancestors().nth(2).unwrap();
    assert!(home.to_str().unwrap().contains("mongo-lock-testkit-"));
    TcpStream::connect(("127.0.0.1", port)).is_err() && !home.exists()
}

/// Blocks until the condition holds. Only for states that no event announces.
pub(crate) fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
