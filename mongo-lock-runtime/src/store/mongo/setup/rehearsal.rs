//! Two locks that are written for a moment, since only a write meets validators and unique indexes.

use mongodb::{
    ClientSession,
    bson::{Document, doc},
    error::{Error as DriverError, ErrorKind, TRANSIENT_TRANSACTION_ERROR},
    options::{ReadConcern, ReadPreference, SelectionCriteria, TransactionOptions, WriteConcern},
};

use super::{
    super::{error, store::MongoStore},
    failure::StartUpFailure,
    step::{Step, UNAUTHORIZED, code},
    unfit,
};
use crate::{name::LockName, random, store::failure::AttemptError};

const DOCUMENT_VALIDATION_FAILURE: i32 = 121;
const DUPLICATE_KEY: i32 = 11000;
const OPERATION_NOT_SUPPORTED_IN_TRANSACTION: i32 = 263;
/// The collection was created or changed a moment ago.
const SNAPSHOT_UNAVAILABLE: i32 = 246;

impl MongoStore {
    /// Writes the locks in a transaction, and aborts that.
    pub(super) async fn rehearse_in_transaction(&self) -> Result<(), StartUpFailure> {
        let options = TransactionOptions::builder()
            .read_concern(ReadConcern::local())
            .write_concern(WriteConcern::majority())
            .selection_criteria(SelectionCriteria::ReadPreference(ReadPreference::Primary))
            .build();
        // A server that imitates MongoDB may have neither sessions nor transactions.
        let Ok(mut session) = self.database.client().start_session().await else {
            return Ok(());
        };
        if session
            .start_transaction()
            .with_options(options)
            .await
            .is_err()
        {
            return Ok(());
        }
        let mut written = Ok(());
        for name in names() {
            written = self.write(&name, Some(&mut session)).await;
            if written.is_err() {
                break;
            }
        }
        // A transaction that failed is aborted already; one that is not aborted ends with its session.
        drop(session.abort_transaction().await);
        match written {
            Err(error) => self.judge(error),
            Ok(()) => Ok(()),
        }
    }

    /// Writes the locks and deletes them again, where there are no transactions.
    pub(super) async fn rehearse_for_real(&self) -> Result<(), StartUpFailure> {
        let names = names();
        // What may not be deleted must not be written.
        if let Err(error) = self.delete(&names).await {
            return if code(&error) == UNAUTHORIZED {
                Ok(())
            } else {
                Err(self.refused(error, Step::Rehearsal))
            };
        }
        let mut written = Ok(());
        for name in &names {
            written = self.write(name, None).await;
            if written.is_err() {
                break;
            }
        }
        let deleted = self.delete(&names).await;
        match (written, deleted) {
            (Err(error), _) => self.judge(error),
            (Ok(()), Err(error)) => Err(self.refused(error, Step::Rehearsal)),
            (Ok(()), Ok(_)) => Ok(()),
        }
    }

    async fn write(
        &self,
        name: &LockName,
        session: Option<&mut ClientSession>,
    ) -> Result<(), DriverError> {
        let command = self.rehearsals().rehearsal(name);
        let sent = self.database.run_raw_command(command);
        match session {
            Some(session) => sent.session(session).await,
            None => sent.await,
        }
        .map(drop)
    }

    async fn delete(&self, names: &[LockName]) -> Result<Document, DriverError> {
        let ids: Vec<_> = names.iter().map(LockName::as_str).collect();
        let delete = doc! {
            "delete": &self.namespace().collection,
            "deletes": [{ "q": { "_id": { "$in": ids } }, "limit": 0 }],
            "writeConcern": { "w": 1 },
            "maxTimeMS": self.commands().limit_ms(),
        };
        self.database.run_command(delete).await
    }

    fn judge(&self, error: DriverError) -> Result<(), StartUpFailure> {
        let place = self.namespace();
        let capped = match &*error.kind {
            ErrorKind::Command(command) => command.message.contains("capped"),
            _ => false,
        };
        let problem = match code(&error) {
            DOCUMENT_VALIDATION_FAILURE => unfit::validator(place),
            DUPLICATE_KEY => unfit::unique_index(place),
            OPERATION_NOT_SUPPORTED_IN_TRANSACTION if capped => unfit::capped(place),
            _ => {
                let again = error.contains_label(TRANSIENT_TRANSACTION_ERROR);
                let again = again || code(&error) == SNAPSHOT_UNAVAILABLE;
                let failure = error::from_driver(error);
                return if again || failure.is_transient() {
                    let failure = failure.into_transient();
                    let problem = format!("a lock document could not be written to `{place}`");
                    Err(StartUpFailure::caused(problem, failure))
                } else {
                    // Transactions are not for every server; locks do not need them.
                    Ok(())
                };
            }
        };
        // Every further attempt would meet the same, whatever the code means elsewhere.
        let cause: AttemptError = error::from_driver(error).into_final();
        Err(StartUpFailure::caused(problem, cause))
    }
}

/// Names that no other start-up has at the same time.
fn names() -> [LockName; 2] {
    let id = random::uuid();
    ["a", "b"].map(|which| LockName::rehearsal_of(&format!("{id}/{which}")))
}
