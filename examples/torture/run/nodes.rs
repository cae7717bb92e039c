//! The tormentor of MongoDB: one fault at a time, and never more than one node down, so that the set
//! always recovers.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use mongo_lock_testkit::{Node, Server};
use mongodb::bson::{Document, doc};
use tokio::time::{Instant, sleep, timeout};

use super::{
    fleet::Fleet,
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

struct Tormentor {
    server: Arc<Server>,
    fleet: Arc<Fleet>,
    random: Random,
    deck: Deck<Fault>,
}

impl Tormentor {
    async fn fault(&mut self) -> Result<()> {
        // All numbers first, so that what happens does not change the schedule.
        let random = &mut self.random;
        let fault = self.deck.next(random);
        let down = random.millis(200..4000);
        let ahead = random.millis(300..2000);
        let slot = random.index(self.fleet.size());
        let block = random.millis(100..1000);
        if let Fault::Fail(effect) = fault {
            return self.fail(slot, effect, block).await;
        }
        self.wrote("trouble", format_args!("by={fault:?}"));
        match fault {
            Fault::KillPrimary => self.kill(self.server.primary().await?, down).await?,
            Fault::KillSecondary => self.kill(self.secondaries().await?[0], down).await?,
            Fault::KillAhead => self.kill_ahead(ahead, down).await?,
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

    /// Pauses a node. Requests that are sent meanwhile are executed when the node goes on, perhaps by a
    /// primary of the past.
    async fn pause(&self, down: Duration) -> Result<()> {
        let node = self.server.primary().await?;
        node.pause()?;
        sleep(down).await;
        Ok(node.resume()?)
    }

    /// Kills a primary that the others do not follow any more: what it has acknowledged alone, without
    /// a majority, is lost, and undone when it is back. Another one follows at once, while the holders
    /// still believe in what was lost.
    async fn kill_ahead(&self, ahead: Duration, down: Duration) -> Result<()> {
        let primary = self.server.primary().await?;
        let others = self.secondaries().await?;
        for node in &others {
            follow(node, false).await?;
        }
        sleep(ahead).await;
        primary.kill();
        for node in &others {
            follow(node, true).await?;
        }
        let step_up = doc! { "replSetStepUp": 1 };
        let admin = others[0].client().await.database("admin");
        let result = admin.run_command(step_up).await.map(|_| ());
        self.wrote("stepped-up", format_args!("text={result:?}"));
        sleep(down).await;
        Ok(primary.restart().await?)
    }

    /// For the connections of one worker, at the primary.
    async fn fail(&self, slot: usize, effect: Effect, block: Duration) -> Result<()> {
        let app = Fleet::app_name(slot);
        let fault = async {
            let point = self
                .server
                .fail_commands(
                    &app,
                    effect.commands(),
                    doc! { "times": effect.times() },
                    effect.document(block),
                )
                .await?;
            sleep(BLOCK).await;
            point.off().await?;
            // Commands that are held up already stay so.
            sleep(BLOCK).await;
            Ok(())
        };
        if effect == Effect::Unacknowledged {
            self.wrote("unacknowledged", format_args!("slot={slot}"));
            fault.await
        } else {
            self.fleet.hung(slot, &format!("{effect:?}"), fault).await
        }
    }

    async fn secondaries(&self) -> Result<Vec<&Node>> {
        let primary = self.server.primary().await?.port();
        let others = self.server.nodes().iter();
        Ok(others.filter(|node| node.port() != primary).collect())
    }

    fn wrote(&self, kind: &str, fields: std::fmt::Arguments<'_>) {
        self.fleet.faults.write(kind, fields);
    }
}

/// Whether a secondary fetches what its primary writes.
async fn follow(node: &Node, yes: bool) -> Result<()> {
    let mode = if yes { "off" } else { "alwaysOn" };
    let admin = node.client().await.database("admin");
    let command = doc! { "configureFailPoint": "stopReplProducer", "mode": mode };
    admin.run_command(command).await?;
    Ok(())
}

#[derive(Debug, Clone, Copy)]
enum Fault {
    StepDown,
    KillPrimary,
    KillSecondary,
    KillAhead,
    Pause,
    Fail(Effect),
}

impl Fault {
    fn deck() -> Deck<Self> {
        Deck::new(vec![
            Self::StepDown,
            Self::StepDown,
            Self::KillPrimary,
            Self::KillSecondary,
            Self::KillAhead,
            Self::KillAhead,
            Self::Pause,
            Self::Fail(Effect::Close),
            Self::Fail(Effect::Block),
            Self::Fail(Effect::Error),
            Self::Fail(Effect::NoMajority),
            Self::Fail(Effect::Unacknowledged),
            Self::Fail(Effect::Unacknowledged),
        ])
    }
}

/// The effect of a fail point on commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    Close,
    Block,
    Error,
    NoMajority,
    /// The effect above, for acquisitions alone: releases work.
    Unacknowledged,
}

impl Effect {
    fn commands(self) -> &'static [&'static str] {
        match self {
            Self::Unacknowledged => &["findAndModify"],
            _ => &["findAndModify", "update", "aggregate"],
        }
    }

    fn times(self) -> i32 {
        if self == Self::Unacknowledged { 40 } else { 4 }
    }

    fn document(self, block: Duration) -> Document {
        let block = i64::try_from(block.min(BLOCK).as_millis()).unwrap_or_default();
        match self {
            Self::Close => doc! { "closeConnection": true },
            Self::Block => doc! { "blockConnection": true, "blockTimeMS": block },
            // PrimarySteppedDown.
            Self::Error => doc! { "errorCode": 189 },
            // WriteConcernFailed: applied, and not acknowledged.
            Self::NoMajority | Self::Unacknowledged => {
                doc! { "writeConcernError": { "code": 64, "errmsg": "on purpose" } }
            }
        }
    }
}
