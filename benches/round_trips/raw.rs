//! The lock protocol, as a user of the driver would write it down.

use anyhow::{Result, ensure};
use mongodb::{
    Collection, Database,
    bson::{Document, Uuid, doc},
    options::{Acknowledgment, ReturnDocument, WriteConcern},
};

const TTL_MS: i64 = 60 * 60 * 1000;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

pub(crate) struct Raw {
    database: Database,
    locks: Collection<Document>,
    owner: String,
}

impl Raw {
    pub(crate) async fn prepare(
        database: &Database,
        collection: &str,
        owner: &str,
    ) -> Result<Self> {
        let raw = Self {
            database: database.clone(),
            locks: database.collection(collection),
            owner: owner.to_owned(),
        };
        for name in ["held-typed", "held-control", "held-command"] {
            ensure!(raw.acquire(name).await?.is_some(), "{name} is not free");
        }
        Ok(raw)
    }

    pub(crate) async fn pair(&self, name: &str) -> Result<()> {
        let lease = self.acquire(name).await?;
        let lease = lease.ok_or_else(|| anyhow::anyhow!("{name} is not free"))?;
        self.release(name, lease).await
    }

    pub(crate) async fn refused(&self, name: &str) -> Result<()> {
        ensure!(self.acquire(name).await?.is_none(), "{name} is not held");
        Ok(())
    }

    pub(crate) async fn pair_by_command(&self, name: &str) -> Result<()> {
        let lease = self.acquire_by_command(name).await?;
        let lease = lease.ok_or_else(|| anyhow::anyhow!("{name} is not free"))?;
        self.release_by_command(name, lease).await
    }

    pub(crate) async fn refused_by_command(&self, name: &str) -> Result<()> {
        let lease = self.acquire_by_command(name).await?;
        ensure!(lease.is_none(), "{name} is not held");
        Ok(())
    }

    async fn acquire(&self, name: &str) -> Result<Option<Uuid>> {
        let lease = Uuid::new();
        let lock = self
            .locks
            .find_one_and_update(doc! { "_id": name }, self.pipeline(lease))
            .upsert(true)
            .return_document(ReturnDocument::After)
            .write_concern(WriteConcern::majority())
            .await?;
        let granted = match &lock {
            Some(lock) => has(lock, lease)?,
            None => false,
        };
        Ok(granted.then_some(lease))
    }

    async fn release(&self, name: &str, lease: Uuid) -> Result<()> {
        let result = self
            .locks
            .update_one(
                doc! { "_id": name, "holders.lease": lease },
                doc! { "$pull": { "holders": { "lease": lease } } },
            )
            .write_concern(WriteConcern::from(Acknowledgment::Nodes(1)))
            .await?;
        ensure!(result.modified_count == 1, "{name} was not held");
        Ok(())
    }

    async fn acquire_by_command(&self, name: &str) -> Result<Option<Uuid>> {
        let lease = Uuid::new();
        let reply = self
            .database
            .run_command(doc! {
                "findAndModify": self.locks.name(),
                "query": { "_id": name },
                "update": self.pipeline(lease),
                "upsert": true,
                "new": true,
                "writeConcern": { "w": "majority" },
            })
            .await?;
        let granted = has(reply.get_document("value")?, lease)?;
        Ok(granted.then_some(lease))
    }

    async fn release_by_command(&self, name: &str, lease: Uuid) -> Result<()> {
        let reply = self
            .database
            .run_command(doc! {
                "update": self.locks.name(),
                "updates": [{
                    "q": { "_id": name, "holders.lease": lease },
                    "u": { "$pull": { "holders": { "lease": lease } } },
                }],
                "writeConcern": { "w": 1 },
            })
            .await?;
        ensure!(reply.get_i32("nModified")? == 1, "{name} was not held");
        Ok(())
    }

    /// Drops the holders whose time is over, and adds ours if there is room.
    fn pipeline(&self, lease: Uuid) -> Vec<Document> {
        let live = doc! { "$filter": {
            "input": { "$ifNull": ["$holders", []] },
            "cond": { "$gt": ["$$this.expires_at", "$$NOW"] },
        } };
        let token = doc! { "$max": [{ "$add": ["$token", 1_i64] }, { "$toLong": "$$NOW" }] };
        let granted = doc! {
            "holders": [{
                "lease": lease,
                "owner": &self.owner,
                "mode": "exclusive",
                "token": "$$token",
                "ttl_ms": TTL_MS,
                "acquired_at": "$$NOW",
                "expires_at": { "$add": ["$$NOW", TTL_MS] },
            }],
            "token": "$$token",
            "purge_at": { "$add": ["$$NOW", TTL_MS + DAY_MS] },
        };
        vec![
            doc! { "$set": { "holders": live } },
            doc! { "$replaceWith": { "$cond": [
                { "$eq": ["$holders", []] },
                { "$let": {
                    "vars": { "token": token },
                    "in": { "$mergeObjects": ["$$ROOT", granted] },
                } },
                "$$ROOT",
            ] } },
        ]
    }
}

fn has(lock: &Document, lease: Uuid) -> Result<bool> {
    let lease = lease.into();
    let holders = lock.get_array("holders")?;
    Ok(holders
        .iter()
        .filter_map(|holder| holder.as_document()?.get("lease"))
        .any(|id| *id == lease))
}
