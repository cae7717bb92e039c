//! An instance of the service: a process of its own, which follows orders.
//!
//! | told | does | says |
//! | --- | --- | --- |
//! | `hold WAY` | acquires the lock of the hand-offs | `held` |
//! | `wait WAY` | acquires it too, and releases it | `got NANOSECONDS`, since 1970 |
//! | `release WAY` | releases it | `released NANOSECONDS`, when it began to |
//! | `run WAY TASKS PROCESSES NAME` | has tasks contend for the lock of that name | `running` |
//! | `count` | | how many turns each task has had |
//! | `stop` | ends the tasks | `stopped` |

use std::{
    fmt::Write as _,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use anyhow::{Context as _, Result, bail};
use mongo_lock_runtime::{LockClient, LockGuard, LockSpec, Release};
use mongodb::Client;
use tokio::{sync::watch, task::JoinSet, time::sleep};

use crate::{contest::Crowd, fleet::NAMES, instance::commands, recipe::Recipe, way::Way};

/// A ttl that no holder outlives, whatever the load.
const TTL: Duration = Duration::from_secs(600);

/// Which of the workers this process is to be, if any.
pub(crate) fn number(arg: &str) -> Option<usize> {
    NAMES.iter().position(|name| *name == arg)
}

pub(crate) async fn serve(number: usize, uri: &str) -> Result<()> {
    let driver = Client::with_uri_str(uri).await?;
    let database = driver.default_database().context("the URI names one")?;
    let builder = LockClient::builder().client(driver);
    let client = builder.database(database.name()).build().await?;
    let recipe = Recipe::new(&database, client.owner());
    let locks = Locks { client, recipe };
    let mut held = None;
    let mut contest = None;
    let mut commands = commands();
    println!("ready");
    while let Some(command) = commands.recv().await {
        let words: Vec<_> = command.split(' ').collect();
        match *words {
            ["hold", way] => {
                held = Some(locks.acquire(way.parse()?, "hand-off").await?);
                println!("held");
            }
            ["wait", way] => {
                let lock = locks.acquire(way.parse()?, "hand-off").await?;
                println!("got {}", now()?);
                locks.release("hand-off", lock).await?;
            }
            ["release", _] => {
                let lock = held.take().context("it holds nothing")?;
                let began = now()?;
                locks.release("hand-off", lock).await?;
                println!("released {began}");
            }
            ["run", way, tasks, processes, name] => {
                let crowd = Crowd {
                    processes: processes.parse()?,
                    tasks: tasks.parse()?,
                };
                contest = Some(Contest::start(&locks, number, way.parse()?, crowd, name)?);
                println!("running");
            }
            ["count"] => println!("{}", contest.as_ref().context("none runs")?.turns()?),
            ["stop"] => {
                contest.take().context("none runs")?.stop().await?;
                println!("stopped");
            }
            _ => bail!("what is `{command}`?"),
        }
    }
    Ok(())
}

fn now() -> Result<u128> {
    // The wall clock, since it is the same for both processes.
    Ok(SystemTime::UNIX_EPOCH.elapsed()?.as_nanos())
}

#[derive(Clone)]
struct Locks {
    client: LockClient,
    recipe: Recipe,
}

enum Held {
    Guard(LockGuard),
    Document,
}

impl Locks {
    async fn acquire(&self, way: Way, name: &str) -> Result<Held> {
        if way == Way::Ours {
            let spec = LockSpec::new(name, TTL)?;
            return Ok(Held::Guard(self.client.acquire(&spec).await?));
        }
        self.recipe.acquire(name, way.pause(), || true).await?;
        Ok(Held::Document)
    }

    async fn release(&self, name: &str, held: Held) -> Result<()> {
        match held {
            Held::Document => self.recipe.release(name).await,
            Held::Guard(guard) => match guard.release().await? {
                Release::Freed => Ok(()),
                gone => bail!("{name} was not held: {gone:?}"),
            },
        }
    }
}

struct Contest {
    turns: Arc<[AtomicU64]>,
    tasks: JoinSet<Result<()>>,
    stop: watch::Sender<bool>,
}

impl Contest {
    fn start(locks: &Locks, number: usize, way: Way, crowd: Crowd, name: &str) -> Result<Self> {
        let turns: Arc<[AtomicU64]> = (0..crowd.tasks).map(|_| AtomicU64::new(0)).collect();
        let (stop, _) = watch::channel(false);
        let mut contest = Self {
            turns,
            tasks: JoinSet::new(),
            stop,
        };
        let spec = LockSpec::new(name, TTL)?;
        for task in 0..crowd.tasks {
            // The tasks come one by one, and next to each in the queue is a task of another process.
            let comes = u64::try_from(task * crowd.processes + number)?;
            let comes = sleep(Duration::from_millis(comes));
            let (turns, stop) = (Arc::clone(&contest.turns), contest.stop.subscribe());
            let (locks, spec) = (locks.clone(), spec.clone());
            let count = move || turns[task].fetch_add(1, Ordering::Relaxed);
            contest.tasks.spawn(async move {
                comes.await;
                match way {
                    Way::Ours => ours(locks, spec, stop, count).await,
                    Way::Polled(_) => polls(locks, spec, way, stop, count).await,
                }
            });
        }
        Ok(contest)
    }

    fn turns(&self) -> Result<String> {
        let mut line = String::new();
        for turns in &*self.turns {
            write!(line, "{} ", turns.load(Ordering::Relaxed))?;
        }
        Ok(line)
    }

    async fn stop(mut self) -> Result<()> {
        self.stop.send_replace(true);
        while let Some(task) = self.tasks.join_next().await {
            task??;
        }
        Ok(())
    }
}

async fn ours(
    locks: Locks,
    spec: LockSpec,
    mut stop: watch::Receiver<bool>,
    count: impl Fn() -> u64,
) -> Result<()> {
    loop {
        let guard = tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => return Ok(()),
            guard = locks.client.acquire(&spec) => guard?,
        };
        count();
        locks
            .release(spec.name().as_str(), Held::Guard(guard))
            .await?;
    }
}

async fn polls(
    locks: Locks,
    spec: LockSpec,
    way: Way,
    stop: watch::Receiver<bool>,
    count: impl Fn() -> u64,
) -> Result<()> {
    let (name, recipe) = (spec.name().as_str(), &locks.recipe);
    let wanted = || !*stop.borrow();
    while recipe.acquire(name, way.pause(), wanted).await? {
        count();
        recipe.release(name).await?;
    }
    Ok(())
}
