//! What the driver's monitors last saw of each server, for an error that says why there is no primary.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use mongodb::{
    bson::Document,
    error::{Error as DriverError, ErrorKind},
    event::{EventHandler, sdam::SdamEvent},
    options::{ClientOptions, ServerAddress, Tls},
};

/// The wire version of MongoDB 4.4, the oldest that the driver works with.
const OLDEST_WIRE_VERSION: i32 = 9;

/// The servers of one client, as long as this value lives.
pub(super) struct Monitor {
    servers: Arc<Mutex<BTreeMap<String, Seen>>>,
    asked: Asked,
}

/// What the options say of the servers.
struct Asked {
    hosts: Vec<ServerAddress>,
    set: Option<String>,
    tls: bool,
}

enum Seen {
    Failed(DriverError),
    Answered(Document),
}

impl Monitor {
    /// Listens to the monitors of the client that is made of these options, beside a listener that is there.
    pub(super) fn install(options: &mut ClientOptions) -> Self {
        let servers = Arc::<Mutex<BTreeMap<String, Seen>>>::default();
        let seen = Arc::downgrade(&servers);
        let note = move |event: &SdamEvent| {
            let Some(servers) = seen.upgrade() else {
                return;
            };
            let (address, sight) = match event {
                SdamEvent::ServerHeartbeatFailed(event) => {
                    (&event.server_address, Seen::Failed(event.failure.clone()))
                }
                SdamEvent::ServerHeartbeatSucceeded(event) => {
                    (&event.server_address, Seen::Answered(event.reply.clone()))
                }
                _ => return,
            };
            let mut servers = servers.lock().unwrap_or_else(PoisonError::into_inner);
            servers.insert(address.to_string(), sight);
        };
        options.sdam_event_handler = Some(match options.sdam_event_handler.take() {
            None => EventHandler::callback(move |event| note(&event)),
            Some(EventHandler::Callback(theirs)) => EventHandler::callback(move |event| {
                note(&event);
                theirs(event);
            }),
            Some(EventHandler::AsyncCallback(theirs)) => {
                EventHandler::async_callback(move |event| {
                    note(&event);
                    theirs(event)
                })
            }
            Some(EventHandler::TokioMpsc(theirs)) => EventHandler::async_callback(move |event| {
                note(&event);
                let theirs = theirs.clone();
                Box::pin(async move { drop(theirs.send(event).await) })
            }),
            // A kind of listener that a later driver has.
            #[allow(unreachable_patterns)]
            Some(other) => other,
        });
        let tls = matches!(options.tls, Some(Tls::Enabled(_)));
        let asked = Asked {
            hosts: options.hosts.clone(),
            set: options.repl_set_name.clone(),
            tls,
        };
        Self { servers, asked }
    }

    /// The server that takes writes, as far as its last answer says.
    pub(super) fn primary(&self) -> Option<String> {
        let servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        let writable = |seen: &Seen| match seen {
            Seen::Answered(hello) => hello.get_bool("isWritablePrimary").unwrap_or(false),
            Seen::Failed(_) => false,
        };
        let primary = servers.iter().find(|(_, seen)| writable(seen));
        primary.map(|(address, _)| address.clone())
    }

    /// The reason for which there is no primary: what was seen of each server, and the remedy.
    pub(super) fn explain(&self) -> String {
        let servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        let mut lines: Vec<String> = servers
            .iter()
            .map(|(address, seen)| match seen {
                Seen::Failed(error) => self.asked.failed(address, error),
                Seen::Answered(hello) => self.asked.answered(address, hello),
            })
            .collect();
        let silent = self.asked.hosts.iter().map(ToString::to_string);
        lines.extend(
            silent
                .filter(|host| !servers.contains_key(host))
                .map(|host| {
                    format!(
                        "`{host}` accepts connections and does not answer, or cannot be reached"
                    )
                }),
        );
        lines.join("; ")
    }
}

impl Asked {
    fn failed(&self, address: &str, error: &DriverError) -> String {
        let said = error.kind.to_string();
        let remedy = match &*error.kind {
            ErrorKind::Io(io) => self.io(&io.to_string(), io.kind()),
            ErrorKind::Command(_) if said.to_lowercase().contains("apiversion") => {
                ": the server requires the Stable API; build the client with \
                 `server_api(ServerApi::builder().version(ServerApiVersion::V1).build())`"
            }
            _ => "",
        };
        format!("`{address}`: {said}{remedy}")
    }

    fn io(&self, said: &str, kind: std::io::ErrorKind) -> &'static str {
        use std::io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
        if said.contains("lookup address") || said.contains("Name or service not known") {
            ": the DNS does not know this host; check the address"
        } else if said.to_lowercase().contains("certificate") {
            ": the two sides do not trust each other's certificates; name the authority with \
             `tlsCAFile=…`, and the client's own certificate with `tlsCertificateKeyFile=…`"
        } else if self.tls && (said.contains("tls") || said.contains("corrupt")) {
            ": the address asks for TLS, which the server may not speak; if so, leave `tls=true` out"
        } else if !self.tls && matches!(kind, UnexpectedEof | ConnectionReset | BrokenPipe) {
            ": the server closed the connection; if it requires TLS, add `tls=true` to the address"
        } else {
            ""
        }
    }

    fn answered(&self, address: &str, hello: &Document) -> String {
        let version = hello.get_i32("maxWireVersion").unwrap_or_default();
        if version < OLDEST_WIRE_VERSION {
            return format!(
                "`{address}` speaks wire version {version}, that of a MongoDB before 4.4; MongoDB 4.4 \
                 or later is needed"
            );
        }
        let set = hello.get_str("setName").ok();
        match (&self.set, set) {
            (Some(asked), Some(set)) if asked != set => format!(
                "`{address}` belongs to the replica set `{set}`, and the address asks for `{asked}`; \
                 write `replicaSet={set}`"
            ),
            (Some(asked), None) => format!(
                "`{address}` belongs to no replica set, and the address asks for `{asked}`; leave \
                 `replicaSet={asked}` out"
            ),
            (_, Some(set)) if !hello.get_bool("isWritablePrimary").unwrap_or(false) => format!(
                "`{address}` is up and is not the primary of its replica set `{set}`{}",
                match hello.get_str("primary") {
                    Ok(primary) => format!(", which is `{primary}`"),
                    Err(_) => ", which has none".into(),
                }
            ),
            _ => format!("`{address}` is up"),
        }
    }
}
