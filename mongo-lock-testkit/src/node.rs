use std::{
    io,
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use mongodb::Client;
use tokio::time::sleep;

use crate::{Error, port, process::Process, setup, uri::Uri};

/// The recipe of a node, which can be run again and again.
#[derive(Debug)]
pub(crate) struct Launch {
    pub(crate) mongod: PathBuf,
    /// The arguments, without the port and the data folder.
    pub(crate) args: Vec<String>,
    /// The folder that the janitor watches.
    pub(crate) folder: PathBuf,
    /// The node's number in its server, and the name of its files.
    pub(crate) number: usize,
}

impl Launch {
    fn spawn(&self, port: u16) -> Result<Process, Error> {
        let file = |extension: &str| self.folder.join(format!("{}.{extension}", self.number));
        let data = file("data");
        std::fs::create_dir_all(&data).map_err(Error::io("create the data folder"))?;
        let mut args = self.args.clone();
        args.push(format!("--port={port}"));
        args.push(format!("--dbpath={}", data.display()));
        Process::spawn(&self.mongod, &args, file("pid"), file("log"))
    }
}

/// One `mongod` of a [`Server`](crate::Server) that this process started.
///
/// A fault of the node is a fault for all users of the server.
#[derive(Debug)]
pub struct Node {
    launch: Launch,
    port: u16,
    address: String,
    /// Without credentials until [`Node::log_in`].
    uri: Uri,
    process: Mutex<Option<Process>>,
}

impl Node {
    /// Starts a node on a free port, but does not wait for it, so that several can start at once.
    pub(crate) fn spawn(launch: Launch) -> Result<Self, Error> {
        let port = port::free()?;
        let process = launch.spawn(port)?;
        Ok(Self::new(launch, port, process))
    }

    fn new(launch: Launch, port: u16, process: Process) -> Self {
        let address = format!("127.0.0.1:{port}");
        Self {
            launch,
            port,
            uri: Uri::new([]).direct(&address),
            address,
            process: Mutex::new(Some(process)),
        }
    }

    /// Waits until the spawned node listens, on another port if it lost the race for its own.
    pub(crate) async fn listens(self) -> Result<Self, Error> {
        const ATTEMPTS: u32 = 10;
        let Self {
            launch,
            mut port,
            process,
            ..
        } = self;
        let mut process = process.into_inner().unwrap_or_else(PoisonError::into_inner);
        for _ in 0..ATTEMPTS {
            let mut started = if let Some(spawned) = process.take() {
                spawned
            } else {
                port = port::free()?;
                launch.spawn(port)?
            };
            if started.listens().await? {
                return Ok(Self::new(launch, port, started));
            }
        }
        Err(Error::io("start mongod")(io::Error::new(
            io::ErrorKind::AddrInUse,
            format!("lost the race for a port {ATTEMPTS} times in a row"),
        )))
    }

    pub(crate) fn log_in(&mut self, user: &str, password: &str) {
        self.uri = self.uri.clone().credentials(user, password, "admin");
    }

    /// The loopback port of the node, which keeps it across restarts.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address `127.0.0.1:<port>`, by which the server itself knows this member.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// A connection string for this node alone, whatever its role.
    #[must_use]
    pub fn uri(&self) -> String {
        self.uri.to_string()
    }

    /// A fresh client that talks to this node alone, whatever its role. Its background tasks live
    /// on the caller's runtime.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn client(&self) -> Client {
        setup::connect(&self.uri).await
    }

    /// Whether the process of the node exists, paused or not. A process that has crashed counts too, until
    /// [`Node::kill`] or [`Node::restart`].
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.process().is_some()
    }

    /// The process id, if the node [runs](Node::is_running).
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.process().as_ref().map(Process::pid)
    }

    /// Ends the node as a power failure does (SIGKILL), and returns when the process is gone. The data
    /// stays. Does nothing when the node does not run.
    pub fn kill(&self) {
        drop(self.process().take());
    }

    /// Starts the node again with its port and data, after a [`Node::kill`] if it still runs, and
    /// returns when the node accepts connections. The node has no role in its replica set yet by then: see
    /// [`Server::ready`](crate::Server::ready).
    ///
    /// # Errors
    ///
    /// [`Error::Start`] when the process ends at once, [`Error::Timeout`] when another process keeps the
    /// port.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, the node does not run.
    pub async fn restart(&self) -> Result<(), Error> {
        self.kill();
        let start = Instant::now();
        loop {
            let mut process = self.launch.spawn(self.port)?;
            if process.listens().await? {
                *self.process() = Some(process);
                return Ok(());
            }
            if start.elapsed() > setup::PATIENCE {
                return Err(Error::Timeout {
                    what: format!("the port {} is free for a restart", self.port),
                    after: setup::PATIENCE,
                });
            }
            sleep(setup::POLL).await;
        }
    }

    /// Pauses the node (SIGSTOP): the node keeps its connections, and the kernel even accepts new ones, but
    /// no request is answered.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when it does not run.
    pub fn pause(&self) -> Result<(), Error> {
        self.signal("STOP")
    }

    /// Lets the node go on after a [`Node::pause`] (SIGCONT). Requests that were sent meanwhile are executed
    /// now. A primary that was paused for longer than an election takes first believes that it still is
    /// the primary.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when it does not run.
    pub fn resume(&self) -> Result<(), Error> {
        self.signal("CONT")
    }

    fn signal(&self, name: &str) -> Result<(), Error> {
        match self.process().as_ref() {
            Some(process) => process.signal(name),
            None => Err(Error::io(format!("send SIG{name} to {}", self.address))(
                io::Error::new(io::ErrorKind::NotFound, "the node does not run"),
            )),
        }
    }

    fn process(&self) -> MutexGuard<'_, Option<Process>> {
        // A panic elsewhere does not change whether the process exists.
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
