//! Connections of the lock client's own.

use std::time::Duration;

use mongodb::{Client, options::ClientOptions};

use crate::error::Error;

/// The part of the operation time limit that the driver's search for a primary leaves, so that its error,
/// which names the fault of the connection, comes before the limit.
const REST: u32 = 10;

/// Makes a client of these options, with what the options leave open set for locks. No connection is
/// awaited.
pub(super) fn connect(mut options: ClientOptions, limit: Duration) -> Result<Client, Error> {
    let selection = limit.saturating_sub(limit / REST);
    options.server_selection_timeout.get_or_insert(selection);
    options.connect_timeout.get_or_insert(limit);
    options.app_name.get_or_insert_with(|| "mongo-lock".into());
    // Each attempt is to be one command: the operation counts its attempts, and makes the pauses.
    options.max_adaptive_retries.get_or_insert(0);
    Client::with_options(options).map_err(|error| Error::InvalidArgument {
        argument: "client options",
        problem: error.kind.to_string(),
    })
}
