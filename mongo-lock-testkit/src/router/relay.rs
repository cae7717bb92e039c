//! One connection of a client, and the way from there to the primary of the shard.

use std::{
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use mongodb::bson::{Document, RawDocumentBuf, rawdoc};
use tokio::{
    net::TcpStream,
    time::{Instant, sleep, timeout},
};

use super::disguise;
use crate::wire::Message;

/// The time for which a router looks for a primary before it gives up on a command. A real one takes
/// up to 15 s, or the command's own limit.
const LOOK: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(50);
/// The longest that one member may take to say whether it is the primary: it may be paused.
const ANSWER: Duration = Duration::from_millis(300);

/// The part of a router that its connections share.
#[derive(Debug)]
pub(super) struct Shared {
    /// The members of the shard's replica set.
    pub(super) members: Vec<String>,
    pub(super) offset_ms: AtomicI64,
    /// `database.collection` and the shard key of sharded collections.
    pub(super) sharded: Mutex<Vec<(String, Document)>>,
    /// A reply to `hello`, for the time without a primary.
    pub(super) hello: Mutex<Option<RawDocumentBuf>>,
}

/// One connection: ends as its client does.
pub(super) async fn serve(mut client: TcpStream, shared: Arc<Shared>) -> io::Result<()> {
    client.set_nodelay(true)?;
    let mut upstream = Shard {
        shared,
        connection: None,
        handshake: None,
    };
    while let Some(mut request) = Message::read(&mut client).await? {
        request.forbid_exhaust();
        let reply = tokio::select! {
            reply = upstream.call(&request) => reply?,
            () = gone(&client) => return Ok(()),
        };
        if let Some(reply) = reply {
            reply.write(&mut client).await?;
        }
    }
    Ok(())
}

/// Resolves when the client closes its connection, as a driver does whose caller has given up: the
/// router then stops to wait for the shard.
async fn gone(client: &TcpStream) {
    loop {
        match client.peek(&mut [0]).await {
            Ok(0) | Err(_) => return,
            // A driver sends its next request after the reply.
            Ok(_) => sleep(PAUSE).await,
        }
    }
}

struct Shard {
    shared: Arc<Shared>,
    connection: Option<TcpStream>,
    /// The client's first `hello`, by which the shard knows the client, too.
    handshake: Option<Message>,
}

impl Shard {
    /// The reply to the request, if it is to have one. Only what makes the connection useless to the
    /// client is an error.
    async fn call(&mut self, request: &Message) -> io::Result<Option<Message>> {
        let name = disguise::name(&request.body).to_owned();
        if disguise::is_hello(&name) {
            return Ok(Some(self.hello(request).await));
        }
        if let Some(refusal) = self.shared.refusal(&request.body) {
            return Ok(Some(request.reply(refusal)));
        }
        let offset_ms = self.shared.offset_ms.load(Ordering::Relaxed);
        let mut forwarded = request.clone();
        forwarded.body = disguise::command(forwarded.body, offset_ms);
        if self.connect().await.is_none() {
            let error = disguise::error(disguise::NO_PRIMARY_FOUND, "the shard has no primary");
            return Ok(Some(request.reply(error)));
        }
        let reply = match self.exchange(&forwarded).await {
            Ok(None) => return Ok(None),
            Ok(Some(mut reply)) => {
                if let Some(body) = disguise::rewritten(&reply.body) {
                    self.connection = None;
                    reply.body = body;
                }
                reply
            }
            Err(_) => {
                let code = disguise::HOST_UNREACHABLE;
                request.reply(disguise::error(code, "the shard closed the connection"))
            }
        };
        Ok(Some(reply))
    }

    async fn hello(&mut self, request: &Message) -> Message {
        let first = self.handshake.is_none();
        if first {
            self.handshake = Some(request.clone());
        }
        if self.connection.is_none() {
            // Connecting sends the handshake, which may be this very request.
            if let Some(reply) = self.connect().await
                && first
            {
                return request.reply(disguise::hello(&reply));
            }
        }
        if self.connection.is_some()
            && let Ok(Some(mut reply)) = self.exchange(request).await
        {
            reply.body = disguise::hello(&reply.body);
            return reply;
        }
        let known = self.shared.hello.lock();
        let known = known.unwrap_or_else(PoisonError::into_inner).clone();
        request.reply(disguise::hello(&known.unwrap_or_default()))
    }

    /// Connects to the primary, unless that is done, and gives the reply to the handshake.
    async fn connect(&mut self) -> Option<RawDocumentBuf> {
        if self.connection.is_some() {
            return Some(RawDocumentBuf::new());
        }
        let end = Instant::now() + LOOK;
        loop {
            let shared = Arc::clone(&self.shared);
            for member in &shared.members {
                let asked = timeout(ANSWER, is_primary(member)).await;
                let Ok(Ok(Some(hello))) = asked else {
                    continue;
                };
                *shared.hello() = Some(hello);
                let Ok(Ok(connection)) = timeout(ANSWER, TcpStream::connect(member)).await else {
                    continue;
                };
                let _ = connection.set_nodelay(true);
                self.connection = Some(connection);
                let Some(handshake) = self.handshake.clone() else {
                    return Some(RawDocumentBuf::new());
                };
                if let Ok(Some(reply)) = self.exchange(&handshake).await {
                    return Some(reply.body);
                }
            }
            if Instant::now() > end {
                return None;
            }
            sleep(PAUSE).await;
        }
    }

    /// One request and its reply. Afterwards, a connection that failed is gone.
    async fn exchange(&mut self, request: &Message) -> io::Result<Option<Message>> {
        // Put back when the exchange is complete: a connection with half a reply is useless.
        let connection = self.connection.take();
        let mut connection = connection.ok_or(io::ErrorKind::NotConnected)?;
        request.write(&mut connection).await?;
        let reply = if request.is_unacknowledged() {
            None
        } else {
            let reply = Message::read(&mut connection).await?;
            Some(reply.ok_or(io::ErrorKind::UnexpectedEof)?)
        };
        self.connection = Some(connection);
        Ok(reply)
    }
}

/// The reply of this member to `hello`, if it is the primary. On a connection of its own: the client's
/// first message must be the first on the client's.
async fn is_primary(member: &str) -> io::Result<Option<RawDocumentBuf>> {
    let mut connection = TcpStream::connect(member).await?;
    let hello = Message::command(rawdoc! { "hello": 1, "$db": "admin" });
    hello.write(&mut connection).await?;
    let reply = Message::read(&mut connection).await?;
    Ok(reply
        .map(|reply| reply.body)
        .filter(|reply| reply.get_bool("isWritablePrimary") == Ok(true)))
}

impl Shared {
    fn hello(&self) -> std::sync::MutexGuard<'_, Option<RawDocumentBuf>> {
        self.hello.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The error for a command on a sharded collection that does not say for which shard it is.
    fn refusal(&self, command: &RawDocumentBuf) -> Option<RawDocumentBuf> {
        let sharded = self.sharded.lock();
        let sharded = sharded.unwrap_or_else(PoisonError::into_inner);
        let collection = command.get_str(disguise::name(command)).ok()?;
        let namespace = format!("{}.{collection}", command.get_str("$db").ok()?);
        let (_, key) = sharded.iter().find(|(name, _)| *name == namespace)?;
        disguise::without_shard_key(command, key)
    }
}
