//! The workers, as the parent sees them: started, killed, stopped, cut off. Each of these faults is
//! written down before and after, so that the checker knows what each could do at which time.

use std::{fs, path::PathBuf, process::Stdio, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use mongo_lock_testkit::{Proxy, ProxyMode, Router, Server};
use tokio::{
    io::AsyncWriteExt as _,
    process::{Child, Command},
    sync::{Mutex, MutexGuard},
    time::{sleep, timeout},
};

use super::{
    Launch,
    ledger::Ledger,
    probe::Prober,
    worker::{CONFIG, Config, FINISH},
};

/// Every so many-th worker has no other way than through proxies.
const PROXIED: usize = 3;

/// The time that a worker may take to finish when it is asked to.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Fleet {
    server: Arc<Server>,
    /// The routers that the workers take in turn, if there are any.
    routers: Vec<Router>,
    launch: Launch,
    seed: u64,
    /// The folder of the ledgers.
    folder: PathBuf,
    /// The ledger of the faults of workers and nodes.
    pub(crate) faults: Arc<Ledger>,
    slots: Vec<Mutex<Slot>>,
}

/// The place of a worker, in which another one follows when it is killed.
pub(crate) struct Slot {
    number: usize,
    /// The number of workers that the slot has had.
    begun: u64,
    worker: Option<Worker>,
}

struct Worker {
    label: String,
    child: Child,
    /// One before each node; none for a worker that connects to the replica set. They go with the
    /// worker, and what they held back of it too.
    proxies: Vec<Proxy>,
}

impl Fleet {
    pub(crate) async fn start(
        server: Arc<Server>,
        routers: Vec<Router>,
        launch: Launch,
        seed: u64,
        folder: PathBuf,
        workers: usize,
    ) -> Result<Self> {
        let fleet = Self {
            faults: Arc::new(Ledger::create(&folder, super::evidence::FAULTS)?),
            server,
            routers,
            launch,
            seed,
            folder,
            slots: (0..workers)
                .map(|number| {
                    Mutex::new(Slot {
                        number,
                        begun: 0,
                        worker: None,
                    })
                })
                .collect(),
        };
        for slot in &fleet.slots {
            fleet.begin(&mut *slot.lock().await)?;
        }
        Ok(fleet)
    }

    pub(crate) fn size(&self) -> usize {
        self.slots.len()
    }

    /// A slot, unless something is being done to it.
    pub(crate) fn try_slot(&self, number: usize) -> Option<MutexGuard<'_, Slot>> {
        self.slots.get(number)?.try_lock().ok()
    }

    /// A slot that has proxies.
    pub(crate) fn is_proxied(number: usize) -> bool {
        number % PROXIED == PROXIED - 1
    }

    /// The `appName` of a slot's connections, by which fail points find them.
    pub(crate) fn app_name(slot: usize) -> String {
        format!("torture-{slot}")
    }

    /// Starts a worker in an empty slot.
    pub(crate) fn begin(&self, slot: &mut Slot) -> Result<()> {
        slot.begun += 1;
        let label = format!("w{}.{}", slot.number, slot.begun);
        // Each replacement takes another router than the worker before it.
        let turn = slot.number + usize::try_from(slot.begun)?;
        let router = self.routers.get(turn % self.routers.len().max(1));
        let proxies = if !Self::is_proxied(slot.number) {
            Vec::new()
        } else if let Some(router) = router {
            vec![Proxy::start(&router.address().to_string())?]
        } else {
            let nodes = self.server.nodes().iter();
            nodes
                .map(|node| Proxy::start(node.address()))
                .collect::<Result<_, _>>()?
        };
        let named = |uri: &str| {
            let app = Self::app_name(slot.number);
            let first = if uri.contains('?') { '&' } else { '?' };
            format!("{uri}{first}appName={app}&serverSelectionTimeoutMS=2000")
        };
        let uris = if proxies.is_empty() {
            vec![named(
                &router.map_or_else(|| self.server.uri().to_owned(), Router::uri),
            )]
        } else {
            proxies.iter().map(|proxy| named(&proxy.uri())).collect()
        };
        let config = Config {
            label: label.clone(),
            folder: self.folder.clone(),
            seed: self.seed,
            stream: slot.number as u64 * 100_000 + slot.begun,
            uris,
        };
        let mut command = Command::new(&self.launch.program);
        command
            .args(&self.launch.args)
            .env(CONFIG, config.to_text())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .kill_on_drop(true);
        // When we are killed while a worker is stopped, it must not stay so for ever. The kernel
        // hangs up on a stopped process whose group has lost its parent, if it is in a group of its
        // own.
        #[cfg(unix)]
        command.process_group(0);
        self.faults.write("born", format_args!("label={label}"));
        let child = command.spawn().context("starting a worker")?;
        slot.worker = Some(Worker {
            label,
            child,
            proxies,
        });
        Ok(())
    }

    /// Kills a worker with SIGKILL, and gives its label.
    pub(crate) async fn kill(&self, slot: &mut Slot) -> Result<String> {
        let mut worker = slot.worker.take().context("the slot is empty")?;
        let label = worker.label;
        // A worker that ended by itself is not the subject of this test.
        let ended = worker.child.try_wait()?;
        self.faults.write("killing", format_args!("label={label}"));
        worker.child.kill().await?;
        self.faults.write("killed", format_args!("label={label}"));
        ensure!(ended.is_none(), "{label} ended by itself: {ended:?}");
        Ok(label)
    }

    /// Stops it, as a virtual machine that is being moved: SIGSTOP.
    pub(crate) async fn stop(&self, slot: &Slot) -> Result<()> {
        let (label, pid) = slot.worker()?;
        self.faults.write("stopping", format_args!("label={label}"));
        signal("STOP", pid).await?;
        until_stopped(pid).await?;
        self.faults.write("stopped", format_args!("label={label}"));
        Ok(())
    }

    /// Lets it go on: SIGCONT.
    pub(crate) async fn go_on(&self, slot: &Slot) -> Result<()> {
        let (label, pid) = slot.worker()?;
        self.faults
            .write("continuing", format_args!("label={label}"));
        signal("CONT", pid).await?;
        self.faults
            .write("continued", format_args!("label={label}"));
        Ok(())
    }

    /// Has all of its proxies behave so, one after another, each for its time.
    pub(crate) async fn cut(
        &self,
        slot: &Slot,
        by: &str,
        modes: &[(ProxyMode, Duration)],
    ) -> Result<()> {
        let worker = slot.worker.as_ref().context("the slot is empty")?;
        self.hung(slot.number, by, async {
            for (mode, time) in modes {
                for proxy in &worker.proxies {
                    proxy.set(*mode).await?;
                }
                sleep(*time).await;
            }
            for proxy in &worker.proxies {
                proxy.set(ProxyMode::Forward).await?;
            }
            Ok(())
        })
        .await
    }

    /// While `fault` lasts, what the workers of a slot send may take that long.
    pub(crate) async fn hung(
        &self,
        slot: usize,
        by: &str,
        fault: impl Future<Output = Result<()>>,
    ) -> Result<()> {
        let fields = format!("slot={slot} by={by}");
        self.faults.write("hung", format_args!("{fields}"));
        let result = fault.await;
        self.faults.write("healed", format_args!("{fields}"));
        result
    }

    /// Ends all workers: every other one in good order, and the rest not.
    pub(crate) async fn end(&self, prober: &Prober) -> Result<()> {
        for (number, slot) in self.slots.iter().enumerate() {
            let mut slot = slot.lock().await;
            if number % 2 == 0 {
                prober.died(&self.kill(&mut slot).await?)?;
            } else {
                self.finish(&mut slot).await?;
            }
        }
        Ok(())
    }

    /// Asks it to finish, and waits for that.
    pub(crate) async fn finish(&self, slot: &mut Slot) -> Result<()> {
        let mut worker = slot.worker.take().context("the slot is empty")?;
        let label = &worker.label;
        let mut input = worker.child.stdin.take().context("it is piped")?;
        self.faults.write("asking", format_args!("label={label}"));
        input.write_all(format!("{FINISH}\n").as_bytes()).await?;
        let ended = timeout(PATIENCE, worker.child.wait()).await;
        let status = ended.with_context(|| format!("{label} does not finish"))??;
        self.faults.write("killed", format_args!("label={label}"));
        ensure!(status.success(), "{label} ended with {status}");
        Ok(())
    }
}

impl Slot {
    fn worker(&self) -> Result<(&str, u32)> {
        let worker = self.worker.as_ref().context("the slot is empty")?;
        let pid = worker.child.id().context("the worker has ended")?;
        Ok((&worker.label, pid))
    }
}

/// Through `sh`, whose built-in is there where no `kill` is installed.
async fn signal(name: &str, pid: u32) -> Result<()> {
    let sent = Command::new("sh")
        .args(["-c", r#"kill -s "$1" "$2""#, "sh", name])
        .arg(pid.to_string())
        .stdin(Stdio::null())
        .status()
        .await
        .context("starting `sh`, which sends signals")?;
    ensure!(sent.success(), "SIG{name} was not sent: {sent}");
    Ok(())
}

/// The signal is delivered when one of its threads is next scheduled, and the others go on until they
/// are: on a busy machine, that takes a while.
async fn until_stopped(pid: u32) -> Result<()> {
    /// Where the states of threads cannot be read.
    const LONG: Duration = Duration::from_millis(200);
    const MOST: u32 = 10_000;
    let Ok(mut states) = states(pid) else {
        sleep(LONG).await;
        return Ok(());
    };
    for _ in 0..MOST {
        if states.iter().all(|state| *state == Some('T')) {
            return Ok(());
        }
        sleep(Duration::from_millis(1)).await;
        states = self::states(pid)?;
    }
    bail!("a process does not stop; its threads: {states:?}")
}

/// Of each thread; `None` when that is over.
fn states(pid: u32) -> Result<Vec<Option<char>>> {
    let mut states = Vec::new();
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        // `<id> (<name>) <state> …`, and the name may have parentheses.
        let stat = fs::read_to_string(thread?.path().join("stat")).unwrap_or_default();
        let state = stat
            .rsplit_once(") ")
            .and_then(|(_, rest)| rest.chars().next());
        states.push(state);
    }
    Ok(states)
}
