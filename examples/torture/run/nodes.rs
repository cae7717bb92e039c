//! The tormentor of MongoDB: one fault at a time, and never more than one node down, so that the set
//! always recovers.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use mongo_lock_testkit::{Node, Server};
use mongodb::{
    Collection,
    bson::{Document, doc},
    options::{CollectionOptions, WriteConcern},
};
use tokio::time::{Instant, sleep, timeout};

use super::{
    DATABASE,
    fleet::Fleet,
    jobs::NAMES,
    random::{Deck, Random},
};

/// Beyond this, a fault that does not want to end is not one that was meant.
const PATIENCE: Duration = Duration::from_secs(60);

/// The longest that a fail point holds a command up.
const BLOCK: Duration = Duration::from_secs(1);

pub(crate) async fn torment(
    server: Arc<Server>,
    fleet: Arc<Fleet>,
    random: Random,
    end: Instant,
) -> Result<()> {
    let mut tormentor = Tormentor {
        locks: locks(&server).await,
        server,
        fleet,
        random,
        deck: Fault::deck(),
    };
    loop {
        sleep(tormentor.random.millis(500..3500)).await;
        if Instant::now() >= end {
            return Ok(());
        }
        timeout(PATIENCE, tormentor.fault())
            .await
            .context("a fault of MongoDB did not end")??;
    }
}

/// The lock documents, as an operator sees them.
async fn locks(server: &Server) -> Collection<Document> {
    let majority = WriteConcern::majority();
    let options = CollectionOptions::builder().write_concern(majority).build();
    let database = server.client().await.database(DATABASE);
    database.collection_with_options("distributed_locks", options)
}

struct Tormentor {
    server: Arc<Server>,
    fleet: Arc<Fleet>,
    random: Random,
    deck: Deck<Fault>,
    locks: Collection<Document>,
}

impl Tormentor {
    async fn fault(&mut self) -> Result<()> {
        // All numbers first, so that what happens does not change the schedule.
        let random = &mut self.random;
        let fault = self.deck.next(random);
        let down = random.millis(200..4000);
        let name = random.pick(&NAMES);
        let slot = random.index(self.fleet.size());
        let block = random.millis(100..1000);
        match fault {
            Fault::Remove => return self.remove(name).await,
            Fault::Fail(effect) => return self.fail_commands(slot, effect, block).await,
            _ => self.wrote("trouble", format_args!("by={fault:?}")),
        }
        match fault {
            Fault::KillPrimary => self.kill(self.server.primary().await?, down).await?,
            Fault::KillSecondary => self.kill(self.secondary().await?, down).await?,
            Fault::Pause => self.pause(down).await?,
            _ => self.step_down().await,
        }
        self.server.ready().await.context("after a fault")?;
        self.wrote("calm", format_args!("by={fault:?}"));
        Ok(())
    }

    async fn step_down(&self) {
        let result = self.server.step_down().await;
        self.wrote("stepped-down", format_args!("text={result:?}"));
    }

    async fn kill(&self, node: &Node, down: Duration) -> Result<()> {
        node.kill();
        sleep(down).await;
        Ok(node.restart().await?)
    }

    /// What was sent to it meanwhile is executed when it goes on, perhaps by a primary of the past.
    async fn pause(&self, down: Duration) -> Result<()> {
        let node = self.server.primary().await?;
        node.pause()?;
        sleep(down).await;
        Ok(node.resume()?)
    }

    /// By hand, and by somebody who does not care about the holder. From here on, the library must
    /// notice in time; and tokens must go on growing.
    async fn remove(&self, name: &str) -> Result<()> {
        let from = super::clock::now();
        let result = self.locks.delete_one(doc! { "_id": name }).await;
        let ok = result.is_ok();
        self.wrote(
            "removed",
            format_args!("name={name} from={from} ok={ok} text={result:?}"),
        );
        Ok(())
    }

    /// For the connections of one worker, at the primary.
    async fn fail_commands(&self, slot: usize, effect: Effect, block: Duration) -> Result<()> {
        let app = Fleet::app_name(slot);
        let commands = ["findAndModify", "update", "aggregate"];
        self.fleet
            .hung(slot, &format!("{effect:?}"), async {
                let point = self
                    .server
                    .fail_commands(&app, &commands, doc! { "times": 4 }, effect.document(block))
                    .await?;
                sleep(BLOCK).await;
                point.off().await?;
                // What it holds up already stays so.
                sleep(BLOCK).await;
                Ok(())
            })
            .await
    }

    async fn secondary(&self) -> Result<&Node> {
        let primary = self.server.primary().await?;
        let mut others = self.server.nodes().iter();
        others
            .find(|node| node.port() != primary.port())
            .context("there are three")
    }

    fn wrote(&self, kind: &str, fields: std::fmt::Arguments<'_>) {
        self.fleet.faults.write(kind, fields);
    }
}

#[derive(Debug, Clone, Copy)]
enum Fault {
    StepDown,
    KillPrimary,
    KillSecondary,
    Pause,
    Remove,
    Fail(Effect),
}

impl Fault {
    fn deck() -> Deck<Self> {
        Deck::new(vec![
            Self::StepDown,
            Self::StepDown,
            Self::KillPrimary,
            Self::KillPrimary,
            Self::KillSecondary,
            Self::Pause,
            Self::Remove,
            Self::Remove,
            Self::Fail(Effect::Close),
            Self::Fail(Effect::Block),
            Self::Fail(Effect::Error),
            Self::Fail(Effect::NoMajority),
        ])
    }
}

/// What a fail point does to a command.
#[derive(Debug, Clone, Copy)]
enum Effect {
    Close,
    Block,
    Error,
    NoMajority,
}

impl Effect {
    fn document(self, block: Duration) -> Document {
        let block = i64::try_from(block.min(BLOCK).as_millis()).unwrap_or_default();
        match self {
            Self::Close => doc! { "closeConnection": true },
            Self::Block => doc! { "blockConnection": true, "blockTimeMS": block },
            // PrimarySteppedDown.
            Self::Error => doc! { "errorCode": 189 },
            // WriteConcernFailed: applied, and not acknowledged.
            Self::NoMajority => {
                doc! { "writeConcernError": { "code": 64, "errmsg": "on purpose" } }
            }
        }
    }
}
