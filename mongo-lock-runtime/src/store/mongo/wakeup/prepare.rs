//! Whether wake-ups can be sent, and what is done for it: the collection is created at first need.

use std::sync::atomic::Ordering;

use mongodb::bson::Document;

use super::{
    super::{error, store::MongoStore},
    command,
};
use crate::store::failure::{AttemptError, Persistence};

const BAD_VALUE: i32 = 2;
const UNAUTHORIZED: i32 = 13;
const NAMESPACE_EXISTS: i32 = 48;

impl MongoStore {
    /// Whether the lack of wake-ups is reported for the first time.
    pub(crate) fn reports_wakeups(&self) -> bool {
        !self.wakeups.reported.swap(true, Ordering::Relaxed)
    }

    pub(super) fn wakeup_collection(&self) -> String {
        command::collection(&self.namespace().collection)
    }

    /// Sees to it that the capped collection is there, once.
    pub(super) async fn prepare_wakeups(&self) -> Result<(), AttemptError> {
        if self.wakeups.prepared.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.create_wakeups().await?;
        self.wakeups.prepared.store(true, Ordering::Relaxed);
        Ok(())
    }

    pub(super) async fn create_wakeups(&self) -> Result<(), AttemptError> {
        let (collection, limit_ms) = (self.wakeup_collection(), self.commands().limit_ms());
        let create = command::create(&collection, limit_ms);
        match error::check(self.database.run_command(create).await) {
            Ok(_) => {}
            Err(error) if error::code(&error) == Some(NAMESPACE_EXISTS) => {}
            Err(error) if error.is_transient() => return Err(error),
            // Perhaps an operator has created it. An insert must not: that would not be capped.
            Err(error) => {
                let exists = command::exists(&collection, limit_ms);
                let exists = error::check(self.database.run_command(exists).await)?;
                if first_batch(&exists).next().is_none() {
                    return Err(self.explained(error));
                }
            }
        }
        // Also after a success, since a server may say so of a collection that was there.
        let mut id = self.probe_wakeups().await;
        if id.as_ref().is_err_and(is_not_capped) && self.convert_wakeups().await? {
            id = self.probe_wakeups().await;
        }
        let id = id.map_err(|error| self.explained(error))?;
        if id == 0 {
            let first = command::begin(&collection, limit_ms);
            let inserted = error::check(self.database.run_command(first).await);
            inserted.map_err(|error| self.explained(error))?;
        } else {
            let kill = command::kill(&collection, &[id]);
            drop(self.database.run_command(kill).await);
        }
        Ok(())
    }

    /// Opens a cursor as a listener does. Gives its id, 0 for an empty collection.
    async fn probe_wakeups(&self) -> Result<i64, AttemptError> {
        let probe = command::open(&self.wakeup_collection(), "");
        let mut session = self.session().await?;
        let reply = self.database.run_command(probe).session(&mut session);
        Ok(cursor_id(&error::check(reply.await)?))
    }

    /// Makes the collection capped, if nothing but wake-ups is in it: when the collection was dropped, the
    /// next wake-up creates it anew, as one that is not capped. Says whether it was done.
    async fn convert_wakeups(&self) -> Result<bool, AttemptError> {
        let (collection, limit_ms) = (self.wakeup_collection(), self.commands().limit_ms());
        let foreign = command::foreign(&collection, limit_ms);
        let foreign = error::check(self.database.run_command(foreign).await)?;
        if first_batch(&foreign).next().is_some() {
            return Ok(false);
        }
        let convert = command::convert(&collection, limit_ms);
        let converted = error::check(self.database.run_command(convert).await);
        converted
            .map(|_| true)
            .map_err(|error| self.explained(error))
    }

    /// The error, with what there is to do.
    pub(super) fn explained(&self, error: AttemptError) -> AttemptError {
        if error.is_transient() {
            return error;
        }
        let place = format!("{}_wakeups", self.namespace());
        let create = command::create(&self.wakeup_collection(), 0);
        let size = create.get_i64("size").unwrap_or_default();
        let create = format!(
            "db.getCollection(\"{}\").drop(); db.createCollection(\"{0}\", {{ capped: true, size: {size} }})",
            self.wakeup_collection()
        );
        let advice = match error::code(&error) {
            Some(BAD_VALUE) => {
                format!("`{place}` is not a capped collection; make it one: {create}")
            }
            Some(UNAUTHORIZED) => format!(
                "grant this user `find`, `insert`, `createCollection` and `convertToCapped` on `{place}`, or the \
                 first two, and create it once: db.createCollection(\"{}\", {{ capped: true, size: {size} }})",
                self.wakeup_collection()
            ),
            // A service without capped collections, or without tailable cursors.
            _ => format!("`{place}` cannot be used"),
        };
        let message = format!("{advice} ({})", error.cause);
        let persistence = if error.is_final() {
            Persistence::Final
        } else {
            Persistence::Unknown
        };
        AttemptError::new(message, persistence, error.effect_unknown)
    }
}

/// The documents of a reply with a cursor.
pub(super) fn first_batch(reply: &Document) -> impl Iterator<Item = &Document> {
    batch(reply, "firstBatch")
}

pub(super) fn batch<'a>(reply: &'a Document, field: &str) -> impl Iterator<Item = &'a Document> {
    let cursor = reply.get_document("cursor");
    let batch = cursor.and_then(|cursor| cursor.get_array(field));
    let batch = batch.map_or(&[][..], Vec::as_slice).iter();
    batch.filter_map(mongodb::bson::Bson::as_document)
}

pub(super) fn cursor_id(reply: &Document) -> i64 {
    let cursor = reply.get_document("cursor");
    let id = cursor.and_then(|cursor| cursor.get_i64("id"));
    id.unwrap_or_default()
}

/// Whether a tailable cursor was refused since the collection is not capped.
pub(super) fn is_not_capped(error: &AttemptError) -> bool {
    error::code(error) == Some(BAD_VALUE)
}
