//! The tormentor of the workers.

use std::{sync::Arc, time::Duration};

use anyhow::Result;
use mongo_lock_testkit::ProxyMode;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use super::{
    fleet::Fleet,
    probe::Prober,
    random::{Deck, Random},
};

/// Torments workers until `end`. Every fault that is begun is undone before this returns.
pub(crate) async fn torment(
    fleet: Arc<Fleet>,
    prober: Arc<Prober>,
    mut random: Random,
    end: Instant,
) -> Result<()> {
    let (mut any, mut cut) = (Fault::any(), Fault::cut());
    let mut faults = JoinSet::new();
    loop {
        sleep(random.millis(150..900)).await;
        while let Some(done) = faults.try_join_next() {
            done??;
        }
        if Instant::now() >= end {
            break;
        }
        let slot = random.index(fleet.size());
        let deck = if Fleet::is_proxied(slot) && random.one_in(2) {
            &mut cut
        } else {
            &mut any
        };
        let fault = deck.next(&mut random);
        let time = random.millis(100..3500);
        let fault = inflict(Arc::clone(&fleet), Arc::clone(&prober), slot, fault, time);
        faults.spawn(fault);
    }
    while let Some(done) = faults.join_next().await {
        done??;
    }
    Ok(())
}

#[derive(Debug, Clone, Copy)]
enum Fault {
    Kill,
    Pause,
    PauseAndKill,
    Finish,
    Cut(ProxyMode),
    Jitter,
}

impl Fault {
    fn any() -> Deck<Self> {
        Deck::new(vec![
            Self::Kill,
            Self::Kill,
            Self::Kill,
            Self::Pause,
            Self::Pause,
            Self::Pause,
            Self::PauseAndKill,
            Self::Finish,
        ])
    }

    fn cut() -> Deck<Self> {
        Deck::new(vec![
            Self::Cut(ProxyMode::Hang),
            Self::Cut(ProxyMode::Hang),
            Self::Cut(ProxyMode::HoldReplies),
            Self::Cut(ProxyMode::Refuse),
            Self::Jitter,
            Self::Jitter,
        ])
    }
}

/// Nothing, when something is being done to the slot already.
async fn inflict(
    fleet: Arc<Fleet>,
    prober: Arc<Prober>,
    slot: usize,
    fault: Fault,
    time: Duration,
) -> Result<()> {
    let Some(mut slot) = fleet.try_slot(slot) else {
        return Ok(());
    };
    match fault {
        Fault::Kill => {
            prober.died(&fleet.kill(&mut slot).await?)?;
            sleep(time / 8).await;
            fleet.begin(&mut slot)
        }
        Fault::Pause => {
            fleet.stop(&slot).await?;
            sleep(time).await;
            fleet.go_on(&slot).await
        }
        Fault::PauseAndKill => {
            fleet.stop(&slot).await?;
            sleep(time).await;
            prober.died(&fleet.kill(&mut slot).await?)?;
            fleet.begin(&mut slot)
        }
        Fault::Finish => {
            fleet.finish(&mut slot).await?;
            fleet.begin(&mut slot)
        }
        Fault::Cut(mode) => {
            let by = format!("{mode:?}");
            fleet.cut(&slot, &by, &[(mode, time * 2 / 3)]).await
        }
        // Requests overtake each other.
        Fault::Jitter => {
            let parts = (1..8).flat_map(|part| {
                let (hang, forward) = (time / 8 / part, time / 64 * part);
                [(ProxyMode::Hang, hang), (ProxyMode::Forward, forward)]
            });
            let parts: Vec<_> = parts.collect();
            fleet.cut(&slot, "Jitter", &parts).await
        }
    }
}
