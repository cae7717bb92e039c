//! The change stream that says whose turn it is.

use std::time::Duration;

use mongodb::{
    Collection,
    bson::{Document, doc},
    change_stream::ChangeStream,
    options::{CollectionOptions, ReadConcern, ReadPreference, SelectionCriteria},
};
use tokio::time::timeout;

use super::{MongoStore, failure};
use crate::store::AttemptError;

/// The turns of one client, wherever it waits.
#[derive(Debug)]
pub(crate) struct MongoWakeups {
    stream: ChangeStream<Document>,
    /// How long the server may take to say that there is nothing.
    limit: Duration,
}

impl MongoStore {
    /// Opens a change stream for whoever waits under `id`. The server looks for news for up to `look`
    /// before it says that there are none.
    pub(crate) async fn news(
        &self,
        id: &str,
        look: Duration,
    ) -> Result<MongoWakeups, AttemptError> {
        let options = CollectionOptions::builder()
            .selection_criteria(SelectionCriteria::ReadPreference(ReadPreference::Primary))
            .read_concern(ReadConcern::majority())
            .build();
        let locks: Collection<Document> = self
            .database
            .collection_with_options(&self.place.collection, options);
        // An id is made of hexadecimal digits and hyphens.
        let ours = |field| doc! { field: { "$regex": id } };
        let pipeline = [
            doc! { "$match": { "$or": [
                ours("updateDescription.updatedFields.turn"),
                // Before MongoDB 5.0, an update by a pipeline is reported as a replacement.
                ours("fullDocument.turn"),
            ] } },
            doc! { "$project": { "operationType": 1, "documentKey": 1 } },
        ];
        let stream = locks.watch().pipeline(pipeline).max_await_time(look).await;
        let stream = stream.map_err(failure::from_driver)?;
        Ok(MongoWakeups {
            stream: stream.with_type(),
            limit: look + Duration::from_millis(self.limit_ms.unsigned_abs()),
        })
    }
}

impl MongoWakeups {
    /// The name of a lock that is ours to take, or `None` when there has been nothing for a while.
    pub(crate) async fn next(&mut self) -> Result<Option<String>, AttemptError> {
        // One that takes longer is lost, with its connection.
        let next = timeout(self.limit, self.stream.next_if_any()).await;
        let event = next
            .map_err(|_| AttemptError::lost())?
            .map_err(failure::from_driver)?;
        let Some(event) = event else {
            // As after a collection is dropped.
            return if self.stream.is_alive() {
                Ok(None)
            } else {
                Err(AttemptError::ended())
            };
        };
        let key = event.get_document("documentKey");
        let name = key.and_then(|key| key.get_str("_id")).map(str::to_owned);
        // What is no string is no lock.
        Ok(name.ok())
    }
}
