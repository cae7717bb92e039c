//! The lock that is usually written by hand: the process that inserts the document has the lock, and
//! deletes the document in the end; a process that runs into the unique `_id` tries again after a pause.

use std::time::Duration;

use anyhow::{Result, ensure};
use mongodb::{
    Collection, Database,
    bson::{DateTime, Document, doc},
    error::{ErrorKind, WriteFailure},
    options::WriteConcern,
};
use tokio::time::sleep;

const TTL: Duration = Duration::from_secs(60 * 60);
const DUPLICATE_KEY: i32 = 11000;

#[derive(Clone)]
pub(crate) struct Recipe {
    locks: Collection<Document>,
    owner: String,
}

impl Recipe {
    pub(crate) fn new(database: &Database, owner: &str) -> Self {
        Self {
            locks: database.collection("recipe"),
            owner: owner.to_owned(),
        }
    }

    /// Tries until it has the lock, or does not want it any more.
    pub(crate) async fn acquire(
        &self,
        name: &str,
        pause: Duration,
        wanted: impl Fn() -> bool,
    ) -> Result<bool> {
        while wanted() {
            if self.try_acquire(name).await? {
                return Ok(true);
            }
            sleep(pause).await;
        }
        Ok(false)
    }

    async fn try_acquire(&self, name: &str) -> Result<bool> {
        let now = DateTime::now();
        let lock = doc! {
            "_id": name,
            "owner": &self.owner,
            "acquired_at": now,
            "expires_at": now.saturating_add_duration(TTL),
        };
        let insert = self.locks.insert_one(lock);
        match insert.write_concern(WriteConcern::majority()).await {
            Ok(_) => Ok(true),
            Err(error) => match &*error.kind {
                ErrorKind::Write(WriteFailure::WriteError(error))
                    if error.code == DUPLICATE_KEY =>
                {
                    Ok(false)
                }
                _ => Err(error.into()),
            },
        }
    }

    /// With the server's default write concern, which is majority, too.
    pub(crate) async fn release(&self, name: &str) -> Result<()> {
        let result = self.locks.delete_one(doc! { "_id": name }).await?;
        ensure!(result.deleted_count == 1, "{name} was not held");
        Ok(())
    }
}
