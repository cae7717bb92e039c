//! The time of a decision behind a router.
//!
//! A router (`mongos`) sends its own clock along with a command, and the shard takes that for `$$NOW`.
//! `$currentDate` of a classic update is the clock of the shard's primary. So behind a router, every
//! command that reads the time follows a *stamp*, which writes that clock into the document's `clock`;
//! the command then decides by `$clock` in place of `$$NOW`.
//!
//! A stamp is made after the attempt was sent, and before its decision:
//!
//! * `$clock` is never later than the decision, so no lease that is live counts as ended.
//! * `$clock` is never earlier than the attempt, whose start the local deadline counts from. So a lease
//!   ends on the server, at `$clock` plus its ttl, no earlier than that deadline assumes.
//! * Stamps of other clients in between move `$clock` forward only, closer to the decision.
//! * All states of a document are one history, so `$clock` is no earlier than that of any decision
//!   before, and no lease looks as if it claimed too much. When the primary's clock is set back,
//!   `$currentDate` writes the earlier time, and the rules for a clock that is set back apply.
//!
//! **A stamp that is lost.** A fail-over can undo a stamp that only the primary had, and a document can be
//! deleted after it: the decision would read an older time, perhaps one of days ago. A command about one
//! lock therefore names its [`Stamp`], which the document must have reached; otherwise nothing matches, and
//! the attempt is repeated. One stamp does for both commands of an attempt, where the short pipeline does
//! not decide.
//!
//! **Renewals** of many leases follow stamps that a majority has, which no fail-over undoes. Each lease has a
//! statement of its own there, for one document: while a chunk is moved, a statement for many may leave a
//! document out, or change a copy that no longer counts
//! (<https://jira.mongodb.org/browse/TOOLS-3431>), and a lease would then be looked at by an older time. A
//! lease whose stamp failed is not renewed by that attempt.
//!
//! **Confirmations of places** may go by an older time: the entry ends sooner then. An order is lost in that
//! case, and never a lock.
//!
//! A stamp changes documents of a lock's shape only: an array of holders, an integer token, this protocol. Where there is no document, the stamp of an acquisition makes a
//! complete one, with `purge_at` in the past: a document of which nothing has become is collected by the TTL
//! index.
//!
//! All clients of a lock must come through routers. One that connects to the members of the shard decides by
//! `$$NOW`, which is the same clock, but leaves no stamp: a lease of its own that is younger than the last
//! stamp looks as if it claimed too much, and is cut to its ttl from then.

use mongodb::bson::{DateTime, Document, RawDocumentBuf, doc, rawdoc};

use crate::{
    name::LockName,
    store::failure::{AttemptError, Persistence},
};

/// The expression for the time, where commands follow a stamp.
pub(super) const CLOCK: &str = "$clock";

/// The stamp that a command follows: none where commands decide by `$$NOW`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stamp(Option<DateTime>);

impl Stamp {
    /// For commands that decide by `$$NOW`.
    pub(super) const NONE: Self = Self(None);

    pub(super) fn at(time: DateTime) -> Self {
        Self(Some(time))
    }

    pub(super) fn is_none(self) -> bool {
        self.0.is_none()
    }

    /// Has the query match only a document that has reached the stamp.
    pub(super) fn restrict(self, query: &mut Document) {
        if let Some(time) = self.0 {
            query.insert("clock", doc! { "$gte": time });
        }
    }

    /// The query for the lock, as [`restrict`](Self::restrict) makes it.
    pub(super) fn query(self, name: &LockName) -> RawDocumentBuf {
        let name = name.as_str();
        if let Some(time) = self.0 {
            rawdoc! { "_id": name, "clock": { "$gte": time } }
        } else {
            rawdoc! { "_id": name }
        }
    }
}

/// The failure of an attempt whose stamp is no longer there: undone by a fail-over, or deleted. The
/// next attempt makes another.
pub(super) fn lost() -> AttemptError {
    let message = "the time that this attempt wrote into the lock document is no longer there";
    AttemptError::new(message, Persistence::Transient, false)
}
