//! The prober, which takes the locks of dead holders as soon as it can: the evidence that a dead holder
//! costs its ttl and no more.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Result;
use mongo_lock_runtime::{Acquisition, LockClient, LockSpec, SkipReason};
use mongo_lock_testkit::Server;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use super::{
    DATABASE,
    clock::now,
    jobs::{Kind, NAMES},
    ledger::{Ledger, read},
    lines,
};

pub(crate) const PROBE: &str = "probe";

/// Elections included.
const PATIENCE: Duration = Duration::from_secs(45);

pub(crate) struct Prober {
    folder: PathBuf,
    inner: Arc<Inner>,
    probes: Mutex<JoinSet<()>>,
}

struct Inner {
    locks: LockClient,
    ledger: Ledger,
    calls: AtomicU64,
}

/// The outcome of one try.
enum Try {
    Acquired,
    Refused { token: i64 },
    Failed,
}

impl Prober {
    pub(crate) async fn start(server: &Server, folder: &Path) -> Result<Self> {
        let locks = LockClient::builder().uri(server.uri()).database(DATABASE);
        Ok(Self {
            folder: folder.to_owned(),
            inner: Arc::new(Inner {
                locks: locks.owner(PROBE).build().await?,
                ledger: Ledger::create(folder, PROBE)?,
                calls: AtomicU64::new(0),
            }),
            probes: Mutex::default(),
        })
    }

    /// Probes the locks that a dead worker held.
    pub(crate) fn died(&self, label: &str) -> Result<()> {
        for (name, token) in held(&self.folder, label)? {
            self.inner.ledger.write(
                "dead",
                format_args!("name={name} token={token} holder={label}"),
            );
            let inner = Arc::clone(&self.inner);
            let mut probes = self.probes.lock().unwrap_or_else(PoisonError::into_inner);
            probes.spawn(async move { inner.until_free(name, token).await });
        }
        Ok(())
    }

    /// Waits for the probes; then every lock must be free, or become so.
    pub(crate) async fn finish(self) -> Result<()> {
        let mut probes = self
            .probes
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        while let Some(done) = probes.join_next().await {
            done?;
        }
        for name in NAMES {
            let start = Instant::now();
            while !matches!(self.inner.attempt(name).await, Try::Acquired) {
                if start.elapsed() > PATIENCE {
                    let ledger = &self.inner.ledger;
                    ledger.write("stuck", format_args!("name={name} token=0"));
                    break;
                }
                sleep(Duration::from_millis(20)).await;
            }
        }
        Ok(())
    }
}

impl Inner {
    async fn until_free(&self, name: &'static str, dead: i64) {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            let free = match self.attempt(name).await {
                Try::Acquired => true,
                Try::Refused { token } => token > dead,
                Try::Failed => false,
            };
            if free {
                return;
            }
            sleep(Duration::from_millis(20)).await;
        }
        self.ledger
            .write("stuck", format_args!("name={name} token={dead}"));
    }

    /// Writes the same lines as a worker's job.
    async fn attempt(&self, name: &'static str) -> Try {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        let ledger = &self.ledger;
        lines::asked(ledger, call, name, Kind::Probe);
        let Ok(spec) = LockSpec::new(name, Kind::Probe.terms().ttl) else {
            return Try::Failed;
        };
        match self.locks.try_acquire(&spec).await {
            Ok(Acquisition::Acquired(guard)) => {
                lines::began(ledger, call, Kind::Probe, guard.lease(), now());
                ledger.write("ended", format_args!("call={call} polled={} left=0", now()));
                // A release that fails leaves the lease to its ttl.
                drop(guard.release().await);
                Try::Acquired
            }
            Ok(Acquisition::Skipped(skipped)) => {
                lines::skipped(ledger, call, &skipped);
                let token = match skipped.reason {
                    SkipReason::Held(holder) => holder.token,
                    SkipReason::Reserved(next) => next.last_token,
                    other => panic!("the probe does not know {other:?}"),
                };
                Try::Refused { token }
            }
            Err(error) => {
                ledger.write(
                    "failed",
                    format_args!("call={call} kind=probe text={error}"),
                );
                Try::Failed
            }
        }
    }
}

/// The leases that a worker has begun and not ended.
fn held(folder: &Path, label: &str) -> Result<Vec<(&'static str, i64)>> {
    let mut open = Vec::new();
    for line in read(folder, label)? {
        match line.kind.as_str() {
            "began" => {
                let known = line.text("name")?;
                let name = NAMES.into_iter().find(|name| *name == known);
                open.extend(name.map(|name| (line.number::<u64>("call"), name, line)));
            }
            "ended" => {
                let ended = line.number::<u64>("call")?;
                open.retain(|(call, ..)| call.as_ref().ok() != Some(&ended));
            }
            _ => {}
        }
    }
    open.iter()
        .map(|(_, name, line)| Ok((*name, line.number("token")?)))
        .collect()
}
