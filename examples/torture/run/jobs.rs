//! The jobs that the workers fire: every kind on every lock name.

use std::{pin::Pin, time::Duration};

use anyhow::{Context as _, Result};
use mongo_lock_runtime::{Acquisition, Lease, LockSpec, Outcome, current_lease, distributed_lock};
use tokio::{
    select,
    time::{sleep, timeout},
};

use super::body::{Call, Hold, watched};

/// The locks that all workers compete for.
pub(crate) const NAMES: [&str; 5] = [
    "torture-a",
    "torture-b",
    "torture-c",
    "torture-d",
    "torture-e",
];

/// The jobs that workers fire, each as often as it is in this list. [`BUSY`] has another mix.
pub(crate) const MIX: [Kind; 13] = [
    Kind::Plain,
    Kind::Plain,
    Kind::Waiting,
    Kind::Waiting,
    Kind::Renewed,
    Kind::Renewed,
    Kind::Limited,
    Kind::Told,
    Kind::Spaced,
    Kind::Extended,
    Kind::Blocking,
    Kind::Guarded,
    Kind::Guarded,
];

/// The lock that passes on most often, and the jobs that are fired for it. A race of two requests shows
/// when the wrong one wins, and that takes many races.
pub(crate) const BUSY: &str = NAMES[3];
pub(crate) const BUSY_MIX: [Kind; 8] = [
    Kind::Quick,
    Kind::Quick,
    Kind::Quick,
    Kind::Quick,
    Kind::Quick,
    Kind::Quick,
    Kind::Quick,
    Kind::Plain,
];

/// The lock under which writes are transactions: each moves 1 from one account to another.
pub(crate) const TRANSFERS: &str = NAMES[2];

/// The lock that is shared, and the jobs that are fired for it: all of them wait, so that handing over and
/// turns are the rule here.
pub(crate) const SHARED: &str = NAMES[4];
pub(crate) const SHARED_MIX: [Kind; 4] = [Kind::Reads, Kind::Reads, Kind::Reads, Kind::Writes];

pub(crate) const KINDS: [Kind; 12] = [
    Kind::Waiting,
    Kind::Reads,
    Kind::Writes,
    Kind::Plain,
    Kind::Quick,
    Kind::Renewed,
    Kind::Limited,
    Kind::Told,
    Kind::Spaced,
    Kind::Extended,
    Kind::Blocking,
    Kind::Guarded,
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Has its ttl, and is stopped when it wants more.
    Plain,
    /// Milliseconds only, so that its lock passes on all the time.
    Quick,
    /// Runs for several ttls.
    Renewed,
    /// Runs for several ttls, and is stopped at its `max_hold`.
    Limited,
    /// Is not stopped, and must look for itself.
    Told,
    /// Short, with a `min_hold`.
    Spaced,
    /// Asks for more time itself.
    Extended,
    /// Blocks its thread beyond its ttl, then writes: what no library can prevent, and the fence must.
    Blocking,
    /// Waits for its turn. Runs for a short while.
    Waiting,
    /// A reader that waits.
    Reads,
    /// A writer that waits for readers.
    Writes,
    /// Uses a guard, and goes on writing when it is released.
    Guarded,
    /// Of the parent's prober, not of a worker.
    Probe,
}

/// The facts of a kind's lease that the checker needs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    pub(crate) ttl: Duration,
    /// The longest that one request can make the lease last.
    pub(crate) longest: Duration,
    pub(crate) renew: bool,
    pub(crate) max_hold: Option<Duration>,
    pub(crate) min_hold: Option<Duration>,
    pub(crate) shared: bool,
    pub(crate) wait: Option<Duration>,
}

const SECOND: Duration = Duration::from_secs(1);
const RENEWED_TTL: Duration = Duration::from_millis(1500);
const TOLD_TTL: Duration = Duration::from_secs(2);
const LONG_TTL: Duration = Duration::from_secs(3);
const MAX_HOLD: Duration = Duration::from_millis(2500);
const MIN_HOLD: Duration = Duration::from_millis(400);
const WAIT: Duration = Duration::from_secs(8);

impl Kind {
    pub(crate) fn terms(self) -> Terms {
        let ttl = match self {
            Self::Plain
            | Self::Quick
            | Self::Limited
            | Self::Extended
            | Self::Blocking
            | Self::Waiting
            | Self::Reads
            | Self::Writes
            | Self::Probe => SECOND,
            Self::Renewed => RENEWED_TTL,
            Self::Told | Self::Spaced => TOLD_TTL,
            Self::Guarded => LONG_TTL,
        };
        Terms {
            ttl,
            longest: if self == Self::Extended {
                LONG_TTL
            } else {
                ttl
            },
            renew: matches!(self, Self::Renewed | Self::Limited | Self::Told),
            max_hold: (self == Self::Limited).then_some(MAX_HOLD),
            min_hold: (self == Self::Spaced).then_some(MIN_HOLD),
            shared: self == Self::Reads,
            wait: matches!(self, Self::Waiting | Self::Reads | Self::Writes).then_some(WAIT),
        }
    }

    /// The time that the body wants to run, in milliseconds: often longer than it may.
    pub(crate) fn work(self) -> std::ops::Range<u64> {
        match self {
            Self::Plain => 10..1200,
            Self::Quick => 0..20,
            Self::Waiting | Self::Writes => 0..300,
            Self::Reads => 100..900,
            Self::Extended => 20..2500,
            Self::Renewed => 100..4000,
            Self::Limited => 100..3500,
            Self::Told => 50..3500,
            Self::Spaced => 5..60,
            Self::Blocking => 50..200,
            Self::Guarded => 20..2800,
            Self::Probe => 0..1,
        }
    }

    pub(crate) fn blocks(self) -> Option<Duration> {
        (self == Self::Blocking).then_some(SECOND * 13 / 10)
    }
}

pub(crate) type Job = Pin<Box<dyn Future<Output = Result<Outcome<()>>> + Send>>;

macro_rules! on_every_name {
    ($($name:ident = $lock:expr;)*) => {
        $(mod $name {
            use super::*;

            const NAME: &str = $lock;

            #[distributed_lock(name = NAME, ttl = SECOND, client = &call.locks, reuse)]
            pub(super) async fn plain(call: Call) -> Result<()> {
                watched(&call, in_steps(&call)).await
            }

            #[distributed_lock(name = NAME, ttl = RENEWED_TTL, renew, client = &call.locks, reuse)]
            pub(super) async fn renewed(call: Call) -> Result<()> {
                watched(&call, in_steps(&call)).await
            }

            #[distributed_lock(
                name = NAME, ttl = SECOND, renew, max_hold = MAX_HOLD, client = &call.locks, reuse
            )]
            pub(super) async fn limited(call: Call) -> Result<()> {
                watched(&call, in_steps(&call)).await
            }

            #[distributed_lock(
                name = NAME, ttl = TOLD_TTL, renew, on_lost = "continue", client = &call.locks, reuse
            )]
            pub(super) async fn told(call: Call) -> Result<()> {
                watched(&call, told_when_lost(&call)).await
            }

            #[distributed_lock(
                name = NAME, ttl = TOLD_TTL, min_hold = MIN_HOLD, client = &call.locks, reuse
            )]
            pub(super) async fn spaced(call: Call) -> Result<()> {
                watched(&call, in_steps(&call)).await
            }

            #[distributed_lock(name = NAME, ttl = SECOND, wait = WAIT, client = &call.locks, reuse)]
            pub(super) async fn waiting(call: Call) -> Result<()> {
                watched(&call, in_steps(&call)).await
            }

            #[distributed_lock(
                name = NAME, ttl = SECOND, shared, wait = WAIT, client = &call.locks, reuse
            )]
            pub(super) async fn reads(call: Call) -> Result<()> {
                watched(&call, in_steps(&call)).await
            }
        })*

        /// Fires a job. Its lock is `call.name`.
        pub(crate) fn fire(kind: Kind, call: Call) -> Job {
            match (call.name, kind) {
                (_, Kind::Guarded) => Box::pin(async move { watched(&call, guarded(&call)).await }),
                $(
                    ($lock, Kind::Plain | Kind::Quick | Kind::Extended | Kind::Blocking) => {
                        Box::pin($name::plain(call))
                    }
                    ($lock, Kind::Renewed) => Box::pin($name::renewed(call)),
                    ($lock, Kind::Limited) => Box::pin($name::limited(call)),
                    ($lock, Kind::Told) => Box::pin($name::told(call)),
                    ($lock, Kind::Spaced) => Box::pin($name::spaced(call)),
                    ($lock, Kind::Waiting | Kind::Writes) => Box::pin($name::waiting(call)),
                    ($lock, Kind::Reads) => Box::pin($name::reads(call)),
                )*
                (name, kind) => unreachable!("no {kind:?} job has the lock {name}"),
            }
        }
    };
}

on_every_name! {
    a = "torture-a";
    b = "torture-b";
    c = "torture-c";
    d = "torture-d";
    e = "torture-e";
}

async fn in_steps(call: &Call) -> Result<()> {
    let lease = current_lease().context("a body runs under a lease")?;
    let mut hold = Hold::begin(call, &lease);
    for step in 0..call.plan.steps {
        sleep(call.plan.pace).await;
        assert!(
            call.plan.panics_at != Some(step),
            "{}",
            super::worker::PANIC
        );
        if call.plan.writes_at(step) {
            hold.write().await;
        } else if call.plan.extends_at == Some(step) {
            hold.extend(LONG_TTL).await;
        } else {
            hold.step();
        }
    }
    Ok(())
}

/// For a body that the library does not stop. Between its look at the lease and the step that relies on
/// the lease, there is no await.
async fn in_steps_while_held(call: &Call, hold: &mut Hold<'_>, lease: &Lease) {
    for step in 0..call.plan.steps {
        sleep(call.plan.pace).await;
        let written = if call.plan.writes_at(step) {
            select! {
                biased;
                _ = lease.lost() => break,
                written = hold.send() => Some(written),
            }
        } else {
            None
        };
        if lease.check().is_err() {
            break;
        }
        match written {
            Some(written) => hold.wrote(&written),
            None => hold.step(),
        }
    }
}

async fn told_when_lost(call: &Call) -> Result<()> {
    let lease = current_lease().context("a body runs under a lease")?;
    in_steps_while_held(call, &mut Hold::begin(call, &lease), &lease).await;
    Ok(())
}

async fn guarded(call: &Call) -> Result<Outcome<()>> {
    let spec = LockSpec::builder(call.name, Kind::Guarded.terms().ttl).build()?;
    let guard = match call.locks.try_acquire(&spec).await? {
        Acquisition::Acquired(guard) => guard,
        Acquisition::Skipped(skipped) => return Ok(Outcome::Skipped(skipped)),
    };
    let lease = guard.lease().clone();
    let mut hold = Hold::begin(call, &lease);
    in_steps_while_held(call, &mut hold, &lease).await;
    let mut late = hold.end();
    if call.plan.drops {
        drop(guard);
    } else {
        // Its failure is a failure of the call, which is counted.
        guard.release().await?;
    }
    // A forgotten task of this holder: what it writes from now on must not overwrite a successor's.
    for _ in 0..call.plan.late_writes {
        sleep(call.plan.pace * 10).await;
        let _ = timeout(SECOND, late.write()).await;
    }
    Ok(Outcome::Executed(()))
}
