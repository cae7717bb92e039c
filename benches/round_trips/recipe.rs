//! The lock that is usually written by hand: the process that inserts the document has the lock, a process
//! that runs into the unique `_id` does not, and a TTL index removes the documents of dead holders, within
//! a minute or so.

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use mongodb::{
    Collection, Database, IndexModel,
    bson::{DateTime, Document, doc},
    error::{Error, ErrorKind, WriteFailure},
    options::{IndexOptions, WriteConcern},
};

const TTL: Duration = Duration::from_secs(60 * 60);
const DUPLICATE_KEY: i32 = 11000;

pub(crate) struct Recipe {
    locks: Collection<Document>,
    owner: String,
}

impl Recipe {
    pub(crate) async fn prepare(database: &Database, owner: &str) -> Result<Self> {
        let recipe = Self {
            locks: database.collection("recipe"),
            owner: owner.to_owned(),
        };
        let at_once = IndexOptions::builder().expire_after(Duration::ZERO).build();
        let index = IndexModel::builder()
            .keys(doc! { "expires_at": 1 })
            .options(at_once)
            .build();
        recipe.locks.create_index(index).await?;
        recipe.insert("held-recipe").await?;
        Ok(recipe)
    }

    /// The deletion has the server's default write concern, which is majority, too.
    pub(crate) async fn pair(&self, name: &str) -> Result<()> {
        self.insert(name).await?;
        let result = self.locks.delete_one(doc! { "_id": name }).await?;
        ensure!(result.deleted_count == 1, "{name} was not held");
        Ok(())
    }

    pub(crate) async fn refused(&self, name: &str) -> Result<()> {
        match self.insert(name).await {
            Ok(()) => bail!("{name} is not held"),
            Err(error) if is_duplicate_key(&error) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn insert(&self, name: &str) -> Result<(), Error> {
        let now = DateTime::now();
        let lock = doc! {
            "_id": name,
            "owner": &self.owner,
            "acquired_at": now,
            "expires_at": now.saturating_add_duration(TTL),
        };
        self.locks
            .insert_one(lock)
            .write_concern(WriteConcern::majority())
            .await?;
        Ok(())
    }
}

fn is_duplicate_key(error: &Error) -> bool {
    matches!(
        &*error.kind,
        ErrorKind::Write(WriteFailure::WriteError(error)) if error.code == DUPLICATE_KEY
    )
}
