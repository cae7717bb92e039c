//! The processes that take part, and the server.

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

    pub(crate) async fn stop(self) -> Result<()> {
        for worker in self.workers {
            worker.stop().await?;
        }
        Ok(())
    }
}
