//! Connections of the library's own.

use std::{
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use mongodb::options::ClientOptions;

use super::monitor::Monitor;
use crate::{error::Error, store::Connections};

/// The part of the operation time limit that the driver's search for a primary leaves, so that its error,
/// which names the fault of the connection, comes before the limit.
const REST: u32 = 10;

/// The connections of this process that can be shared, and may be in use.
static OPEN: Mutex<Vec<Open>> = Mutex::new(Vec::new());

struct Open {
    options: ClientOptions,
    connections: Weak<Connections>,
    monitor: Arc<Monitor>,
}

/// With which other clients of the process a client shares its connections.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sharing {
    None,
    /// Those with equal options. For options without handlers and callbacks, which cannot be compared.
    EqualOptions,
}

/// Opens connections with these options, with what the options leave open set for locks, or finds those that
/// are open already. No connection is awaited. Sockets and the driver's tasks belong to the current runtime.
pub(super) fn connect(
    mut options: ClientOptions,
    sharing: Sharing,
    limit: Duration,
) -> Result<(Arc<Connections>, Arc<Monitor>), Error> {
    let selection = limit.saturating_sub(limit / REST);
    options.server_selection_timeout.get_or_insert(selection);
    options.connect_timeout.get_or_insert(limit);
    options.app_name.get_or_insert_with(|| "mongo-lock".into());
    // Each attempt is to be one command: the operation counts its attempts, and makes the pauses.
    options.max_adaptive_retries.get_or_insert(0);
    if sharing == Sharing::None {
        return new(options);
    }
    // No code in the critical section panics, or waits.
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    open.retain(|open| open.connections.strong_count() > 0);
    let equal = open.iter().find(|open| open.options == options);
    if let Some(equal) = equal
        && let Some(connections) = equal.connections.upgrade()
    {
        return Ok((connections, Arc::clone(&equal.monitor)));
    }
    let (connections, monitor) = new(options.clone())?;
    open.push(Open {
        options,
        connections: Arc::downgrade(&connections),
        monitor: Arc::clone(&monitor),
    });
    Ok((connections, monitor))
}

fn new(mut options: ClientOptions) -> Result<(Arc<Connections>, Arc<Monitor>), Error> {
    let monitor = Monitor::install(&mut options);
    let connections = Connections::open(options).map_err(|error| Error::InvalidArgument {
        argument: "client options",
        problem: error.kind.to_string(),
    })?;
    Ok((Arc::new(connections), Arc::new(monitor)))
}
