//! What is checked before a client exists, so that a wrong set-up fails at start-up and not at the
//! first nightly run.

use std::sync::atomic::Ordering;

use mongodb::{
    bson::{Document, RawDocumentBuf, doc, rawdoc},
    error::{Error as DriverError, ErrorKind},
};

use super::{MongoStore, Request, pipeline};
use crate::{error::Error, name::LockName, spec::Mode, store::LeaseId};

const UNAUTHORIZED: i32 = 13;
/// What the rehearsal must end with.
const CONVERSION_FAILURE: i32 = 241;
const INDEX_OPTIONS_CONFLICT: i32 = 85;
const INDEX_KEY_SPECS_CONFLICT: i32 = 86;

/// The TTL index's name.
const INDEX: &str = "mongo_lock_purge";

/// What to do besides looking.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StartUp {
    pub(crate) create_index: bool,
}

impl MongoStore {
    /// Finds out whether locks will work here, and creates the TTL index if asked to.
    pub(crate) async fn start_up(&self, todo: StartUp) -> Result<(), Error> {
        // Reaches the primary and logs in, whatever the privileges.
        let hello = self
            .database
            .run_command(doc! { "hello": 1 })
            .await
            .map_err(|error| self.refused(error, Step::Reach))?;
        // A sharded cluster consists of replica sets.
        let router = hello.get_str("msg").is_ok_and(|said| said == "isdbgrid");
        let replicated = hello.contains_key("setName") || router;
        self.replicated.store(replicated, Ordering::Relaxed);
        if todo.create_index {
            self.database
                .run_command(self.create_index())
                .await
                .map_err(|error| self.refused(error, Step::Index))?;
        }
        match self.database.run_raw_command(self.rehearsal()).await {
            Err(error) if code(&error) == CONVERSION_FAILURE => Ok(()),
            Err(error) => Err(self.refused(error, Step::Rehearse)),
            Ok(_) => Err(Error::StartUp {
                problem: format!(
                    "`{}` did not run the acquire command as MongoDB does; is it a server that \
                     imitates it?",
                    self.place
                ),
                source: None,
            }),
        }
    }

    /// Collects documents long after their last lease, and nothing else that may be in the
    /// collection: only documents that have a token take part.
    fn create_index(&self) -> Document {
        doc! {
            "createIndexes": &self.place.collection,
            "indexes": [{
                "key": { "purge_at": 1 },
                "name": INDEX,
                "expireAfterSeconds": 0,
                "partialFilterExpression": { "token": { "$type": "long" } },
            }],
            "maxTimeMS": self.limit_ms,
        }
    }

    /// The acquire command, with a last stage that cannot succeed: the server checks our
    /// privileges, `insert` for the upsert among them, runs the pipeline, fails, and writes nothing.
    fn rehearsal(&self) -> RawDocumentBuf {
        let request = Request {
            name: LockName::rehearsal(),
            lease: LeaseId::unique(),
            owner: "start-up".into(),
            ttl: std::time::Duration::from_millis(1),
            mode: Mode::Exclusive,
            permits: 1,
            ticket: None,
        };
        rawdoc! {
            "findAndModify": self.place.collection.as_str(),
            "query": { "_id": request.name.as_str() },
            "update": [
                pipeline::acquire(&request, &self.decision),
                { "$set": { "token": { "$toInt": "$_id" } } },
            ],
            "upsert": true,
            "maxTimeMS": self.limit_ms,
        }
    }

    fn refused(&self, error: DriverError, step: Step) -> Error {
        let place = &self.place;
        let problem = match (&*error.kind, step, code(&error)) {
            (ErrorKind::Authentication { .. }, ..) => {
                "MongoDB refused the credentials; check user name, password and `authSource`".into()
            }
            (ErrorKind::ServerSelection { .. }, ..) => {
                "no primary could be reached; check the address, and that MongoDB is up".into()
            }
            (_, Step::Index, UNAUTHORIZED) => format!(
                "this user may not create the TTL index on `{place}`; grant it `createIndex`, or \
                 have it created once with {} and build the client with `create_index(false)`",
                self.index_by_hand()
            ),
            (_, Step::Index, INDEX_OPTIONS_CONFLICT | INDEX_KEY_SPECS_CONFLICT) => format!(
                "`{place}` has another index on `purge_at`, or another one named `{INDEX}`; drop \
                 it, use another collection, or build the client with `create_index(false)`"
            ),
            (_, Step::Index, _) => format!("the TTL index on `{place}` could not be created"),
            (_, Step::Rehearse, UNAUTHORIZED) => format!(
                "this user may not find, insert and update in `{place}`; grant it `readWrite` on \
                 the database, or just these on the collection"
            ),
            (_, Step::Rehearse, _) => format!(
                "this server does not run the acquire command on `{place}`; MongoDB 4.2 or later \
                 is needed, and `{place}` must be a plain collection"
            ),
            (_, Step::Reach, _) => "MongoDB could not be asked who it is".into(),
        };
        Error::StartUp {
            problem,
            source: Some(Box::new(error)),
        }
    }

    fn index_by_hand(&self) -> String {
        format!(
            "`db.{}.createIndex({{ purge_at: 1 }}, {{ name: \"{INDEX}\", expireAfterSeconds: 0, \
             partialFilterExpression: {{ token: {{ $type: \"long\" }} }} }})`",
            self.place.collection
        )
    }
}

fn code(error: &DriverError) -> i32 {
    match &*error.kind {
        ErrorKind::Command(command) => command.code,
        _ => 0,
    }
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Reach,
    Index,
    Rehearse,
}
