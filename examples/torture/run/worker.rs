//! A worker: a process that fires jobs until it is told to finish, or killed.

use std::{
    any::Any,
    env, fs,
    future::pending,
    io::{BufRead as _, stdin},
    panic,
    path::{Path, PathBuf},
    process::exit,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use anyhow::{Context as _, Error, Result, anyhow};
use mongo_lock_runtime::{Error as LockError, LockClient, Outcome};
use mongodb::{
    Client, Collection,
    bson::{Document, doc},
    options::{ClientOptions, WriteConcern},
};
use tokio::{
    runtime, select,
    sync::{Mutex, oneshot},
    task::{JoinHandle, spawn_blocking},
    time::{sleep, timeout},
};

use super::{
    DATABASE,
    body::{Call, Plan},
    jobs::{BUSY, BUSY_MIX, MIX, NAMES, SHARED, SHARED_MIX, fire},
    ledger::Ledger,
    lines,
    random::Random,
};

/// The message with which a body panics on purpose.
pub(crate) const PANIC: &str = "a body that panics on purpose";

/// Tells a process that it is a worker, and what it needs to know.
pub(crate) const CONFIG: &str = "MONGO_LOCK_TORTURE_WORKER";

pub(crate) const FINISH: &str = "finish";

/// The number of jobs that a worker fires at a time.
const LOOPS: u64 = 2;

#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) label: String,
    pub(crate) folder: PathBuf,
    pub(crate) seed: u64,
    pub(crate) stream: u64,
    /// Several: direct connections to one node each, of which one will be the primary.
    pub(crate) uris: Vec<String>,
}

impl Config {
    pub(crate) fn to_text(&self) -> String {
        let folder = self.folder.display();
        let Self {
            label,
            seed,
            stream,
            uris,
            ..
        } = self;
        format!("{label}\n{folder}\n{seed}\n{stream}\n{}", uris.join("\n"))
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        Some(Self {
            label: lines.next()?.to_owned(),
            folder: lines.next()?.into(),
            seed: lines.next()?.parse().ok()?,
            stream: lines.next()?.parse().ok()?,
            uris: lines.map(str::to_owned).collect(),
        })
    }
}

/// The configuration of this process, if it is a worker.
pub(crate) fn config() -> Option<Config> {
    Config::parse(&env::var(CONFIG).ok()?)
}

pub(crate) fn main(config: &Config) -> Result<()> {
    let ledger = Arc::new(Ledger::create(&config.folder, &config.label)?);
    let (finish, finished) = oneshot::channel();
    let folder = config.folder.clone();
    thread::spawn(move || listen(&folder, finish));
    let report = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        if panic_text(panic.payload()) != PANIC {
            report(panic);
        }
    }));
    runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?
        .block_on(work(config, ledger, finished))
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_default()
}

/// Waits for the order to finish. When the pipe closes instead, the parent is gone, and with it every
/// reader of the ledgers.
fn listen(folder: &Path, finish: oneshot::Sender<()>) {
    let mut line = String::new();
    let read = stdin().lock().read_line(&mut line);
    if read.is_ok() && line.trim() == FINISH {
        let _ = finish.send(());
        return;
    }
    let _ = fs::remove_dir_all(folder);
    exit(1);
}

async fn work(config: &Config, ledger: Arc<Ledger>, finished: oneshot::Receiver<()>) -> Result<()> {
    let worker = Arc::new(Worker {
        label: config.label.as_str().into(),
        ledger,
        uris: config.uris.clone(),
        link: Mutex::new(None),
        calls: AtomicU64::new(0),
    });
    let loops: Vec<_> = (0..LOOPS)
        .map(|number| {
            let random = Random::new(config.seed, config.stream * LOOPS + number);
            tokio::spawn(Arc::clone(&worker).fire_for_ever(random))
        })
        .collect();
    let ended = async {
        for each in loops {
            // It never ends well: the ledger could not be written, or a bug.
            each.await.context("a loop ended")?;
        }
        pending::<Result<()>>().await
    };
    select! {
        ended = ended => ended,
        order = finished => {
            order.context("the listener has ended")?;
            if let Some(link) = &*worker.link.lock().await {
                let report = link.locks.shutdown().await;
                // Leases of an earlier link are not its business.
                let clean = report.is_clean() && worker.uris.len() == 1;
                let text = report.to_string();
                worker.ledger.write("finished", format_args!("clean={clean} text={text}"));
            }
            // The loops go on otherwise, with nothing but refusals.
            exit(0)
        }
    }
}

struct Worker {
    label: Arc<str>,
    ledger: Arc<Ledger>,
    uris: Vec<String>,
    link: Mutex<Option<Link>>,
    calls: AtomicU64,
}

/// A way to MongoDB.
#[derive(Clone)]
struct Link {
    locks: LockClient,
    data: Collection<Document>,
    transacts: bool,
    /// Which of the addresses it is.
    at: usize,
}

impl Worker {
    async fn fire_for_ever(self: Arc<Self>, mut random: Random) {
        loop {
            let link = self.link().await;
            // Readers keep a writer out only if there are many.
            let shared = random.one_in(4);
            let name = if shared { SHARED } else { random.pick(&NAMES) };
            let mix = match name {
                BUSY => &BUSY_MIX[..],
                SHARED => &SHARED_MIX,
                _ => &MIX,
            };
            let kind = random.pick(mix);
            let call = Call {
                ledger: Arc::clone(&self.ledger),
                locks: link.locks,
                data: link.data,
                transacts: link.transacts,
                label: Arc::clone(&self.label),
                number: self.calls.fetch_add(1, Ordering::Relaxed),
                name,
                kind,
                plan: Plan::new(kind, &mut random),
                polled: Arc::default(),
            };
            if self.fire(call).await == Verdict::NoAnswer {
                self.look_elsewhere(link.at).await;
            }
            sleep(random.millis(5..60)).await;
        }
    }

    async fn fire(&self, call: Call) -> Verdict {
        let number = call.number;
        lines::asked(&self.ledger, number, call.name, call.kind);
        // Of its own, so that a panic ends the job and not this loop.
        let result = spawn(call).await;
        let result = match result {
            Ok(result) => result,
            Err(error) => match error.try_into_panic().map(|panic| panic_text(&*panic)) {
                Ok(text) if text == PANIC => {
                    self.ledger.write("panicked", format_args!("call={number}"));
                    return Verdict::Answer;
                }
                Ok(text) => Err(anyhow!("it panicked: {text}")),
                Err(error) => Err(error.into()),
            },
        };
        match result {
            Ok(Some(Outcome::Executed(()))) => {
                self.ledger.write("executed", format_args!("call={number}"));
                Verdict::Answer
            }
            Ok(Some(Outcome::Skipped(skipped))) => {
                lines::skipped(&self.ledger, number, &skipped);
                Verdict::Answer
            }
            Ok(None) => {
                self.ledger
                    .write("cancelled", format_args!("call={number}"));
                Verdict::Answer
            }
            Err(error) => self.failed(number, &error),
        }
    }

    fn failed(&self, number: u64, error: &Error) -> Verdict {
        let (kind, verdict) = match error.downcast_ref() {
            Some(LockError::LeaseLost { .. }) => ("lost", Verdict::Answer),
            Some(LockError::Timeout { .. }) => ("timeout", Verdict::NoAnswer),
            Some(LockError::Database { .. }) => ("database", Verdict::NoAnswer),
            Some(LockError::GrantedTooLate { .. }) => ("too-late", Verdict::Answer),
            Some(LockError::ShutDown { .. }) => ("shut-down", Verdict::Answer),
            _ => ("other", Verdict::Answer),
        };
        self.ledger.write(
            "failed",
            format_args!("call={number} kind={kind} text={error:#}"),
        );
        verdict
    }

    /// The link that there is, or a new one, however long that takes.
    async fn link(&self) -> Link {
        let mut link = self.link.lock().await;
        if let Some(link) = &*link {
            return link.clone();
        }
        for at in (0..self.uris.len()).cycle() {
            match connect(&self.uris[at], &self.label, at).await {
                Ok(connected) => {
                    self.ledger.write("linked", format_args!("address={at}"));
                    return link.insert(connected).clone();
                }
                Err(error) => {
                    self.ledger
                        .write("not-linked", format_args!("address={at} text={error:#}"));
                    sleep(Duration::from_millis(50)).await;
                }
            }
        }
        unreachable!("a worker has an address")
    }

    /// With direct connections, a node that does not answer may not be the primary any more.
    async fn look_elsewhere(&self, at: usize) {
        let mut link = self.link.lock().await;
        if self.uris.len() > 1 && link.as_ref().is_some_and(|link| link.at == at) {
            *link = None;
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Answer,
    NoAnswer,
}

async fn connect(uri: &str, label: &str, at: usize) -> Result<Link> {
    let locks = LockClient::builder()
        .uri(uri)
        .database(DATABASE)
        .owner(label)
        .operation_timeout(Duration::from_secs(3))
        .build()
        .await?;
    let mut options = ClientOptions::parse(uri).await?;
    // An applied write must stay applied, or the order of the writes would prove nothing.
    options.write_concern = Some(WriteConcern::majority());
    let database = Client::with_options(options)?.database(DATABASE);
    let hello = database.run_command(doc! { "hello": 1 }).await?;
    Ok(Link {
        locks,
        data: database.collection("work"),
        transacts: hello.get_str("msg").is_err(),
        at,
    })
}

/// `None` when the caller lost patience.
fn spawn(call: Call) -> JoinHandle<Result<Option<Outcome<()>>>> {
    let patience = call.plan.cancelled_after;
    let blocks = call.kind.blocks().is_some();
    let job = async move {
        let job = fire(call.kind, call);
        match patience {
            Some(patience) => timeout(patience, job).await.ok().transpose(),
            None => job.await.map(Some),
        }
    };
    if blocks {
        // On a thread and a runtime of its own: it must not hold up other bodies on their way out.
        spawn_blocking(|| {
            runtime::Builder::new_current_thread()
                .enable_all()
                .build()?
                .block_on(job)
        })
    } else {
        tokio::spawn(job)
    }
}
