//! The one boundary to a database: what a lock needs of it, in a lock's own words.
//!
//! A store makes a single attempt. Time limits, repetition and cleaning up are the business of the
//! caller, and the same for every store.

mod mongo;

use std::{fmt, sync::Arc, time::Duration, time::SystemTime};

use mongodb::bson::Uuid;

pub(crate) use self::mongo::{MongoStore, Place, StartUp};
use crate::{LockName, Skipped};

/// Identifies one acquisition for ever. A release or a renewal names it, so that it can never
/// touch another's lease, and an acquisition that is sent twice is granted once.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct LeaseId(Uuid);

impl LeaseId {
    pub(crate) fn unique() -> Self {
        Self(Uuid::new())
    }
}

impl fmt::Debug for LeaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// One request for a lease. Sending it again with the same id is harmless.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) name: LockName,
    pub(crate) lease: LeaseId,
    pub(crate) owner: Arc<str>,
    pub(crate) ttl: Duration,
}

/// The store's answer to a [`Request`].
#[derive(Debug)]
pub(crate) enum Reply {
    Granted(Grant),
    Refused(Skipped),
}

/// A lease as the server wrote it, on the server's clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grant {
    pub(crate) token: i64,
    pub(crate) acquired_at: SystemTime,
    pub(crate) expires_at: SystemTime,
}

/// Why an attempt failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) cause: Cause,
    /// Whether the command may have taken effect, or may still do so.
    pub(crate) effect_unknown: bool,
    /// Whether the same command may succeed a moment later.
    pub(crate) transient: bool,
}

#[derive(Debug)]
pub(crate) enum Cause {
    Driver(mongodb::error::Error),
    /// What the server said in an otherwise successful reply.
    Server(String),
    /// What is wrong with the document.
    NotALockDocument(String),
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Driver(error) => error.fmt(f),
            Self::Server(message) => f.write_str(message),
            Self::NotALockDocument(problem) => write!(f, "not a lock document: {problem}"),
        }
    }
}

impl Failure {
    /// Neither an answer nor an error came for so long that none will.
    pub(crate) fn lost() -> Self {
        Self {
            cause: Cause::Server("the command was lost: neither answer nor error came".into()),
            effect_unknown: true,
            transient: false,
        }
    }
}
