//! Writes that take effect only while no newer holder has written.

use mongodb::{
    Collection,
    bson::{Bson, Document, doc},
    error::{Error as DriverError, ErrorKind, WriteFailure},
    options::{
        FindOneOptions, ReadConcern, ReadPreference, SelectionCriteria, UpdateModifications,
    },
};

use super::lease::Lease;
use crate::error::{Error, Operation};

/// The field that remembers the newest token, unless [`Fenced::field`] names another.
const FIELD: &str = "fencing_token";

/// The number of attempts at a write that races with others.
const ATTEMPTS: u32 = 5;

const DUPLICATE_KEY: i32 = 11000;

/// Updates of one collection under one lease: [`Lease::fenced`].
#[derive(Debug, Clone)]
#[must_use = "a fence does nothing by itself; call `update_one` or `upsert_one` on it"]
pub struct Fenced {
    lease: Lease,
    collection: Collection<Document>,
    field: String,
}

/// The outcome of a fenced update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a refused write did not happen: its holder's time is over"]
#[non_exhaustive]
pub enum FencedWrite {
    /// The document was written, and remembers our token.
    Applied,
    /// A newer holder has written the document, which was left as it is.
    Refused {
        /// The fencing token of the newer holder.
        newer: i64,
    },
    /// No document matches the filter.
    NotFound,
}

impl FencedWrite {
    /// Whether the write took effect.
    #[must_use]
    pub const fn is_applied(self) -> bool {
        matches!(self, Self::Applied)
    }
}

impl Lease {
    /// Writes to `collection` that a newer holder of this lock shuts out.
    ///
    /// Nothing can stop a process that is paused beyond its lease from sending its write when it
    /// goes on. Here the server refuses it: each document remembers the largest
    /// [token](Self::token) that has written it, in the field `fencing_token`, and takes no write
    /// with a smaller one.
    ///
    /// A fenced write does not ask whether the lease still lasts ([`check`](Self::check) does): until a
    /// newer holder has written, the write of an older one does no harm. Fencing works for documents that
    /// are written under one lock only, and only if every write of them is fenced.
    ///
    /// ```no_run
    /// use mongo_lock_runtime::{FencedWrite, current_lease, distributed_lock};
    /// use mongodb::{Collection, bson::{Document, doc}};
    ///
    /// #[distributed_lock(name = "invoice-7", ttl = "1m")]
    /// async fn send_invoice(invoices: Collection<Document>) -> anyhow::Result<()> {
    ///     let lease = current_lease().expect("this runs under a lock");
    ///     let write = lease
    ///         .fenced(&invoices)
    ///         .update_one(doc! { "_id": 7 }, doc! { "$set": { "state": "sent" } })
    ///         .await?;
    ///     if let FencedWrite::Refused { newer } = write {
    ///         anyhow::bail!("holder {newer} has taken over");
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub fn fenced<T: Send + Sync>(&self, collection: &Collection<T>) -> Fenced {
        Fenced {
            lease: self.clone(),
            collection: collection.clone_with_type(),
            field: FIELD.into(),
        }
    }
}

impl Fenced {
    /// Remembers the token in the field `name`, which may be a path with dots. Default: `fencing_token`.
    /// All writers of a document must agree on the field.
    pub fn field(mut self, name: impl Into<String>) -> Self {
        self.field = name.into();
        self
    }

    /// Updates the first document that matches `filter`, unless a newer holder has written it. One
    /// command, and one more to say why when nothing was written.
    ///
    /// `update` is a document of operators (`$set`, `$inc`, …) or a pipeline. The collection's own
    /// write concern applies.
    ///
    /// # Errors
    ///
    /// [`Error::Database`] for what MongoDB or the driver says, and for a document whose token is not
    /// a number; [`Error::InvalidArgument`] for an update without operators.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: when the future is dropped, the write may or may not have happened.
    pub async fn update_one(
        &self,
        filter: Document,
        update: impl Into<UpdateModifications>,
    ) -> Result<FencedWrite, Error> {
        self.write(filter, update.into(), false).await
    }

    /// Updates as [`update_one`](Self::update_one) does, and inserts a document when none matches. `filter`
    /// must name the document by `_id`, or by another field with a unique index: the index keeps an older
    /// holder from inserting a second document beside the newer holder's.
    ///
    /// # Errors
    ///
    /// As [`update_one`](Self::update_one).
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: when the future is dropped, the write may or may not have happened.
    pub async fn upsert_one(
        &self,
        filter: Document,
        update: impl Into<UpdateModifications>,
    ) -> Result<FencedWrite, Error> {
        self.write(filter, update.into(), true).await
    }

    async fn write(
        &self,
        filter: Document,
        update: UpdateModifications,
        upsert: bool,
    ) -> Result<FencedWrite, Error> {
        let update = self.stamped(update)?;
        let field = self.field.as_str();
        let not_newer = doc! { "$or": [
            // Missing, or null.
            { field: Bson::Null },
            { field: { "$lte": self.lease.token() } },
        ] };
        let fenced = doc! { "$and": [filter.clone(), not_newer] };
        let mut attempts = 0;
        loop {
            let write = self.collection.update_one(fenced.clone(), update.clone());
            let duplicate = match write.upsert(upsert).await {
                Ok(result) if result.matched_count > 0 || result.upserted_id.is_some() => {
                    return Ok(FencedWrite::Applied);
                }
                Ok(_) => None,
                // The upsert met the document that the fence hid from it.
                Err(error) if upsert && is_duplicate_key(&error) => Some(error),
                Err(error) => return Err(self.error(error.kind.to_string(), Some(error))),
            };
            if let Some(outcome) = self.reason(&filter, upsert).await? {
                return Ok(outcome);
            }
            // The write raced with other writers; or the duplicate key is that of another document.
            attempts += 1;
            if attempts == ATTEMPTS {
                let problem = duplicate.as_ref().map_or_else(
                    || "the document changed at every attempt".into(),
                    |error| error.kind.to_string(),
                );
                return Err(self.error(problem, duplicate));
            }
        }
    }

    /// The reason for which nothing was written; `None` when the reason is gone again.
    ///
    /// Read where the write was decided: from the primary, in its present state, whatever the
    /// collection's read preference and read concern are.
    async fn reason(&self, filter: &Document, upsert: bool) -> Result<Option<FencedWrite>, Error> {
        let options = FindOneOptions::builder()
            .selection_criteria(SelectionCriteria::ReadPreference(ReadPreference::Primary))
            .read_concern(ReadConcern::local())
            .build();
        let found = self.collection.find_one(filter.clone());
        let found = found.with_options(options).await;
        let found = found.map_err(|error| self.error(error.kind.to_string(), Some(error)))?;
        let Some(document) = found else {
            return Ok((!upsert).then_some(FencedWrite::NotFound));
        };
        match lookup(&document, &self.field) {
            Some(Bson::Int64(newer)) if *newer > self.lease.token() => {
                Ok(Some(FencedWrite::Refused { newer: *newer }))
            }
            None | Some(Bson::Null | Bson::Int64(_)) => Ok(None),
            Some(other) => Err(self.error(
                format!(
                    "field `{}` of a document in `{}` is {:?}, not a fencing token",
                    self.field,
                    self.collection.namespace(),
                    other.element_type()
                ),
                None,
            )),
        }
    }

    /// The update, which also writes our token.
    fn stamped(&self, update: UpdateModifications) -> Result<UpdateModifications, Error> {
        let (field, token) = (self.field.as_str(), self.lease.token());
        match update {
            UpdateModifications::Document(mut update) => {
                let operators = !update.is_empty() && update.keys().all(|key| key.starts_with('$'));
                let set = match update.entry("$set".to_owned()).or_insert(doc! {}.into()) {
                    Bson::Document(set) if operators => set,
                    _ => {
                        return Err(Error::InvalidArgument {
                            argument: "update",
                            problem: "it must consist of operators such as `$set`: a replacement \
                                      would wipe out the token"
                                .into(),
                        });
                    }
                };
                set.insert(field, token);
                Ok(update.into())
            }
            UpdateModifications::Pipeline(mut stages) => {
                stages.push(doc! { "$set": { field: token } });
                Ok(stages.into())
            }
            // A kind that a later version of the driver may add.
            #[allow(unreachable_patterns)]
            _ => Err(Error::InvalidArgument {
                argument: "update",
                problem: "it must be a document of operators or a pipeline".into(),
            }),
        }
    }

    fn error(&self, problem: String, source: Option<DriverError>) -> Error {
        Error::Database {
            lock: self.lease.name().clone(),
            operation: Operation::FencedWrite,
            problem,
            source: source.map(Box::new),
        }
    }
}

fn lookup<'a>(document: &'a Document, path: &str) -> Option<&'a Bson> {
    match path.split_once('.') {
        None => document.get(path),
        Some((head, rest)) => lookup(document.get_document(head).ok()?, rest),
    }
}

fn is_duplicate_key(error: &DriverError) -> bool {
    match &*error.kind {
        ErrorKind::Write(WriteFailure::WriteError(error)) => error.code == DUPLICATE_KEY,
        ErrorKind::Command(error) => error.code == DUPLICATE_KEY,
        _ => false,
    }
}
