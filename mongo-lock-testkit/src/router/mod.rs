//! A stand-in for `mongos`.

mod disguise;
mod relay;

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    thread::{self, JoinHandle},
};

use mongodb::bson::{Document, doc};
use tokio::{net::TcpListener, runtime, sync::oneshot, task::JoinSet};

use self::relay::Shared;
use crate::{Error, Server, TestDb, port, uri::Uri};

/// A stand-in for `mongos` before a server: a proxy that does what a router does as far as locks can
/// tell.
///
/// * It adds its own clock to commands, as `runtimeConstants.localNow`, which the server takes for
///   `$$NOW`. Its clock is this machine's, plus an offset.
/// * It answers `hello` as a router does, and as no member of a replica set.
/// * It follows the primary, and says `HostUnreachable` and `FailedToSatisfyReadPreference` where the
///   members of a replica set say that they are no primary.
/// * It refuses a command without the shard key, as routers before MongoDB 7.0 do, on a collection of
///   which [`Router::shard`] told.
///
/// It is no sharded cluster: there is one shard, no balancer, and no metadata but what
/// [`Router::shard`] writes.
///
/// The router runs on a thread of its own, whatever the runtime of the test does, and ends on drop.
#[derive(Debug)]
pub struct Router {
    address: SocketAddr,
    uri: Uri,
    shared: Arc<Shared>,
    /// Dropped first, which ends the thread.
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// A [`Router`] before this server, whose clock is ahead of this machine's by `offset_ms`
    /// milliseconds; behind, when that is negative.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when there is no port or no thread.
    pub fn router(&self, offset_ms: i64) -> Result<Router, Error> {
        Router::before(self.parsed_uri(), offset_ms)
    }
}

impl Router {
    /// A router before the members of a replica set: `host:port,host:port`, without credentials.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when there is no port or no thread.
    pub fn start(members: &str, offset_ms: i64) -> Result<Self, Error> {
        Self::before(&Uri::new([members]), offset_ms)
    }

    fn before(uri: &Uri, offset_ms: i64) -> Result<Self, Error> {
        let shared = Arc::new(Shared {
            members: uri.addresses(),
            offset_ms: AtomicI64::new(offset_ms),
            sharded: Mutex::default(),
            hello: Mutex::default(),
        });
        let listen = || -> io::Result<_> {
            let listener = port::bind()?;
            listener.set_nonblocking(true)?;
            let address = listener.local_addr()?;
            let runtime = runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            Ok((listener, address, runtime))
        };
        let (listener, address, runtime) = listen().map_err(Error::io("start a router"))?;
        let (end, ended) = oneshot::channel();
        let state = Arc::clone(&shared);
        let serve = async move {
            let Ok(listener) = TcpListener::from_std(listener) else {
                return;
            };
            tokio::select! {
                () = accept(listener, state) => {}
                _ = ended => {}
            }
        };
        let thread = thread::Builder::new()
            .name("router".to_owned())
            .spawn(move || runtime.block_on(serve))
            .map_err(Error::io("start the thread of a router"))?;
        Ok(Self {
            address,
            uri: uri.clone().routed(&address.to_string()),
            shared,
            end: Some(end),
            thread: Some(thread),
        })
    }

    /// The address of the router.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A connection string, with the credentials of the server.
    #[must_use]
    pub fn uri(&self) -> String {
        self.uri.to_string()
    }

    /// [`Router::uri`] with `db` as the default database.
    #[must_use]
    pub fn uri_for(&self, db: &TestDb) -> String {
        self.uri.clone().database(db.name()).to_string()
    }

    /// Sets the router's clock to this machine's plus `offset_ms` milliseconds, for every command from
    /// now on.
    pub fn set_offset_ms(&self, offset_ms: i64) {
        self.shared.offset_ms.store(offset_ms, Ordering::Relaxed);
    }

    /// Makes the router treat the collection as sharded by `key`: a command that must say for which
    /// shard it is, and does not, is refused; and `config.collections` has the key, where a client may
    /// read that.
    ///
    /// # Errors
    ///
    /// [`Error::Mongo`] when the server refuses to write to `config.collections`.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, the router refuses commands, and `config.collections` may not have
    /// the key.
    pub async fn shard(&self, db: &TestDb, collection: &str, key: Document) -> Result<(), Error> {
        let namespace = format!("{}.{collection}", db.name());
        {
            let sharded = self.shared.sharded.lock();
            let mut sharded = sharded.unwrap_or_else(PoisonError::into_inner);
            sharded.push((namespace.clone(), key.clone()));
        }
        let config = db.client().database("config");
        let collections = config.collection::<Document>("collections");
        let entry = doc! { "_id": &namespace, "key": key };
        collections
            .replace_one(doc! { "_id": &namespace }, entry)
            .upsert(true)
            .await?;
        Ok(())
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            // A client that is gone before it was accepted is no concern of ours.
            accepted = listener.accept() => if let Ok((client, _)) = accepted {
                connections.spawn(relay::serve(client, Arc::clone(&shared)));
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

impl Drop for Router {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
