//! Wake-ups: a small capped collection beside the locks, read through tailable cursors.
//!
//! The client whose command has made room for a waiter learns so from the reply, and inserts a document
//! that names the waiter. Each listener has one cursor that gives it the documents for its own waiters. A
//! wake-up is a hint: where there is none, or one is lost, waiters find out by asking.
//!
//! A change stream would do too, but reads the whole oplog: each listener would make every write of the
//! deployment dearer.
//!
//! <https://www.mongodb.com/docs/manual/core/capped-collections/>,
//! <https://www.mongodb.com/docs/manual/core/tailable-cursors/>

pub(super) mod command;
mod prepare;
mod send;
pub(super) mod state;
mod stream;
mod sweep;

pub(crate) use self::stream::{MongoCursor, MongoWakeups};
