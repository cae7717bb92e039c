//! A run: the server, the workers and their tormentors, and the check afterwards.

mod body;
mod check;
mod clock;
mod evidence;
mod fleet;
mod history;
mod jobs;
mod ledger;
mod lines;
mod nodes;
mod operator;
mod probe;
mod processes;
mod random;
mod report;
pub(crate) mod worker;

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, ensure};
use mongo_lock_testkit::{Server, Topology};
use tokio::{
    runtime::Runtime,
    time::{Instant, timeout},
    try_join,
};

use self::{
    clock::{MILLISECOND, Watch, seconds},
    evidence::Evidence,
    fleet::Fleet,
    probe::Prober,
    random::Random,
    report::Report,
};

/// The database of the locks and of the work.
const DATABASE: &str = "torture";

/// The time by which the clock of each router is ahead of that of the one before.
const MINUTE_MS: i64 = 60_000;

/// Start and end of a run come on top of its time.
const PATIENCE: Duration = Duration::from_secs(240);

/// The settings of a run.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) seconds: u64,
    pub(crate) seed: u64,
    pub(crate) workers: usize,
    /// The number of routers; with none, the workers connect to the replica set.
    pub(crate) routers: i64,
    launch: Launch,
}

/// The command that starts this program once more, as a worker.
#[derive(Debug, Clone)]
pub(crate) struct Launch {
    pub(crate) program: PathBuf,
    pub(crate) args: Vec<String>,
}

impl Settings {
    pub(crate) fn new(launch: Launch) -> Self {
        Self {
            seconds: 30,
            seed: u64::try_from(clock::now() % 1_000_000).unwrap_or_default(),
            workers: 6,
            routers: 0,
            launch,
        }
    }
}

pub(crate) fn main(settings: &Settings) -> Result<Report> {
    let limit = Duration::from_secs(settings.seconds) + PATIENCE;
    Runtime::new()?.block_on(async {
        let run = timeout(limit, run(settings)).await;
        run.context("the run does not end")?
    })
}

async fn run(settings: &Settings) -> Result<Report> {
    // The transaction of a process that is paused or killed holds up those of others until then.
    let server = Server::builder()
        .topology(Topology::ReplicaSetOfThree)
        .parameter("transactionLifetimeLimitSeconds", 3);
    let server = Arc::new(server.start().await?);
    let folder = tempfile::Builder::new()
        .prefix("mongo-lock-torture-")
        .tempdir()?;
    let clock = Watch::start();
    let prober = Arc::new(Prober::start(&server, folder.path()).await?);
    let routers = (0..settings.routers).map(|number| server.router(number * MINUTE_MS));
    let fleet = Arc::new(
        Fleet::start(
            Arc::clone(&server),
            routers.collect::<Result<_, _>>()?,
            settings.launch.clone(),
            settings.seed,
            folder.path().to_owned(),
            settings.workers,
        )
        .await?,
    );

    let end = Instant::now() + Duration::from_secs(settings.seconds);
    let random = |stream| Random::new(settings.seed, u64::MAX - stream);
    try_join!(
        processes::torment(Arc::clone(&fleet), Arc::clone(&prober), random(0), end),
        nodes::torment(Arc::clone(&server), Arc::clone(&fleet), random(1), end),
        operator::torment(
            Arc::clone(&server),
            Arc::clone(&fleet.faults),
            random(2),
            end
        ),
    )?;
    server.ready().await?;
    fleet.end(&prober).await?;
    let prober = Arc::into_inner(prober).context("no tormentor is left")?;
    prober.finish().await?;
    let history = history::read(&server).await?;

    let jump = clock.stop();
    ensure!(
        jump < 20 * MILLISECOND,
        "the clock of this machine was set by {}, so this run proves nothing",
        seconds(jump)
    );
    let evidence = Evidence::read(folder.path())?;
    let findings = check::check(&evidence, &history);
    let mut report = Report::new(settings.seed, &evidence, findings);
    if !report.violations.is_empty() {
        report.kept(folder.keep().display().to_string());
    }
    Ok(report)
}
