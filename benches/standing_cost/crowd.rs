//! Clients that wait.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use mongo_lock_runtime::{LockClient, LockGuard, LockSpec};
use tokio::{
    task::{JoinHandle, JoinSet},
    time::sleep,
};

use crate::server::Watched;

const LONG: Duration = Duration::from_secs(600);

pub(crate) fn spec(name: &str) -> LockSpec {
    LockSpec::new(name, LONG).expect("a valid name")
}

/// Clients that wait for one lock, each with connections and a listener of its own, as in a process of its
/// own.
pub(crate) struct Crowd {
    held: LockGuard,
    pub(crate) clients: Vec<LockClient>,
    waiters: Vec<JoinHandle<()>>,
}

impl Crowd {
    pub(crate) async fn gather(watched: &Watched, size: usize, name: &str) -> Result<Self> {
        let holder = LockClient::connect(watched.db.uri()).await?;
        let held = holder.acquire(&spec(name)).await?;
        let mut connecting = JoinSet::new();
        for _ in 0..size {
            let uri = watched.db.uri();
            connecting.spawn(async move { LockClient::connect(uri).await });
        }
        let mut clients = Vec::new();
        while let Some(client) = connecting.join_next().await {
            clients.push(client??);
        }
        let waiters = clients.iter().map(|client| {
            let (client, spec) = (client.clone(), spec(name));
            tokio::spawn(async move {
                if let Ok(guard) = client.acquire(&spec).await {
                    drop(guard.release().await);
                }
            })
        });
        let waiters = waiters.collect();
        let started = Instant::now();
        while watched.places().await? != size || watched.cursors().await? != size {
            ensure!(
                started.elapsed() < Duration::from_secs(240),
                "{size} clients do not wait"
            );
            sleep(Duration::from_millis(200)).await;
        }
        // What begins is over.
        sleep(Duration::from_secs(1)).await;
        Ok(Self {
            held,
            clients,
            waiters,
        })
    }

    /// Lets one after the other have the lock.
    pub(crate) async fn drain(self) -> Result<Vec<LockClient>> {
        self.held.release().await?;
        for waiter in self.waiters {
            waiter.await?;
        }
        Ok(self.clients)
    }

    /// The clients shut down.
    pub(crate) async fn shut_down(self) {
        let mut shutdowns = JoinSet::new();
        for client in self.clients {
            shutdowns.spawn(async move { client.shutdown().await });
        }
        while shutdowns.join_next().await.is_some() {}
        drop(self.held.release().await);
    }

    /// The callers are cancelled, and the clients dropped.
    pub(crate) async fn go(self) {
        for waiter in self.waiters {
            waiter.abort();
            drop(waiter.await);
        }
        drop(self.clients);
        drop(self.held.release().await);
    }
}
