//! The checks before a client exists, so that a wrong set-up fails at start-up and not at the
//! first nightly run.

use mongodb::{
    bson::{Bson, Document, doc},
    error::{Error as DriverError, ErrorKind},
};

use super::{super::protocol::LeaseId, command::INDEX, store::MongoStore};
use crate::error::Error;

const UNAUTHORIZED: i32 = 13;
/// The error that the dry run must end with.
const CONVERSION_FAILURE: i32 = 241;
const SHARD_KEY_NOT_FOUND: i32 = 61;
const INDEX_OPTIONS_CONFLICT: i32 = 85;
const INDEX_KEY_SPECS_CONFLICT: i32 = 86;

/// The changes to make, besides the checks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StartUp {
    pub(crate) create_index: bool,
}

impl MongoStore {
    /// Checks that locks will work here, and creates the TTL index if `todo` says so.
    pub(crate) async fn start_up(&self, todo: StartUp) -> Result<(), Error> {
        // Reaches the primary and logs in, whatever the privileges.
        let hello = self
            .database
            .run_command(doc! { "hello": 1 })
            .await
            .map_err(|error| self.refused(error, Step::Reach))?;
        if is_router(&hello) {
            self.choose_clock(true);
            self.check_shard_key().await?;
        }
        if let Some(deployment) = deployment(&hello) {
            let _ = self.deployment.set(deployment);
        }
        if todo.create_index {
            self.database
                .run_command(self.commands().create_index())
                .await
                .map_err(|error| self.refused(error, Step::Index))?;
        }
        let dry_run = self.commands().dry_run(LeaseId::unique());
        match self.database.run_raw_command(dry_run).await {
            Err(error) if code(&error) == CONVERSION_FAILURE => Ok(()),
            Err(error) => Err(self.refused(error, Step::DryRun)),
            Ok(_) => Err(Error::StartUp {
                problem: format!(
                    "`{}` did not run the acquire command as MongoDB does; is it a server that \
                     imitates it?",
                    self.namespace()
                ),
                source: None,
            }),
        }
    }

    fn refused(&self, error: DriverError, step: Step) -> Error {
        let place = self.namespace();
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
            (_, Step::DryRun, UNAUTHORIZED) => format!(
                "this user may not find, insert and update in `{place}`; grant it `readWrite` on \
                 the database, or just these on the collection"
            ),
            (_, Step::DryRun, SHARD_KEY_NOT_FOUND) => self.other_shard_key(None),
            (_, Step::DryRun, _) => format!(
                "this server does not run the acquire command on `{place}`; MongoDB 4.2 or later \
                 is needed, and `{place}` must be a plain collection"
            ),
            (_, Step::Reach, _) => "the `hello` command failed".into(),
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
            self.namespace().collection
        )
    }
}

/// The identity of a deployment, by which two clients know that they share it: for a replica set, its name
/// and members; for a standalone server, the id of its process. A router reports neither.
fn deployment(hello: &Document) -> Option<String> {
    if let (Ok(set), Ok(hosts)) = (hello.get_str("setName"), hello.get_array("hosts")) {
        let mut hosts: Vec<_> = hosts.iter().filter_map(Bson::as_str).collect();
        hosts.sort_unstable();
        return Some(format!("{set}/{}", hosts.join(",")));
    }
    let version = hello.get_document("topologyVersion").ok()?;
    let process = version.get_object_id("processId").ok()?;
    (!is_router(hello)).then(|| process.to_hex())
}

fn is_router(hello: &Document) -> bool {
    hello.get_str("msg") == Ok("isdbgrid")
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
    DryRun,
}
