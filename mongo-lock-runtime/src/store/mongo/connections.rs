//! The connections of a store: the driver's client, and how many of its connections one kind of request may
//! take.
//!
//! The driver serves the requests for a connection in the order of asking, whatever they are for: with one
//! connection and a few callers, a renewal would wait behind them until its lease is over. So the driver's
//! pool of a client with connections of its own has no limit, and the kinds of requests have:
//!
//! | requests | connections at once, for each server |
//! | --- | --- |
//! | acquisitions | `maxPoolSize`, 10 by default |
//! | releases, hand-overs, clean-ups, ends of queue entries | as many again |
//! | renewals, extensions | no limit: a client has one renewal per interval |
//! | wake-ups | no limit: one for each collection for whose locks callers wait |
//!
//! The driver opens a connection when no open one is idle, so these are upper limits.

use std::{sync::Arc, time::Duration};

use mongodb::{Client, error::Error as DriverError, options::ClientOptions};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};

use crate::store::failure::{AttemptError, Persistence};

/// The driver's default for `maxPoolSize`.
const DEFAULT_POOL_SIZE: u32 = 10;

/// The limit of the driver's pool, which is never reached: the lanes are narrower.
const NO_LIMIT: u32 = 1 << 20;

/// A client of the driver, and the lanes of its connections.
#[derive(Debug)]
pub(crate) struct Connections {
    client: Client,
    /// `None` for the client of a service, whose connections the service shares out.
    lanes: Option<Lanes>,
}

#[derive(Debug)]
struct Lanes {
    width: u32,
    acquisitions: Semaphore,
    releases: Semaphore,
}

/// A kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    Acquisitions,
    Releases,
}

impl Connections {
    /// The connections of a service's own client.
    pub(crate) fn shared(client: Client) -> Arc<Self> {
        Arc::new(Self {
            client,
            lanes: None,
        })
    }

    /// Connections of the library's own. The driver's sockets and tasks belong to the current runtime.
    pub(crate) fn open(mut options: ClientOptions) -> Result<Self, DriverError> {
        let width = options.max_pool_size.unwrap_or(DEFAULT_POOL_SIZE);
        if width > 0 {
            options.max_pool_size = Some(NO_LIMIT.max(width));
            options.min_pool_size = options.min_pool_size.map(|least| least.min(width));
        }
        // The driver refuses options that contradict each other, among them a pool of none.
        let client = Client::with_options(options)?;
        let permits = usize::try_from(width).unwrap_or(Semaphore::MAX_PERMITS);
        let permits = permits.min(Semaphore::MAX_PERMITS);
        Ok(Self {
            client,
            lanes: Some(Lanes {
                width,
                acquisitions: Semaphore::new(permits),
                releases: Semaphore::new(permits),
            }),
        })
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Waits for a place in a lane, for at most `limit`, first come, first served. The request is to be sent
    /// while the place is held.
    pub(super) async fn place(
        &self,
        lane: Lane,
        limit: Duration,
    ) -> Result<Option<SemaphorePermit<'_>>, AttemptError> {
        let Some(lanes) = &self.lanes else {
            return Ok(None);
        };
        let semaphore = match lane {
            Lane::Acquisitions => &lanes.acquisitions,
            Lane::Releases => &lanes.releases,
        };
        if let Ok(permit) = semaphore.try_acquire() {
            return Ok(Some(permit));
        }
        match timeout(limit, semaphore.acquire()).await {
            Ok(Ok(permit)) => Ok(Some(permit)),
            _ => Err(AttemptError::new(
                format!(
                    "all connections for this kind of request are in use, {} of them; a larger \
                     `maxPoolSize` allows more",
                    lanes.width
                ),
                Persistence::Transient,
                // It was not sent.
                false,
            )),
        }
    }
}
