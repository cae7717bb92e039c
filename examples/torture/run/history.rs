//! The history of fenced writes, as the documents themselves show it.

use std::collections::HashMap;

use anyhow::{Context as _, Result};
use mongo_lock_testkit::Server;
use mongodb::bson::{Document, doc};

use super::{DATABASE, jobs::NAMES};

/// Of each lock's document: token and id of each write, in the order in which they were applied.
pub(crate) type History = HashMap<String, Vec<Applied>>;

#[derive(Debug, Clone)]
pub(crate) struct Applied {
    pub(crate) token: i64,
    pub(crate) id: String,
}

pub(crate) async fn read(server: &Server) -> Result<History> {
    let database = server.client().await.database(DATABASE);
    let collection = database.collection::<Document>("work");
    let mut history = History::new();
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
        history.insert(name.to_owned(), applied);
    }
    Ok(history)
}
