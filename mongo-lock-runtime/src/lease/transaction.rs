//! Transactions that a newer holder shuts out.
//!
//! Each lock has a document in the collection of fences, apart from that of the lock: a transaction that lasts
//! would otherwise hold up the renewals of its own lease. The first statement of a transaction raises the
//! token there, and always writes. So of two transactions that are open at once, one meets a write conflict:
//! either the older holder's has committed before the newer holder's begins, or it never commits.

use std::time::Duration;

use mongodb::{
    Client, ClientSession, Collection,
    bson::{Bson, Document, doc},
    error::{
        Error as DriverError, ErrorKind, TRANSIENT_TRANSACTION_ERROR,
        UNKNOWN_TRANSACTION_COMMIT_RESULT,
    },
    options::{CollectionOptions, ReadConcern, ReadPreference, SelectionCriteria, WriteConcern},
};
use tokio::time::sleep;

use super::{
    fenced::FencedWrite,
    lease::Lease,
    transaction_session::{Home, TransactionSession},
};
use crate::{
    error::{Error, Operation},
    operation::Backoff,
};

/// The code with which a standalone server refuses a transaction.
const ILLEGAL_OPERATION: i32 = 20;

/// The outcome of [`Lease::transaction`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a transaction that is refused wrote nothing: its holder's time is over"]
#[non_exhaustive]
pub enum FencedTransaction<T> {
    /// All writes were committed, and a majority has them.
    Committed(T),
    /// A newer holder has begun a transaction, or has raised the fence. Nothing was written.
    Refused {
        /// The fencing token of the newer holder.
        newer: i64,
    },
}

impl<T> FencedTransaction<T> {
    /// The body's value, if its writes were committed.
    #[must_use]
    pub fn committed(self) -> Option<T> {
        match self {
            Self::Committed(value) => Some(value),
            Self::Refused { .. } => None,
        }
    }
}

/// What became of the beginning of a transaction.
enum Attempt {
    Begun,
    /// This newer holder has begun one.
    Over(i64),
    /// The server has given the transaction up, and it may be tried again.
    Transient,
}

impl Lease {
    /// Runs `body` in a transaction: all its writes, in any collections of the deployment of `client`, are
    /// committed together or not at all, and never after a newer holder of this lock has begun its own.
    ///
    /// `body` gets a [session](TransactionSession), and every operation that is to take part names it
    /// (`.session(&mut *session)`). The body is **run again** after a transient error (a write conflict, a
    /// change of the primary), as MongoDB asks for, so what it does besides must bear that. Its own error
    /// aborts the transaction, and is returned as it is; an error after which the server no longer has the
    /// transaction counts as transient.
    ///
    /// The first statement raises the lock's token in the collection `<locks>_fences` of the locks' database,
    /// where `<locks>` is that of the locks (`distributed_locks_fences` by default). A holder whose token is
    /// smaller than the one there is [refused](FencedTransaction::Refused). All transactions that this is to
    /// order must come through here, with clients of one deployment. The fence has a document for each name,
    /// with the time of the last change in `at`: where there are many names, a TTL index on `at` can collect
    /// them, after longer than any process can be paused.
    ///
    /// The transaction reads a snapshot, and a majority acknowledges its commit. Attempts end with the lease.
    ///
    /// ```no_run
    /// use mongo_lock_runtime::{FencedTransaction, current_lease, distributed_lock};
    /// use mongodb::{Client, bson::{Document, doc}};
    ///
    /// #[distributed_lock(name = "settle", ttl = "1m", renew)]
    /// async fn settle(client: Client) -> anyhow::Result<()> {
    ///     let lease = current_lease().expect("this runs under a lock");
    ///     let books = client.database("books");
    ///     let (from, to) = (books.collection::<Document>("from"), books.collection::<Document>("to"));
    ///     let settled = lease
    ///         .transaction(&client, async |mut session| {
    ///             let (less, more) = (doc! { "$inc": { "sum": -5 } }, doc! { "$inc": { "sum": 5 } });
    ///             from.update_one(doc! { "_id": 7 }, less).session(&mut *session).await?;
    ///             to.update_one(doc! { "_id": 7 }, more).session(&mut *session).await?;
    ///             anyhow::Ok(())
    ///         })
    ///         .await?;
    ///     if let FencedTransaction::Refused { newer } = settled {
    ///         anyhow::bail!("holder {newer} has taken over");
    ///     }
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// The body's error. As `E::from`: [`Error::LeaseLost`] when the lease has ended, or ends meanwhile (a
    /// commit that is on its way may still succeed, before any newer holder's transaction);
    /// [`Error::Database`] for what MongoDB or the driver says, and on a standalone server, which has no
    /// transactions.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future aborts the transaction, unless its commit is on the way, which may succeed.
    ///
    /// An open transaction of a process that is paused holds up that of the next holder until the server
    /// gives it up (`transactionLifetimeLimitSeconds`, a minute by default).
    pub async fn transaction<T, E, F, R>(
        &self,
        client: &Client,
        mut body: F,
    ) -> Result<FencedTransaction<T>, E>
    where
        F: FnMut(TransactionSession) -> R,
        R: Future<Output = Result<T, E>>,
        E: From<Error>,
    {
        self.check()?;
        let fences = self.fences(client);
        let attempts = async {
            let mut session = client.start_session().await.map_err(|it| self.failed(it))?;
            let mut pauses = Backoff::new(Duration::from_millis(5), Duration::from_millis(500));
            loop {
                match self.begin(&mut session, &fences).await? {
                    Attempt::Over(newer) => return Ok(FencedTransaction::Refused { newer }),
                    Attempt::Transient => {
                        sleep(pauses.next()).await;
                        continue;
                    }
                    Attempt::Begun => {}
                }
                let home = Home::default();
                let result = body(home.lend(session)).await;
                session = home.take().ok_or_else(|| self.not_given_back())?;
                let value = match result {
                    Ok(value) => value,
                    Err(error) => {
                        let gone = self.is_gone(&mut session, &fences).await;
                        abort(&mut session).await;
                        if !gone {
                            return Err(error);
                        }
                        sleep(pauses.next()).await;
                        continue;
                    }
                };
                if self.commit(&mut session).await? {
                    return Ok(FencedTransaction::Committed(value));
                }
                sleep(pauses.next()).await;
            }
        };
        tokio::select! {
            biased;
            outcome = attempts => outcome,
            lost = self.lost() => Err(lost.into()),
        }
    }

    /// Raises the fence of this lock's [transactions](Self::transaction), at the start of a body: from here on,
    /// no older holder can commit one, even before the first of this one. One majority write, after any
    /// transaction of an older holder that is open.
    ///
    /// # Errors
    ///
    /// [`Error::Database`] for what MongoDB or the driver says.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, the fence may or may not have been raised, which does no harm.
    pub async fn raise_fence(&self, client: &Client) -> Result<FencedWrite, Error> {
        let lock = doc! { "_id": self.name().as_str() };
        let changed = doc! { "$currentDate": { "at": true } };
        let fence = self.fenced(&self.fences(client)).field(TOKEN);
        fence.upsert_one(lock, changed).await
    }

    /// The fences of all locks of this lease's client.
    fn fences(&self, client: &Client) -> Collection<Document> {
        let (database, collection) = self.context().store.fences();
        let options = CollectionOptions::builder()
            .write_concern(WriteConcern::majority())
            .read_concern(ReadConcern::local())
            .selection_criteria(primary())
            .build();
        let database = client.database(&database);
        database.collection_with_options(&collection, options)
    }

    /// Begins a transaction, and raises the fence in it.
    async fn begin(
        &self,
        session: &mut ClientSession,
        fences: &Collection<Document>,
    ) -> Result<Attempt, Error> {
        let started = session.start_transaction();
        let started = started
            .read_concern(ReadConcern::snapshot())
            .write_concern(WriteConcern::majority())
            .selection_criteria(primary());
        started.await.map_err(|it| self.failed(it))?;
        let result = match self.raise(session, fences).await {
            Ok(None) => return Ok(Attempt::Begun),
            Ok(Some(newer)) => Ok(Attempt::Over(newer)),
            Err(Raising::Driver(error)) if is_transient(&error) => Ok(Attempt::Transient),
            Err(raising) => Err(self.not_raised(raising)),
        };
        abort(session).await;
        result
    }

    /// Commits, and repeats that until the result is known. `false`: the server has given the transaction up,
    /// and it may be tried again.
    async fn commit(&self, session: &mut ClientSession) -> Result<bool, Error> {
        let mut pauses = Backoff::new(Duration::from_millis(10), Duration::from_millis(500));
        loop {
            let Err(error) = session.commit_transaction().await else {
                return Ok(true);
            };
            if error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT) {
                sleep(pauses.next()).await;
            } else if is_transient(&error) {
                return Ok(false);
            } else {
                return Err(self.failed(error));
            }
        }
    }

    /// Raises the token in the fence, as a part of the transaction. Gives the token of a newer holder that
    /// has done so.
    async fn raise(
        &self,
        session: &mut ClientSession,
        fences: &Collection<Document>,
    ) -> Result<Option<i64>, Raising> {
        let lock = doc! { "_id": self.name().as_str() };
        let raised = doc! {
            "$set": { TOKEN: self.token() },
            // A write, whatever the token is: only writes conflict.
            "$inc": { "transactions": 1_i64 },
            "$currentDate": { "at": true },
        };
        let mut not_newer = lock.clone();
        not_newer.insert(TOKEN, doc! { "$lte": self.token() });
        let updated = fences.update_one(not_newer, raised.clone());
        if updated.session(&mut *session).await?.matched_count > 0 {
            return Ok(None);
        }
        let found = fences.find_one(lock.clone()).session(&mut *session).await?;
        match found.as_ref().map(|fence| fence.get(TOKEN)) {
            None => {
                let made = fences.update_one(lock, raised).upsert(true);
                made.session(&mut *session).await?;
                Ok(None)
            }
            Some(Some(Bson::Int64(newer))) => Ok(Some(*newer)),
            Some(other) => Err(Raising::Malformed(format!(
                "field `{TOKEN}` of `{}` in `{}` is {other:?}, not a fencing token",
                self.name(),
                fences.namespace()
            ))),
        }
    }

    /// Whether the server no longer has the transaction: it has aborted the transaction after an error, or
    /// another server is the primary.
    async fn is_gone(&self, session: &mut ClientSession, fences: &Collection<Document>) -> bool {
        let fence = doc! { "_id": self.name().as_str() };
        let found = fences.find_one(fence).session(&mut *session).await;
        found.is_err_and(|error| is_transient(&error))
    }

    fn not_given_back(&self) -> Error {
        let problem = "the body has kept its session beyond its own end";
        self.transaction_error(problem.into(), None)
    }

    fn not_raised(&self, raising: Raising) -> Error {
        match raising {
            Raising::Driver(error) if is_refused_by_standalone(&error) => self.transaction_error(
                "transactions need a replica set or a sharded cluster, and this is a standalone server"
                    .into(),
                Some(error),
            ),
            Raising::Driver(error) => self.failed(error),
            Raising::Malformed(problem) => self.transaction_error(problem, None),
        }
    }

    fn failed(&self, error: DriverError) -> Error {
        self.transaction_error(error.kind.to_string(), Some(error))
    }

    fn transaction_error(&self, problem: String, source: Option<DriverError>) -> Error {
        Error::Database {
            lock: self.name().clone(),
            operation: Operation::Transaction,
            problem,
            source: source.map(Box::new),
        }
    }
}

/// The field of a fence with the largest token.
const TOKEN: &str = "token";

/// The reason for which a fence was not raised.
enum Raising {
    Driver(DriverError),
    Malformed(String),
}

impl From<DriverError> for Raising {
    fn from(error: DriverError) -> Self {
        Self::Driver(error)
    }
}

fn primary() -> SelectionCriteria {
    SelectionCriteria::ReadPreference(ReadPreference::Primary)
}

fn is_transient(error: &DriverError) -> bool {
    error.contains_label(TRANSIENT_TRANSACTION_ERROR)
}

fn is_refused_by_standalone(error: &DriverError) -> bool {
    matches!(&*error.kind, ErrorKind::Command(error) if error.code == ILLEGAL_OPERATION)
}

/// The server may have aborted the transaction already, or gives it up by itself.
async fn abort(session: &mut ClientSession) {
    drop(session.abort_transaction().await);
}
