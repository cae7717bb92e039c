//! The meaning of an error at each step of a start-up, and the remedy.

use mongodb::error::{Error as DriverError, ErrorKind};

use super::{
    super::{
        command::{COLLATION_FOUND, INDEX},
        error,
        namespace::Namespace,
        store::MongoStore,
    },
    failure::StartUpFailure,
    unfit,
};

pub(super) const UNAUTHORIZED: i32 = 13;
pub(super) const NAMESPACE_NOT_FOUND: i32 = 26;
const SHARD_KEY_NOT_FOUND: i32 = 61;
const INDEX_OPTIONS_CONFLICT: i32 = 85;
const INDEX_KEY_SPECS_CONFLICT: i32 = 86;
const COMMAND_NOT_SUPPORTED_ON_VIEW: i32 = 166;
/// The error that the dry run must end with.
const CONVERSION_FAILURE: i32 = 241;

#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    Reach,
    List,
    Index,
    DryRun,
    Rehearsal,
}

pub(super) enum DryRun {
    Passed,
    Collation,
}

/// The error with which the dry run ends when the collection can be used, and when it has a collation.
pub(super) fn dry_run_result(error: &DriverError) -> Option<DryRun> {
    let ErrorKind::Command(command) = &*error.kind else {
        return None;
    };
    (command.code == CONVERSION_FAILURE).then(|| {
        if command.message.contains(COLLATION_FOUND) {
            DryRun::Collation
        } else {
            DryRun::Passed
        }
    })
}

pub(super) fn code(error: &DriverError) -> i32 {
    match &*error.kind {
        ErrorKind::Command(command) => command.code,
        _ => 0,
    }
}

impl MongoStore {
    pub(super) fn refused(&self, error: DriverError, step: Step) -> StartUpFailure {
        let place = self.namespace();
        let passes = error::from_driver(error.clone()).is_transient();
        let problem = match (&*error.kind, step, code(&error)) {
            (ErrorKind::Authentication { .. }, ..) => {
                "MongoDB refused the credentials; check user name, password and `authSource`".into()
            }
            (ErrorKind::IncompatibleServer { .. }, ..) => "MongoDB 4.4 or later is needed".into(),
            // The text of a client without monitors of its own has the reason of each server.
            (kind, ..) if kind.to_string().to_lowercase().contains("apiversion") => {
                "the server requires the Stable API; build the client with \
                 `server_api(ServerApi::builder().version(ServerApiVersion::V1).build())`, or the driver \
                 client that is given with it in its `ClientOptions`"
                    .into()
            }
            (ErrorKind::ServerSelection { .. }, ..) => "no primary could be reached".into(),
            (_, Step::Index, UNAUTHORIZED) => format!(
                "this user may not create the TTL index on `{place}`; grant it `createIndex`, or \
                 have it created once with {} and build the client with `create_index(false)`",
                index_by_hand(place)
            ),
            (_, Step::Index, INDEX_OPTIONS_CONFLICT | INDEX_KEY_SPECS_CONFLICT) => format!(
                "`{place}` has another index on `purge_at`, or another one named `{INDEX}`; drop \
                 it, use another collection, or build the client with `create_index(false)`"
            ),
            (ErrorKind::Command(command), Step::Index, _) if command.message.contains("capped") => {
                unfit::capped(place)
            }
            (_, Step::Index | Step::DryRun | Step::Rehearsal, COMMAND_NOT_SUPPORTED_ON_VIEW) => {
                unfit::not_a_plain_collection(place, "a view or a time-series collection")
            }
            (_, Step::Index, _) => format!("the TTL index on `{place}` could not be created"),
            (_, Step::DryRun | Step::Rehearsal, UNAUTHORIZED) => format!(
                "this user may not find, insert and update in `{place}`; grant it `readWrite` on \
                 the database, or just these on the collection"
            ),
            (_, Step::DryRun, SHARD_KEY_NOT_FOUND) => self.other_shard_key(None),
            (_, Step::DryRun, _) if passes => {
                format!("the acquire command could not be tried out on `{place}`")
            }
            (_, Step::DryRun, _) => format!(
                "this server does not run the acquire command on `{place}`; MongoDB 4.4 or later \
                 is needed, and `{place}` must be a plain collection"
            ),
            (_, Step::Rehearsal, _) => {
                format!("a lock document could not be written to `{place}`")
            }
            (_, Step::List, _) => format!("the options of `{place}` could not be read"),
            (_, Step::Reach, _) => "the `hello` command failed".into(),
        };
        StartUpFailure::caused(problem, error::from_driver(error))
    }
}

/// The command for the shell that creates the TTL index.
fn index_by_hand(place: &Namespace) -> String {
    format!(
        "`db.getCollection({:?}).createIndex({{ purge_at: 1 }}, {{ name: \"{INDEX}\", \
         expireAfterSeconds: 0, partialFilterExpression: {{ token: {{ $type: \"long\" }} }} }})`",
        place.collection
    )
}
