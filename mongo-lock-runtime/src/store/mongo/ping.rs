//! The look at the server: whether a primary answers.

use mongodb::bson::doc;

use super::{error, store::MongoStore};
use crate::store::failure::AttemptError;

impl MongoStore {
    /// One command, which takes no place in a lane: it must not wait behind those whose trouble it is to find.
    pub(crate) async fn ping(&self) -> Result<(), AttemptError> {
        let reply = self.database.run_command(doc! { "ping": 1 }).await;
        error::check(reply).map(drop)
    }
}
