//! Stamps: the commands that write the server's clock into lock documents, see [`super::clock`].

#[cfg(test)]
mod tests;

use std::{borrow::Cow, collections::BTreeSet};

use mongodb::bson::{Bson, DateTime, Document, doc};

use super::{
    clock::Stamp,
    command::Commands,
    document::LockDocument,
    error,
    expression::{PROTOCOL, locks},
    store::MongoStore,
};
use crate::{
    name::LockName,
    store::{
        failure::AttemptError,
        protocol::{Confirmation, LeaseId, Renewal},
    },
};

impl Commands {
    /// The stamp of a lock, which makes the document where there is none. The reply has the time.
    pub(super) fn stamp_new(&self, name: &LockName, stamp: &Document) -> Document {
        let fresh = doc! {
            "protocol": PROTOCOL,
            "holders": [],
            "token": 0_i64,
            "purge_at": DateTime::from_millis(0),
        };
        let mut command = self.stamp_present(doc! { "_id": name.as_str() }, stamp);
        let mut update = stamp.clone();
        update.insert("$setOnInsert", fresh);
        command.insert("update", update);
        command.insert("upsert", true);
        command
    }

    /// The stamp of a lock that matches the query. The reply has the time.
    pub(super) fn stamp_present(&self, query: Document, stamp: &Document) -> Document {
        doc! {
            "findAndModify": &self.namespace.collection,
            "query": locks(query),
            "update": stamp,
            "new": true,
            "fields": { "_id": 0, "clock": 1 },
            "writeConcern": { "w": 1 },
            "maxTimeMS": self.limit_ms(),
        }
    }

    /// The stamps of these locks, one statement each. A majority acknowledges them.
    pub(super) fn stamp_each(&self, names: &[&str], stamp: &Document) -> Document {
        let statements = names.iter();
        let statements =
            statements.map(|name| doc! { "q": locks(doc! { "_id": name }), "u": stamp });
        doc! {
            "update": &self.namespace.collection,
            "updates": statements.collect::<Vec<_>>(),
            "ordered": false,
            "writeConcern": { "w": "majority", "wtimeout": self.limit_ms() },
            "maxTimeMS": self.limit_ms(),
        }
    }

    /// The stamps of the locks in whose queue one of these places is.
    pub(super) fn stamp_places(&self, places: &[Confirmation], stamp: &Document) -> Document {
        let names: BTreeSet<_> = places.iter().map(|place| place.name.as_str()).collect();
        let ids: BTreeSet<_> = places.iter().map(|place| &*place.queue_id).collect();
        let query = doc! {
            "_id": { "$in": names.into_iter().collect::<Vec<_>>() },
            "queue.id": { "$in": ids.into_iter().collect::<Vec<_>>() },
        };
        doc! {
            "update": &self.namespace.collection,
            "updates": [{ "q": locks(query), "u": stamp, "multi": true }],
            "writeConcern": { "w": 1 },
            "maxTimeMS": self.limit_ms(),
        }
    }

    fn find(&self, name: &LockName) -> Document {
        doc! {
            "find": &self.namespace.collection,
            "filter": { "_id": name.as_str() },
            "limit": 1,
            "singleBatch": true,
            "maxTimeMS": self.limit_ms(),
        }
    }
}

impl MongoStore {
    /// Stamps a lock, where commands follow a stamp. Makes the document if there is none.
    pub(super) async fn stamp(&self, name: &LockName) -> Result<Stamp, AttemptError> {
        let Some(stamp) = self.commands().stamp() else {
            return Ok(Stamp::NONE);
        };
        let command = self.commands().stamp_new(name, stamp);
        let mut stamped = self.send_stamp(command.clone()).await;
        if stamped.as_ref().is_err_and(error::is_duplicate_key) {
            // Not a lock document, or one that another client has made in this moment.
            self.check_document(name).await?;
            stamped = self.send_stamp(command).await;
        }
        stamped?.ok_or_else(not_written)
    }

    /// Stamps the lock of a lease. `None`: the lease is gone.
    pub(super) async fn stamp_lease(
        &self,
        name: &LockName,
        lease: LeaseId,
    ) -> Result<Option<Stamp>, AttemptError> {
        let query = doc! { "_id": name.as_str(), "holders.lease": lease.0 };
        self.stamp_where(query).await
    }

    /// Stamps the lock of a queue entry. `None`: the entry is gone.
    pub(super) async fn stamp_entry(
        &self,
        name: &LockName,
        queue_id: &str,
    ) -> Result<Option<Stamp>, AttemptError> {
        let query = doc! { "_id": name.as_str(), "queue.id": queue_id };
        self.stamp_where(query).await
    }

    async fn stamp_where(&self, query: Document) -> Result<Option<Stamp>, AttemptError> {
        let Some(stamp) = self.commands().stamp() else {
            return Ok(Some(Stamp::NONE));
        };
        let command = self.commands().stamp_present(query, stamp);
        self.send_stamp(command).await
    }

    /// `None`: no document matches.
    async fn send_stamp(&self, command: Document) -> Result<Option<Stamp>, AttemptError> {
        let reply = error::check(self.database.run_command(command).await);
        // However the stamp fares, the command that it is for was not sent.
        let reply = reply.map_err(|error| AttemptError {
            effect_unknown: false,
            ..error
        })?;
        let Ok(value) = reply.get_document("value") else {
            return Ok(None);
        };
        let time = value.get_datetime("clock").map_err(|_| not_written())?;
        Ok(Some(Stamp::at(*time)))
    }

    /// The error for a document that is not a lock document.
    async fn check_document(&self, name: &LockName) -> Result<(), AttemptError> {
        let command = self.commands().find(name);
        let reply = error::check(self.database.run_command(command).await)?;
        let batch = reply.get_document("cursor");
        let batch = batch.and_then(|cursor| cursor.get_array("firstBatch"));
        let found = batch.ok().and_then(|batch| batch.first());
        let Some(found) = found.and_then(Bson::as_document) else {
            return Ok(());
        };
        LockDocument::read(found)
            .map(drop)
            .map_err(AttemptError::malformed)
    }

    /// Stamps the locks of these leases. Gives the leases whose stamp is written, and the first failure of
    /// another one.
    pub(super) async fn stamp_leases<'a>(
        &self,
        leases: &'a [Renewal],
    ) -> Result<(Cow<'a, [Renewal]>, Option<AttemptError>), AttemptError> {
        let Some(stamp) = self.commands().stamp() else {
            return Ok((leases.into(), None));
        };
        let names: BTreeSet<_> = leases.iter().map(|lease| lease.name.as_str()).collect();
        let names: Vec<_> = names.into_iter().collect();
        let command = self.commands().stamp_each(&names, stamp);
        let reply = error::check_but_writes(self.database.run_command(command).await)?;
        let Some(failure) = error::write_error(&reply) else {
            return Ok((leases.into(), None));
        };
        let mut failed = BTreeSet::new();
        for index in error::failed_statements(&reply) {
            // Which one it was must be known.
            let name = index.and_then(|index| names.get(index));
            failed.insert(*name.ok_or_else(|| failure.clone())?);
        }
        let written = leases.iter();
        let written = written.filter(|lease| !failed.contains(lease.name.as_str()));
        Ok((written.cloned().collect(), Some(failure)))
    }

    /// Stamps the locks of these places.
    pub(super) async fn stamp_places(&self, places: &[Confirmation]) -> Result<(), AttemptError> {
        let Some(stamp) = self.commands().stamp() else {
            return Ok(());
        };
        let command = self.commands().stamp_places(places, stamp);
        // A lock whose stamp failed is looked at by its last one.
        let reply = error::check_but_writes(self.database.run_command(command).await);
        reply.map(drop)
    }
}

fn not_written() -> AttemptError {
    AttemptError::malformed("the server has not written the time into `clock`".into())
}
