//! The source of the connections: an address, options, or a client that exists already.

use std::{sync::Arc, time::Duration};

use mongodb::{
    Client,
    error::ErrorKind,
    options::{ClientOptions, ServerApi},
};
use tokio::time::timeout;

use super::{
    connect::{Sharing, connect},
    monitor::Monitor,
    redact::redact,
};
use crate::{error::Error, store::Connections};

#[derive(Clone)]
pub(super) enum Source {
    Client(Box<Client>),
    Options(Box<ClientOptions>),
    Uri(String),
}

impl Source {
    /// Reads the source, and opens its connections, without waiting for one. The look-up of a `mongodb+srv://`
    /// address goes over the network.
    pub(super) async fn open(
        self,
        api: Option<ServerApi>,
        limit: Duration,
    ) -> Result<(Arc<Connections>, Option<Arc<Monitor>>), Error> {
        let (mut options, sharing) = match self {
            Self::Client(_) if api.is_some() => {
                return Err(Error::InvalidArgument {
                    argument: "server_api",
                    problem: "a client that exists already has its own; set `server_api` in the \
                              `ClientOptions` of which that client is made"
                        .into(),
                });
            }
            Self::Client(client) => return Ok((Connections::shared(*client), None)),
            // Callbacks and handlers cannot be compared.
            Self::Options(options) => (*options, Sharing::None),
            Self::Uri(uri) => (parse(&uri, limit).await?, Sharing::EqualOptions),
        };
        if api.is_some() {
            options.server_api = api;
        }
        let (connections, monitor) = connect(options, sharing, limit)?;
        Ok((connections, Some(monitor)))
    }
}

async fn parse(uri: &str, limit: Duration) -> Result<ClientOptions, Error> {
    let Ok(parsed) = timeout(limit, ClientOptions::parse(uri)).await else {
        return Err(Error::StartUp {
            problem: format!(
                "the DNS gave no answer about {} within {limit:?}; check the name server of this \
                 machine",
                srv_host(uri)
            ),
            source: None,
        });
    };
    parsed.map_err(|error| match &*error.kind {
        ErrorKind::DnsResolve { message, .. } => Error::StartUp {
            problem: format!(
                "the DNS look-up of {} failed; check the name, and that a name server can be reached \
                 from here: {}",
                srv_host(uri),
                redact(without_query(message), uri)
            ),
            // The driver's text has parts of the connection string.
            source: None,
        },
        kind => {
            let mut problem = redact(&kind.to_string(), uri);
            // What the driver says where its feature is off, whichever crate could have asked for it.
            if problem.contains("dns-resolver") {
                problem += "; it is the feature `dns-resolver` of mongo-lock-runtime, too, and among its \
                            default ones";
            }
            Error::InvalidArgument {
                argument: "uri",
                problem,
            }
        }
    })
}

/// What the resolver says, without the debug text of its query at the end.
fn without_query(message: &str) -> &str {
    message.split(" for Query {").next().unwrap_or(message)
}

/// The host of a `mongodb+srv://` address, as it is looked up.
fn srv_host(uri: &str) -> String {
    let rest = uri.split_once("://").map_or(uri, |(_, rest)| rest);
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    let host = rest.split(['/', '?']).next().unwrap_or_default();
    format!("`_mongodb._tcp.{host}`")
}
