//! What the server has spent, and what is left on it.

use std::{
    collections::BTreeSet,
    fs,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use mongo_lock_testkit::{Server, TestDb};
use mongodb::bson::{Document, Timestamp, doc};

/// The ticks of `/proc/<pid>/stat` in a second, on every Linux.
const TICKS: f64 = 100.0;

pub(crate) struct Watched {
    pub(crate) server: Server,
    pub(crate) db: TestDb,
    pid: u32,
}

/// The processor time and the time that have passed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spent {
    pub(crate) cpu: f64,
    pub(crate) time: f64,
}

impl Spent {
    pub(crate) fn percent(self) -> f64 {
        self.cpu / self.time * 100.0
    }
}

/// The start of a measurement.
pub(crate) struct Start(f64, Instant);

impl Watched {
    pub(crate) async fn start() -> Result<Self> {
        let server = Server::builder().start().await?;
        let db = server.database().await;
        let pid = server
            .nodes()
            .first()
            .and_then(mongo_lock_testkit::Node::pid);
        let pid = pid.context("the server runs")?;
        Ok(Self { server, db, pid })
    }

    /// User and system time of `mongod`, in seconds.
    fn cpu(&self) -> Result<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid))?;
        let (_, fields) = stat.rsplit_once(") ").context("a command name")?;
        let fields: Vec<&str> = fields.split(' ').collect();
        let ticks = fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
        Ok(ticks / TICKS)
    }

    pub(crate) fn begin(&self) -> Result<Start> {
        Ok(Start(self.cpu()?, Instant::now()))
    }

    pub(crate) fn spent(&self, start: &Start) -> Result<Spent> {
        Ok(Spent {
            cpu: self.cpu()? - start.0,
            time: start.1.elapsed().as_secs_f64(),
        })
    }

    /// What the server spends while `time` passes.
    pub(crate) async fn rest(&self, time: Duration) -> Result<Spent> {
        let start = self.begin()?;
        tokio::time::sleep(time).await;
        self.spent(&start)
    }

    /// The number of places that count.
    pub(crate) async fn places(&self) -> Result<usize> {
        let stages = [
            doc! { "$unwind": "$queue" },
            doc! { "$match": { "$expr": { "$gt": ["$queue.until", "$$NOW"] } } },
            doc! { "$count": "n" },
        ];
        let locks = self.db.collection::<Document>("distributed_locks");
        let mut found = locks.aggregate(stages).await?;
        if !found.advance().await? {
            return Ok(0);
        }
        Ok(usize::try_from(found.deserialize_current()?.get_i32("n")?)?)
    }

    /// All commands so far, but those by which clients watch the server.
    pub(crate) async fn commands(&self) -> Result<i64> {
        let status = self.db.run_command(doc! { "serverStatus": 1 }).await?;
        let commands = status.get_document("metrics")?.get_document("commands")?;
        let counted = commands.iter().filter(|(name, _)| {
            !["serverStatus", "hello", "isMaster", "getMore"].contains(&name.as_str())
        });
        let totals = counted.filter_map(|(_, it)| it.as_document()?.get_i64("total").ok());
        Ok(totals.sum())
    }

    /// The end of the oplog.
    pub(crate) async fn oplog_end(&self) -> Result<Timestamp> {
        let oplog = self.db.client().database("local");
        let oplog = oplog.collection::<Document>("oplog.rs");
        let last = oplog
            .find_one(doc! {})
            .sort(doc! { "$natural": -1 })
            .await?;
        Ok(last.context("an oplog")?.get_timestamp("ts")?)
    }

    /// The bytes that the oplog has grown by since.
    pub(crate) async fn oplog_bytes(&self, since: Timestamp) -> Result<f64> {
        let oplog = self.db.client().database("local");
        let oplog = oplog.collection::<Document>("oplog.rs");
        let stages = [
            doc! { "$match": { "ts": { "$gt": since } } },
            doc! { "$group": { "_id": 0, "bytes": { "$sum": { "$bsonSize": "$$ROOT" } } } },
        ];
        let mut found = oplog.aggregate(stages).await?;
        if !found.advance().await? {
            return Ok(0.0);
        }
        let bytes = found.deserialize_current()?;
        let bytes = bytes.get_i32("bytes").map(f64::from);
        bytes.or_else(|_| Ok(found.deserialize_current()?.get_i64("bytes")? as f64))
    }

    /// The cursors that are open for wake-ups, or for changes.
    pub(crate) async fn cursors(&self) -> Result<usize> {
        let stages = [
            doc! { "$currentOp": { "idleCursors": true, "allUsers": true } },
            doc! { "$match": {
                "ns": { "$regex": format!("^{}\\.distributed_locks", self.db.name()) },
                "cursor.tailable": true,
                "cursor.originatingCommand.filter.to": { "$ne": "" },
            } },
        ];
        let mut found = self.db.client().database("admin").aggregate(stages).await?;
        let mut ids = BTreeSet::new();
        while found.advance().await? {
            let operation = found.deserialize_current()?;
            ids.insert(operation.get_document("cursor")?.get_i64("cursorId")?);
        }
        Ok(ids.len())
    }
}
