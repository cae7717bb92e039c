use std::{
    io,
    net::{SocketAddr, TcpListener as StdListener},
    thread::{self, JoinHandle},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    runtime,
    sync::{mpsc, oneshot, watch},
    task::JoinSet,
};

use crate::{Error, Server, TestDb, port, uri::Uri};

/// The treatment of a [`Proxy`]'s connections, old and new ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProxyMode {
    /// All passes, first of all what was held back.
    Forward,
    /// Nothing passes, in either direction, and nothing is lost: a network partition. New
    /// connections are accepted. What a client sent before it gave up still arrives when the
    /// partition heals; [`ProxyMode::Refuse`] in between loses it.
    Hang,
    /// Requests pass and replies are held back: the server does what the client does not learn of.
    HoldReplies,
    /// Connections are closed, with what was held back in them, and new ones refused: a server
    /// that is down.
    Refuse,
}

impl ProxyMode {
    fn passes(self, direction: Direction) -> bool {
        match direction {
            Direction::Request => matches!(self, Self::Forward | Self::HoldReplies),
            Direction::Reply => self == Self::Forward,
        }
    }
}

#[derive(Clone, Copy)]
enum Direction {
    Request,
    Reply,
}

type Command = (ProxyMode, oneshot::Sender<io::Result<()>>);

/// A proxy before one address, which makes the address hang or fail to order, for the clients of the proxy
/// alone: so it works before a server that others use too.
///
/// The proxy runs on a thread of its own, whatever the runtime of the test does, and ends on drop.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    uri: Uri,
    /// Taken on drop, which ends the thread.
    commands: Option<mpsc::UnboundedSender<Command>>,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Listens on a free loopback port and forwards to `target`, a `host:port`.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when there is no port or no thread.
    pub fn start(target: &str) -> Result<Self, Error> {
        Self::before(target.to_owned(), Uri::new([]))
    }

    /// `uri` is for its credentials and options.
    fn before(target: String, uri: Uri) -> Result<Self, Error> {
        let listen = || -> io::Result<_> {
            let listener = port::bind()?;
            listener.set_nonblocking(true)?;
            let address = listener.local_addr()?;
            let runtime = runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            Ok((listener, address, runtime))
        };
        let (listener, address, runtime) = listen().map_err(Error::io("start a proxy"))?;
        let (sender, commands) = mpsc::unbounded_channel();
        let thread = thread::Builder::new()
            .name("proxy".to_owned())
            .spawn(move || runtime.block_on(serve(listener, address, target, commands)))
            .map_err(Error::io("start the thread of a proxy"))?;
        Ok(Self {
            address,
            uri: uri.direct(&address.to_string()),
            commands: Some(sender),
            thread: Some(thread),
        })
    }

    /// The address of the proxy. The port stays the same in every mode.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A connection string for a direct connection through the proxy: a driver that looked for the
    /// other members of a replica set would go around it. It has the credentials of the server
    /// when it comes from [`Server::proxy`].
    #[must_use]
    pub fn uri(&self) -> String {
        self.uri.to_string()
    }

    /// [`Proxy::uri`] with `db` as the default database.
    #[must_use]
    pub fn uri_for(&self, db: &TestDb) -> String {
        self.uri.clone().database(db.name()).to_string()
    }

    /// Switches to another mode, which holds for every byte and every connection from when this returns.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when the port was lost to another process while the proxy refused
    /// connections.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, the mode changes a little later.
    pub async fn set(&self, mode: ProxyMode) -> Result<(), Error> {
        let (done, changed) = oneshot::channel();
        let ended = || io::Error::other("its thread has ended");
        let change = async {
            let commands = self.commands.as_ref().ok_or_else(ended)?;
            commands.send((mode, done)).map_err(|_| ended())?;
            changed.await.map_err(|_| ended())?
        };
        change.await.map_err(Error::io("switch the proxy"))
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.commands.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Server {
    /// A [`Proxy`] before the node that is the primary now.
    ///
    /// # Errors
    ///
    /// [`Error::Mongo`] or [`Error::Timeout`] when the server does not tell, [`Error::Io`] when
    /// the proxy cannot start.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn proxy(&self) -> Result<Proxy, Error> {
        let primary = self.primary_uri().await?;
        Proxy::before(primary.first_address(), primary)
    }
}

/// All on one thread: between two awaits of this function, no connection makes progress.
async fn serve(
    listener: StdListener,
    address: SocketAddr,
    target: String,
    mut commands: mpsc::UnboundedReceiver<Command>,
) {
    let mut listener = TcpListener::from_std(listener).ok();
    let mut connections = JoinSet::new();
    let mode = watch::Sender::new(ProxyMode::Forward);
    loop {
        tokio::select! {
            command = commands.recv() => {
                let Some((wanted, done)) = command else { return };
                let mut result = Ok(());
                if wanted == ProxyMode::Refuse {
                    listener = None;
                    connections.shutdown().await;
                } else if listener.is_none() {
                    match TcpListener::bind(address).await {
                        Ok(bound) => listener = Some(bound),
                        Err(error) => result = Err(error),
                    }
                }
                mode.send_replace(wanted);
                let _ = done.send(result);
            }
            // A client that is gone before it was accepted is no concern of ours.
            accepted = accept(listener.as_ref()) => if let Ok(client) = accepted {
                connections.spawn(connect(client, target.clone(), mode.subscribe()));
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn accept(listener: Option<&TcpListener>) -> io::Result<TcpStream> {
    match listener {
        Some(listener) => Ok(listener.accept().await?.0),
        None => std::future::pending().await,
    }
}

/// Ends as the connection does, in whatever way.
async fn connect(
    client: TcpStream,
    target: String,
    mode: watch::Receiver<ProxyMode>,
) -> io::Result<()> {
    let server = TcpStream::connect(target).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::try_join!(
        pump(from_client, to_server, mode.clone(), Direction::Request),
        pump(from_server, to_client, mode, Direction::Reply),
    )?;
    Ok(())
}

async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut mode: watch::Receiver<ProxyMode>,
    direction: Direction,
) -> io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let length = from.read(&mut buffer).await?;
        // The end of the stream waits its turn too, as it does behind packets that are lost.
        mode.wait_for(|mode| mode.passes(direction))
            .await
            .map_err(io::Error::other)?;
        if length == 0 {
            return to.shutdown().await;
        }
        to.write_all(&buffer[..length]).await?;
    }
}
