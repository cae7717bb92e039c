//! The shard key of the collection: only one that consists of `_id` makes a name one document.

use mongodb::{
    bson::{Bson, Document, doc},
    options::{ReadPreference, SelectionCriteria},
};

use super::{error, setup::StartUpFailure, store::MongoStore};

impl MongoStore {
    /// Refuses a collection that is sharded by anything but `_id`, in any order or hashed, where this user may
    /// read `config.collections`. Elsewhere, a router before MongoDB 7.0 refuses the dry run of an acquisition.
    pub(super) async fn check_shard_key(&self) -> Result<(), StartUpFailure> {
        let Some(key) = self.shard_key().await else {
            return Ok(());
        };
        if key.keys().eq(["_id"]) {
            return Ok(());
        }
        Err(StartUpFailure::new(self.other_shard_key(Some(&key))))
    }

    /// `None`: the collection is not sharded, or this user may not know.
    async fn shard_key(&self) -> Option<Document> {
        let find = doc! {
            "find": "collections",
            "filter": { "_id": self.namespace().to_string(), "dropped": { "$ne": true } },
            "projection": { "_id": 0, "key": 1 },
            "limit": 1,
            "singleBatch": true,
            "maxTimeMS": self.commands().limit_ms(),
        };
        let config = self.database.client().database("config");
        let primary = SelectionCriteria::ReadPreference(ReadPreference::Primary);
        let reply = config.run_command(find).selection_criteria(primary).await;
        let reply = error::check(reply).ok()?;
        let batch = reply.get_document("cursor").ok()?.get_array("firstBatch");
        let found = batch.ok()?.first().and_then(Bson::as_document)?;
        found.get_document("key").ok().cloned()
    }

    /// The problem with such a collection.
    pub(super) fn other_shard_key(&self, key: Option<&Document>) -> String {
        let place = self.namespace();
        let by = key.map_or_else(
            || "by another key than `_id`".into(),
            |key| format!("by `{key}`"),
        );
        format!(
            "`{place}` is sharded {by}, so two shards could each have a document for one lock; use a \
             collection that is not sharded, or one that is sharded by `_id`: \
             sh.shardCollection(\"{place}\", {{ _id: \"hashed\" }})"
        )
    }
}
