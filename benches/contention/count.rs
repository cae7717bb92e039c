//! The commands that the server saw.

use std::collections::BTreeMap;

use anyhow::Result;
use mongodb::{Database, bson::doc};

/// The commands that are not counted: the one that counts, and those by which every client watches its
/// server in the background.
const NOT_COUNTED: [&str; 3] = ["serverStatus", "hello", "isMaster"];

/// Asks a cursor for wake-ups. A poll of the cursor, not of the lock; counted like any other.
const GET_MORE: &str = "getMore";

/// The number of commands, by name.
#[derive(Debug, Default, Clone)]
pub(crate) struct Commands(BTreeMap<String, i64>);

impl Commands {
    /// All commands since the server was started, from every client.
    pub(crate) async fn of(database: &Database) -> Result<Self> {
        let status = database.run_command(doc! { "serverStatus": 1 }).await?;
        let commands = status.get_document("metrics")?.get_document("commands")?;
        let totals = commands.iter().filter_map(|(name, counters)| {
            let total = counters.as_document()?.get("total")?;
            Some((name.clone(), total.as_i64()?))
        });
        let counted = totals.filter(|(name, _)| !NOT_COUNTED.contains(&name.as_str()));
        Ok(Self(counted.collect()))
    }

    pub(crate) fn since(mut self, before: &Self) -> Self {
        for (name, total) in &mut self.0 {
            *total -= before.0.get(name).copied().unwrap_or_default();
        }
        self.0.retain(|_, total| *total != 0);
        self
    }

    pub(crate) fn add(&mut self, more: Self) {
        for (name, total) in more.0 {
            *self.0.entry(name).or_default() += total;
        }
    }

    pub(crate) fn all(&self) -> i64 {
        self.0.values().sum()
    }

    pub(crate) fn without_get_more(&self) -> i64 {
        self.all() - self.0.get(GET_MORE).copied().unwrap_or_default()
    }

    /// The most frequent first.
    pub(crate) fn by_name(&self) -> Vec<(&str, i64)> {
        let mut names: Vec<_> = self.0.iter().map(|(name, n)| (name.as_str(), *n)).collect();
        names.sort_by_key(|(_, total)| std::cmp::Reverse(*total));
        names
    }
}
