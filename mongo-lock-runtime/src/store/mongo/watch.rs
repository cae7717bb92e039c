//! The change stream that wakes the waiters of a client.

use std::time::Duration;

use mongodb::{
    Collection,
    bson::{Document, doc},
    change_stream::ChangeStream,
    options::{CollectionOptions, ReadConcern, ReadPreference, SelectionCriteria},
};
use tokio::time::timeout;

use super::{super::failure::AttemptError, error, store::MongoStore};

/// The change stream of one client, for the turns of all locks for which it waits.
#[derive(Debug)]
pub(crate) struct MongoWakeups {
    stream: ChangeStream<Document>,
    /// The time within which the server says that there is no event.
    limit: Duration,
}

impl MongoStore {
    /// Opens a change stream for the client with this queue id. The server looks for events for up to
    /// `look` before it says that there are none.
    pub(crate) async fn watch(
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
            .collection_with_options(&self.namespace().collection, options);
        let watch = locks.watch().pipeline(pipeline(id));
        let stream = watch.max_await_time(look).await;
        let stream = stream.map_err(error::from_driver)?;
        Ok(MongoWakeups {
            stream: stream.with_type(),
            limit: look + Duration::from_millis(self.commands.limit_ms().unsigned_abs()),
        })
    }
}

/// The stages that leave the changes of `turn` which name this id.
pub(super) fn pipeline(id: &str) -> [Document; 2] {
    // An id is made of hexadecimal digits and hyphens.
    let ours = |field| doc! { field: { "$regex": id } };
    [
        doc! { "$match": { "$or": [
            ours("updateDescription.updatedFields.turn"),
            // Before MongoDB 5.0, an update by a pipeline is reported as a replacement.
            ours("fullDocument.turn"),
        ] } },
        doc! { "$project": { "operationType": 1, "documentKey": 1 } },
    ]
}

impl MongoWakeups {
    /// The name of a lock that is this client's to take, or `None` when there has been no event for a
    /// while.
    pub(crate) async fn next(&mut self) -> Result<Option<String>, AttemptError> {
        // A reply that takes longer is lost, with its connection.
        let next = timeout(self.limit, self.stream.next_if_any()).await;
        let event = next
            .map_err(|_| AttemptError::lost())?
            .map_err(error::from_driver)?;
        let Some(event) = event else {
            // The stream ends when its collection is dropped, for one.
            return if self.stream.is_alive() {
                Ok(None)
            } else {
                Err(AttemptError::ended())
            };
        };
        let key = event.get_document("documentKey");
        let name = key.and_then(|key| key.get_str("_id")).map(str::to_owned);
        // A document whose `_id` is no string is no lock.
        Ok(name.ok())
    }
}
