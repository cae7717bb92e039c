//! The contenders, and the operations that they compete in.

use anyhow::Result;
use mongo_lock_runtime::LockClient;
use mongodb::{Database, bson::doc};
use tracing::{Dispatch, instrument::WithSubscriber as _};

use crate::{
    observed::{HearsSpans, metrics},
    ours::Ours,
    raw::Raw,
    recipe::Recipe,
};

/// The operation that is timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    Ping,
    /// Acquire a free lock and release it.
    Pair,
    /// Ask for a lock that another owner holds.
    Refusal,
}

/// The way in which a contender does the operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// The driver's typed helpers, with the retryable writes that are its default.
    Typed,
    /// The typed helpers once more: the distance of their ratio from 1.00 is the resolution of the run.
    Control,
    /// The driver's `run_command`. It sends no transaction number, so that the server does not
    /// write a second document per command. Neither do we, hence this stricter comparison.
    Command,
    /// Insert a unique document, delete it.
    Recipe,
    /// `#[distributed_lock]`
    Attribute,
    /// `LockClient::try_acquire`
    Guard,
    /// `#[distributed_lock]` on a client with the observer of metrics, and a recorder that keeps them.
    Observed,
    /// `#[distributed_lock]` under a subscriber of `tracing` that hears the span of a run.
    Spanned,
    /// `LockClient::try_acquire` of a lock client on the driver's client that the others use.
    Shared,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Contender {
    pub(crate) work: Work,
    pub(crate) way: Way,
}

pub(crate) const PING: Contender = Contender {
    work: Work::Ping,
    way: Way::Command,
};

/// In the order of the table.
pub(crate) const ALL: [Contender; 19] = {
    use Way::{Attribute, Command, Control, Guard, Observed, Recipe, Shared, Spanned, Typed};
    use Work::{Pair, Refusal};
    const fn of(work: Work, way: Way) -> Contender {
        Contender { work, way }
    }
    [
        PING,
        of(Pair, Typed),
        of(Pair, Control),
        of(Pair, Command),
        of(Pair, Recipe),
        of(Pair, Attribute),
        of(Pair, Observed),
        of(Pair, Spanned),
        of(Pair, Guard),
        of(Pair, Shared),
        of(Refusal, Typed),
        of(Refusal, Control),
        of(Refusal, Command),
        of(Refusal, Recipe),
        of(Refusal, Attribute),
        of(Refusal, Observed),
        of(Refusal, Spanned),
        of(Refusal, Guard),
        of(Refusal, Shared),
    ]
};

/// All that the contenders need.
pub(crate) struct Field {
    database: Database,
    raw: Raw,
    recipe: Recipe,
    ours: Ours,
    observed: Ours,
    shared: Ours,
    subscriber: Dispatch,
}

impl Field {
    pub(crate) async fn prepare(database: &Database, uri: &str) -> Result<Self> {
        let client = LockClient::connect(uri).await?;
        let shared = LockClient::builder()
            .client(database.client().clone())
            .database(database.name())
            .build()
            .await?;
        // The two share their connections.
        let observed = LockClient::builder()
            .uri(uri)
            .observer(metrics())
            .build()
            .await?;
        client.install_global()?;
        Ok(Self {
            database: database.clone(),
            // In our collection, whose index costs them the same, and with an owner as long.
            raw: Raw::prepare(database, "distributed_locks", client.owner()).await?,
            recipe: Recipe::prepare(database, client.owner()).await?,
            ours: Ours::prepare(client, "own").await?,
            observed: Ours::prepare(observed, "observed").await?,
            shared: Ours::prepare(shared, "shared").await?,
            subscriber: Dispatch::new(HearsSpans),
        })
    }

    pub(crate) fn database(&self) -> &Database {
        &self.database
    }

    /// Waits until the server has nothing left to flush. A command that wants a majority would
    /// else pay for what its predecessor left behind, even one that changes nothing.
    ///
    /// The command is one that no contender sends: a contender that sent an equal one would find the
    /// server's code in the processor's caches, which is worth a twentieth of a refusal.
    pub(crate) async fn settle(&self) -> Result<()> {
        let nothing = doc! {
            "update": "settle",
            "updates": [{ "q": { "_id": 0 }, "u": { "$set": { "settled": true } } }],
            "writeConcern": { "w": "majority" },
        };
        self.database.run_command(nothing).await?;
        Ok(())
    }

    pub(crate) async fn run(&self, contender: Contender) -> Result<()> {
        match (contender.work, contender.way) {
            (Work::Ping, _) => {
                self.database.run_command(doc! { "ping": 1 }).await?;
                Ok(())
            }
            (Work::Pair, Way::Typed) => self.raw.pair("free-typed").await,
            (Work::Pair, Way::Control) => self.raw.pair("free-control").await,
            (Work::Pair, Way::Command) => self.raw.pair_by_command("free-command").await,
            (Work::Pair, Way::Recipe) => self.recipe.pair("free-recipe").await,
            (Work::Pair, Way::Attribute) => self.ours.pair().await,
            (Work::Pair, Way::Observed) => self.observed.in_scope(Ours::pair).await,
            (Work::Pair, Way::Spanned) => {
                let pair = self.ours.in_scope(Ours::pair);
                pair.with_subscriber(self.subscriber.clone()).await
            }
            (Work::Pair, Way::Guard) => self.ours.pair_with_guard().await,
            (Work::Pair, Way::Shared) => self.shared.pair_with_guard().await,
            (Work::Refusal, Way::Typed) => self.raw.refused("held-typed").await,
            (Work::Refusal, Way::Control) => self.raw.refused("held-control").await,
            (Work::Refusal, Way::Command) => self.raw.refused_by_command("held-command").await,
            (Work::Refusal, Way::Recipe) => self.recipe.refused("held-recipe").await,
            (Work::Refusal, Way::Attribute) => self.ours.refused().await,
            (Work::Refusal, Way::Observed) => self.observed.in_scope(Ours::refused).await,
            (Work::Refusal, Way::Spanned) => {
                let refused = self.ours.in_scope(Ours::refused);
                refused.with_subscriber(self.subscriber.clone()).await
            }
            (Work::Refusal, Way::Guard) => self.ours.refused_guard().await,
            (Work::Refusal, Way::Shared) => self.shared.refused_guard().await,
        }
    }

    pub(crate) async fn close(self) -> Result<()> {
        self.ours.close().await?;
        self.observed.close().await?;
        self.shared.close().await
    }
}
