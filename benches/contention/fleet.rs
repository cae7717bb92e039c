//! The processes that take part, and the server.

use std::{fs, time::Duration};

use anyhow::{Context as _, Result};
use mongo_lock_testkit::TestDb;

use crate::instance::Instance;

pub(crate) const NAMES: [&str; 8] = [
    "worker-1", "worker-2", "worker-3", "worker-4", "worker-5", "worker-6", "worker-7", "worker-8",
];

pub(crate) struct Fleet<'a> {
    pub(crate) db: &'a TestDb,
    pub(crate) workers: Vec<Instance>,
}

impl<'a> Fleet<'a> {
    pub(crate) async fn start(db: &'a TestDb) -> Result<Self> {
        let mut workers = Vec::new();
        for name in NAMES {
            workers.push(Instance::start(name, &db.uri()).await?);
        }
        Ok(Self { db, workers })
    }

    /// Tells the first so many workers, and returns what they say to it.
    pub(crate) async fn tell(&mut self, workers: usize, command: &str) -> Result<Vec<String>> {
        let (workers, mut said) = (&mut self.workers[..workers], Vec::new());
        for worker in &mut *workers {
            worker.tell(command).await?;
        }
        for worker in workers {
            said.push(worker.says().await?);
        }
        Ok(said)
    }

    /// The number that comes after `word` in what this worker says next.
    pub(crate) async fn number_after(&mut self, worker: usize, word: &str) -> Result<u128> {
        let line = self.workers[worker].says().await?;
        let number = line
            .strip_prefix(word)
            .with_context(|| format!("not `{word}`: {line}"))?;
        Ok(number.trim().parse()?)
    }

    /// User and system time of the first so many workers. Linux only.
    pub(crate) fn processor_time(&self, workers: usize) -> Option<Duration> {
        let workers = self.workers[..workers].iter();
        workers.map(|worker| processor_time(worker.pid)).sum()
    }

    pub(crate) async fn stop(self) -> Result<()> {
        for worker in self.workers {
            worker.stop().await?;
        }
        Ok(())
    }
}

fn processor_time(pid: u32) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The command's name, in parentheses, may have spaces.
    let fields: Vec<_> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: u64 = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    // Linux counts them in hundredths of a second for every program.
    Some(Duration::from_millis(ticks * 10))
}
