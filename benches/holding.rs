//! The cost of holding many renewing leases: commands per renewal interval, memory per lease, and
//! the processor time of a minute.
//!
//! `cargo bench --bench holding`, or with `-- --leases 1000 --seconds 20`.

#![allow(
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a benchmark talks to the person who runs it, in rounded figures"
)]

use std::{
    collections::BTreeMap,
    env, fs,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use mongo_lock_runtime::{LockClient, LockGuard, LockSpec};
use mongo_lock_testkit::Server;
use mongodb::{
    Client,
    event::{EventHandler, command::CommandEvent},
    options::ClientOptions,
};
use tokio::{task::JoinSet, time::sleep};

const TTL: Duration = Duration::from_secs(30);
/// As many acquisitions are under way at once.
const AT_ONCE: usize = 32;

#[tokio::main]
async fn main() -> Result<()> {
    let (leases, seconds) = size(env::args().skip(1).collect())?;
    let db = Server::shared().await.database().await;
    let commands = Commands::default();
    let mut options = ClientOptions::parse(db.uri()).await?;
    options.command_event_handler = Some(commands.handler());
    let driver = Client::with_options(options)?;
    let builder = LockClient::builder().client(driver).database(db.name());
    let client = builder.build().await?;

    // So that what the first acquisitions allocate once and for all is not counted.
    acquire(&client, "warm-up", leases.min(500)).await?;
    let before = memory();
    let guards = acquire(&client, "held", leases).await?;
    let held = memory();
    println!("{leases} leases with `renew` and a ttl of {TTL:?}, in one process");
    if let (Some(before), Some(held)) = (before, held) {
        let bytes = held.saturating_sub(before) / leases as u64;
        println!("  memory per held lease       {bytes} bytes (resident set, all included)");
    }

    commands.take();
    let (start, cpu) = (Instant::now(), processor_time());
    sleep(Duration::from_secs(seconds)).await;
    let (took, used) = (start.elapsed(), processor_time());
    let seen = commands.take();
    let intervals = took.as_secs_f64() / (TTL / 3).as_secs_f64();
    let total: usize = seen.values().map(Vec::len).sum();
    println!(
        "  commands per interval       {:.1} (interval: {:?})",
        total as f64 / intervals,
        TTL / 3,
    );
    for (name, times) in &seen {
        let longest = times.iter().max().copied().unwrap_or_default();
        println!(
            "    {name:<10} {:>4} in {:.0} s, the longest took {longest:.1?}",
            times.len(),
            took.as_secs_f64(),
        );
    }
    if let (Some(cpu), Some(used)) = (cpu, used) {
        let spent = used.saturating_sub(cpu).as_secs_f64();
        let per_minute = spent * 60.0 / took.as_secs_f64();
        println!("  processor time per minute   {per_minute:.2} s of this process");
    }
    let lost = guards.iter().filter(|guard| guard.lease().check().is_err());
    let lost = lost.count();
    println!("  leases lost                 {lost}");
    let start = Instant::now();
    drop(guards);
    let report = client.shutdown().limit(Duration::from_secs(60)).await;
    println!("  release of all at shutdown  {:.1?}", start.elapsed());
    ensure!(
        report.is_clean(),
        "not released: {}",
        report.unreleased.len()
    );
    ensure!(lost == 0, "a lease was lost");
    Ok(())
}

/// `cargo bench` says `--bench`; without it, this is a smoke run.
fn size(args: Vec<String>) -> Result<(usize, u64)> {
    let bench = args.iter().any(|arg| arg == "--bench");
    let (mut leases, mut seconds) = if bench { (10_000, 60) } else { (100, 1) };
    let mut args = args.into_iter();
    while let Some(arg) = args.next() {
        let mut number = || {
            let value = args.next().context("a number is missing")?;
            value.parse::<u32>().context(value)
        };
        match arg.as_str() {
            "--bench" => {}
            "--leases" => leases = number()?.max(1) as usize,
            "--seconds" => seconds = u64::from(number()?),
            other => bail!("unknown option `{other}`; valid ones are `--leases` and `--seconds`"),
        }
    }
    Ok((leases, seconds))
}

async fn acquire(client: &LockClient, prefix: &str, leases: usize) -> Result<Vec<LockGuard>> {
    let mut guards = Vec::with_capacity(leases);
    let mut tasks = JoinSet::new();
    for n in 0..leases {
        if tasks.len() == AT_ONCE {
            guards.extend(tasks.join_next().await.transpose()?.transpose()?);
        }
        let spec = LockSpec::builder(format!("{prefix}-{n}"), TTL).renew(true);
        let (client, spec) = (client.clone(), spec.build()?);
        tasks.spawn(async move {
            let acquired = client.try_acquire(&spec).await?.acquired();
            acquired.context("the lock is held elsewhere")
        });
    }
    while let Some(guard) = tasks.join_next().await {
        guards.push(guard??);
    }
    Ok(guards)
}

/// The time that each of the driver's commands took, by name.
#[derive(Clone, Default)]
struct Commands(Arc<Mutex<BTreeMap<String, Vec<Duration>>>>);

impl Commands {
    fn handler(&self) -> EventHandler<CommandEvent> {
        let seen = self.clone();
        EventHandler::callback(move |event| {
            let (name, took) = match event {
                CommandEvent::Succeeded(event) => (event.command_name, event.duration),
                CommandEvent::Failed(event) => (event.command_name, event.duration),
                _ => return,
            };
            let mut seen = seen.0.lock().unwrap_or_else(PoisonError::into_inner);
            seen.entry(name).or_default().push(took);
        })
    }

    fn take(&self) -> BTreeMap<String, Vec<Duration>> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The resident set of this process, in bytes. Linux only.
fn memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}

/// User and system time of this process. Linux only.
fn processor_time() -> Option<Duration> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The command's name, in parentheses, may have spaces.
    let fields: Vec<_> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: u64 = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    // Linux counts them in hundredths of a second for every program.
    Some(Duration::from_millis(ticks * 10))
}
