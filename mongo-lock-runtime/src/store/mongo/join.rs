//! A reader that shares the holder of another reader of its client: the holder is prolonged, and the token
//! raised.
//!
//! The document stays as small as with one reader, and so does the server's work. Nothing is upserted, so the
//! query itself can have the condition: where it does not hold, an acquisition of the usual kind decides.

use mongodb::bson::{Bson, Document, doc};

use super::{
    super::{
        failure::AttemptError,
        protocol::{AcquireRequest, Grant, LeaseId},
    },
    clock::Stamp,
    command::Commands,
    document::{date, field, integer},
    error,
    expression::{RETENTION_MS, compatible, is_lock_document, is_of_this_protocol, millis, token},
    renewal::{live_holder, prolonged},
    store::MongoStore,
};

impl Commands {
    /// An acquisition that joins the holder `share`, if that is live, all holders are readers, and no client
    /// waits.
    pub(super) fn join(&self, request: &AcquireRequest, share: LeaseId, stamp: Stamp) -> Document {
        let now = self.now();
        let ours = doc! { "$eq": ["$$this.lease", share.0] };
        let live = doc! { "$and": [ours.clone(), live_holder(now)] };
        let mode = Bson::from(request.mode.as_str());
        let permits = Bson::from(i64::from(request.permits));
        let readers = compatible(&mode, &permits, &"$holders".into());
        let found = doc! { "$anyElementTrue": [{ "$map": { "input": "$holders", "in": live } }] };
        let joins = doc! { "$cond": [
            is_lock_document(),
            { "$and": [readers, found] },
            false,
        ] };
        let mut query = doc! {
            "_id": request.name.as_str(),
            "holders.lease": share.0,
            "queue.0": { "$exists": false },
            "protocol": is_of_this_protocol(),
            "$expr": joins,
        };
        stamp.restrict(&mut query);
        let ttl_ms = millis(request.ttl);
        let holders = doc! { "$map": {
            "input": "$holders",
            "in": { "$cond": [
                ours,
                { "$mergeObjects": ["$$this", prolonged(ttl_ms, now)] },
                "$$this",
            ] },
        } };
        let update = doc! { "$set": {
            "holders": holders,
            "token": token(now),
            "purge_at": { "$max": ["$purge_at", { "$add": [now, ttl_ms + RETENTION_MS] }] },
        } };
        doc! {
            "findAndModify": &self.namespace.collection,
            "query": query,
            "update": [update],
            "new": true,
            "fields": { "_id": 0, "token": 1, "now": now },
            "writeConcern": { "w": "majority", "wtimeout": self.limit_ms() },
            "maxTimeMS": self.limit_ms(),
        }
    }
}

impl MongoStore {
    /// One attempt to share the holder that the request names, one command. `None`: the lease needs a holder
    /// of its own.
    pub(super) async fn join(
        &self,
        request: &AcquireRequest,
        stamp: Stamp,
    ) -> Result<Option<Grant>, AttemptError> {
        let Some(share) = request.share else {
            return Ok(None);
        };
        let command = self.commands().join(request, share, stamp);
        let reply = match error::check(self.database.run_command(command).await) {
            Ok(reply) => reply,
            Err(error) if error::is_undecided(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        let value = reply.get("value").and_then(Bson::as_document);
        let grant = value.map(|value| grant(request, share, value));
        grant.transpose().map_err(AttemptError::malformed)
    }
}

/// The grant, by the fields of the reply; an error names the one that is missing.
fn grant(request: &AcquireRequest, share: LeaseId, value: &Document) -> Result<Grant, String> {
    let token = field(value, "token", "a 64-bit integer", integer)?;
    let acquired_at = date(value, "now")?;
    Ok(Grant {
        holder: share,
        token,
        attempt: request.attempt,
        acquired_at,
        expires_at: acquired_at + request.ttl,
        contended: false,
    })
}
