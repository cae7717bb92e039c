//! One attempt to confirm places in queues.

use std::collections::BTreeMap;

use mongodb::bson::Document;

use super::{document::LockDocument, error, store::MongoStore};
use crate::store::{
    failure::AttemptError,
    protocol::{Confirmation, Standing},
};

/// The result of a confirmation, by what `look` has found. Where that makes no sense, the waiter is to
/// ask, and is told.
fn standing(place: &Confirmation, found: Option<&Document>) -> Standing {
    let standing = found.and_then(|found| {
        let document = LockDocument::read(found).ok()?;
        document.standing(place, found).ok()?
    });
    standing.unwrap_or(Standing::Ask)
}

impl MongoStore {
    /// One attempt to confirm all of these places: one command for a single one, two for any number.
    pub(crate) async fn confirm(
        &self,
        places: &[Confirmation],
    ) -> Result<Vec<Standing>, AttemptError> {
        if let [place] = places {
            let stamp = self.stamp_entry(&place.name, &place.queue_id).await?;
            let Some(stamp) = stamp else {
                return Ok(vec![Standing::Ask]);
            };
            let command = self.commands().confirm_one(place, stamp);
            let reply = error::check(self.database.run_command(command).await)?;
            let value = reply.get_document("value");
            let found = value.and_then(|value| value.get_document("found")).ok();
            return Ok(vec![standing(place, found)]);
        }
        self.stamp_places(places).await?;
        let command = self.commands().confirm(places);
        // A statement that failed leaves entries as they were, which the second command sees.
        error::check_but_writes(self.database.run_command(command).await)?;
        let command = self.commands().look(places);
        let mut found = BTreeMap::new();
        for document in self.documents(command).await? {
            if let Ok(name) = document.get_str("_id") {
                found.insert(name.to_owned(), document);
            }
        }
        let standings = places.iter();
        let standings = standings.map(|place| standing(place, found.get(place.name.as_str())));
        Ok(standings.collect())
    }
}
