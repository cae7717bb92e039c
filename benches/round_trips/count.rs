//! The number of commands of an operation, as the server counts them.

use std::{collections::BTreeMap, fmt};

use anyhow::Result;
use mongodb::{Database, bson::doc};

use crate::contender::{ALL, Contender, Field};

/// The commands that are not counted: the one that counts, and those by which every client watches its
/// server in the background.
const NOT_COUNTED: [&str; 3] = ["serverStatus", "hello", "isMaster"];

/// The commands that the server saw of one contender.
#[derive(Debug)]
pub(crate) struct Commands {
    by_name: BTreeMap<String, i64>,
    operations: i64,
}

/// Runs each contender `operations` times by itself, and asks the server before and after. Commands that
/// other clients send meanwhile are counted, too.
pub(crate) async fn commands(field: &Field, operations: i64) -> Result<Vec<Commands>> {
    let mut all = Vec::new();
    for contender in ALL {
        all.push(of(field, contender, operations).await?);
    }
    Ok(all)
}

async fn of(field: &Field, contender: Contender, operations: i64) -> Result<Commands> {
    let before = totals(field.database()).await?;
    for _ in 0..operations {
        field.run(contender).await?;
    }
    let mut by_name = totals(field.database()).await?;
    for (name, total) in &mut by_name {
        *total -= before.get(name).copied().unwrap_or_default();
    }
    by_name.retain(|name, total| *total != 0 && !NOT_COUNTED.contains(&name.as_str()));
    Ok(Commands {
        by_name,
        operations,
    })
}

async fn totals(database: &Database) -> Result<BTreeMap<String, i64>> {
    let status = database.run_command(doc! { "serverStatus": 1 }).await?;
    let commands = status.get_document("metrics")?.get_document("commands")?;
    let totals = commands.iter().filter_map(|(name, counters)| {
        let total = counters.as_document()?.get("total")?;
        Some((name.clone(), total.as_i64()?))
    });
    Ok(totals.collect())
}

impl fmt::Display for Commands {
    /// `2  findAndModify, update`; with a fraction, if not every operation was alike.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total: i64 = self.by_name.values().sum();
        write!(f, "{}", total / self.operations)?;
        let hundredths = total % self.operations * 100 / self.operations;
        if total % self.operations != 0 {
            write!(f, ".{hundredths:02}")?;
        }
        let names: Vec<_> = self.by_name.keys().map(String::as_str).collect();
        write!(f, "  {}", names.join(", "))
    }
}
