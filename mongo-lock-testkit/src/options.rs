use std::{
    fs, panic,
    path::{Path, PathBuf},
};

use tokio::task;

use crate::{
    Error, Server, find,
    janitor::Home,
    node::{Launch, Node},
    server::Credentials,
    setup, unique,
    uri::Uri,
};

/// The number of nodes, and how they belong together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Topology {
    /// One `mongod` without replication: no transactions, no retryable writes, no change streams.
    Standalone,
    /// A replica set of one node: all that a set can do, but no fail-over.
    #[default]
    ReplicaSet,
    /// A replica set of three data-bearing nodes. When the primary dies, another one takes its
    /// place within about three seconds; when it is asked to step down, at once.
    ReplicaSetOfThree,
}

impl Topology {
    fn nodes(self) -> usize {
        match self {
            Self::Standalone | Self::ReplicaSet => 1,
            Self::ReplicaSetOfThree => 3,
        }
    }
}

/// A server to be started: [`Server::builder`].
#[derive(Clone, Debug, Default)]
#[must_use = "nothing starts before `start` is called"]
pub struct ServerBuilder {
    topology: Topology,
    /// Arguments beside those of every server.
    more: Vec<String>,
    credentials: Option<Credentials>,
}

impl ServerBuilder {
    /// The topology. Default: [`Topology::ReplicaSet`].
    pub fn topology(mut self, topology: Topology) -> Self {
        self.topology = topology;
        self
    }

    /// Whether the TTL monitor deletes expired documents; by default it does, once a minute.
    /// `.parameter("ttlMonitorSleepSecs", 1)` has it work faster.
    pub fn ttl_monitor(self, enabled: bool) -> Self {
        self.parameter("ttlMonitorEnabled", enabled)
    }

    /// Has the server require a log-in, and gives this user the role `root`. [`Server::uri`] and
    /// every client that comes from the server have these credentials;
    /// [`TestDb::create_user`](crate::TestDb::create_user) makes a user with fewer rights.
    pub fn auth(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.credentials = Some(Credentials {
            user: user.into(),
            password: password.into(),
        });
        self
    }

    /// Has the server take connections with TLS, too. `certificate` is a PEM file with the server's certificate,
    /// for `127.0.0.1`, and its key; `authority` one with that of the authority which has signed it, and which
    /// signs those of clients. [`Server::uri`] goes on without TLS; to refuse that from some time on, set the
    /// parameter `tlsMode` to `requireTLS`.
    pub fn tls(mut self, certificate: &Path, authority: &Path) -> Self {
        self.more.extend([
            "--tlsMode=preferTLS".to_owned(),
            format!("--tlsCertificateKeyFile={}", certificate.display()),
            format!("--tlsCAFile={}", authority.display()),
            "--tlsAllowConnectionsWithoutCertificates".to_owned(),
        ]);
        self
    }

    /// One more `--setParameter`, on every node. Given twice, the last one counts.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "`parameter(\"name\", 1)` reads better than `&1`"
    )]
    pub fn parameter(mut self, name: &str, value: impl ToString) -> Self {
        self.more
            .push(format!("--setParameter={name}={}", value.to_string()));
        self
    }

    /// Starts the server. It has a writable primary, and every node has its role, when this
    /// returns.
    ///
    /// It takes its own resources on every call; use [`Server::shared`] unless the test harms the
    /// server or needs another topology.
    ///
    /// # Errors
    ///
    /// [`Error::NoServer`] when there is no `mongod`, [`Error::Start`] when it does not run here,
    /// [`Error::Timeout`] when it has no primary after a minute.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, nodes that were started are stopped.
    pub async fn start(self) -> Result<Server, Error> {
        // It may have to fetch.
        let mongod = task::spawn_blocking(find::find_mongod)
            .await
            .unwrap_or_else(|error| panic::resume_unwind(error.into_panic()))?;
        // Nodes are declared after it, and so die first.
        let home = Home::new()?;
        let set = match self.topology {
            Topology::Standalone => None,
            // A port can pass on to a server of another test; the name keeps its clients out.
            _ => Some(unique::name("set")),
        };
        let args = self.args(&home.nodes(), set.as_deref())?;
        let mut nodes = self.nodes(&mongod, &args, home.nodes()).await?;

        if let Some(set) = &set {
            setup::initiate(set, &nodes).await?;
        }
        if let Some(Credentials { user, password }) = &self.credentials {
            setup::create_root(user, password, &nodes).await?;
            for node in &mut nodes {
                node.log_in(user, password);
            }
        }

        let mut uri = Uri::new(nodes.iter().map(Node::address));
        uri = match &set {
            Some(set) => uri.option("replicaSet", set),
            None => uri.option("directConnection", "true"),
        };
        if let Some(Credentials { user, password }) = &self.credentials {
            uri = uri.credentials(user, password, "admin");
        }
        let server = Server::own(uri, nodes, home);
        server.ready().await?;
        Ok(server)
    }

    async fn nodes(
        &self,
        mongod: &Path,
        args: &[String],
        folder: PathBuf,
    ) -> Result<Vec<Node>, Error> {
        let spawned = (0..self.topology.nodes())
            .map(|number| {
                Node::spawn(Launch {
                    mongod: mongod.to_owned(),
                    args: args.to_owned(),
                    folder: folder.clone(),
                    number,
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        let mut nodes = Vec::with_capacity(spawned.len());
        for node in spawned {
            nodes.push(node.listens().await?);
        }
        Ok(nodes)
    }

    /// The arguments that all nodes have in common.
    fn args(&self, folder: &Path, set: Option<&str>) -> Result<Vec<String>, Error> {
        let mut args: Vec<String> = [
            "--bind_ip=127.0.0.1",
            "--nounixsocket",
            // Test data is small, and several servers run at once.
            "--wiredTigerCacheSizeGB=0.25",
            // By default each node sets 300 MB of the disk aside for its journal.
            "--wiredTigerEngineConfigString=log=(prealloc=false,file_max=16MB)",
            // A line per connection is noise.
            "--quiet",
            // For fail points.
            "--setParameter=enableTestCommands=1",
            "--setParameter=diagnosticDataCollectionEnabled=false",
        ]
        .map(str::to_owned)
        .into();
        if let Some(set) = set {
            args.push(format!("--replSet={set}"));
            // In megabytes; by default it is 5 % of the disk.
            args.push("--oplogSize=64".to_owned());
        }
        if self.credentials.is_some() {
            if set.is_some() {
                args.push(format!("--keyFile={}", write_key(folder)?.display()));
            } else {
                args.push("--auth".to_owned());
            }
        }
        args.extend(self.more.iter().cloned());
        Ok(args)
    }
}

/// The secret by which the nodes of a set with log-ins know each other.
fn write_key(folder: &Path) -> Result<PathBuf, Error> {
    let path = folder.join("key");
    // At least six characters of base64.
    let key = format!("{:016x}{:016x}", unique::bits(), unique::bits());
    fs::write(&path, key).map_err(Error::io("write the key file"))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // `mongod` refuses one that others could read.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))
            .map_err(Error::io("protect the key file"))?;
    }
    Ok(path)
}
