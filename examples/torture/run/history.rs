//! The history of fenced writes and transactions, as the documents themselves show it.

use std::collections::HashMap;

use anyhow::{Context as _, Result};
use mongo_lock_testkit::Server;
use mongodb::{
    Database,
    bson::{Document, doc},
};

use super::{
    DATABASE,
    jobs::{NAMES, TRANSFERS},
};

/// The collections of the accounts, between which transactions move 1 at a time.
pub(crate) const FROM: &str = "from";
pub(crate) const TO: &str = "to";

#[derive(Debug, Clone, Default)]
pub(crate) struct History {
    /// Of each lock's document: token and id of each write, in the order in which they were applied.
    pub(crate) writes: HashMap<String, Vec<Applied>>,
    /// What the transactions have left in the two accounts, if there were any.
    pub(crate) accounts: Option<(i64, i64)>,
}

#[derive(Debug, Clone)]
pub(crate) struct Applied {
    pub(crate) token: i64,
    pub(crate) id: String,
}

pub(crate) async fn read(server: &Server) -> Result<History> {
    let database = server.client().await.database(DATABASE);
    let collection = database.collection::<Document>("work");
    let mut history = History::default();
    for name in NAMES {
        let found = collection.find_one(doc! { "_id": name }).await?;
        let mut applied = Vec::new();
        for write in found
            .iter()
            .flat_map(|it| it.get_array("history"))
            .flatten()
        {
            let write = write.as_document().context("a write is a document")?;
            applied.push(Applied {
                token: write.get_i64("token")?,
                id: write.get_str("write")?.to_owned(),
            });
        }
        history.writes.insert(name.to_owned(), applied);
    }
    let (from, to) = (sum(&database, FROM).await?, sum(&database, TO).await?);
    history.accounts = match (from, to) {
        (None, None) => None,
        (from, to) => Some((from.unwrap_or(0), to.unwrap_or(0))),
    };
    Ok(history)
}

async fn sum(database: &Database, account: &str) -> Result<Option<i64>> {
    let account = database.collection::<Document>(account);
    let found = account.find_one(doc! { "_id": TRANSFERS }).await?;
    found.map(|found| Ok(found.get_i64("sum")?)).transpose()
}
