//! Locks in a MongoDB collection: one document per lock, one command per step.
//!
//! ```text
//! { _id: <name>,
//!   protocol: 1,
//!   holders: [ { lease, attempt, owner, mode, permits, ttl_ms, token, acquired_at, expires_at } ],
//!   token: <last fencing token given out>,
//!   queue: [ { id, lease, owner, mode, permits, since, seen_at, until } ],
//!   turn: <the queue ids of the waiters that are woken, and the id of the command that made room>,
//!   revoked: [ { lease, until } ],
//!   freed: <whether the last hand-over or revocation found the lease that it released>,
//!   purge_at: <the time at which the TTL index may collect the document>,
//!   clock: <behind a router: the time of the last stamp, see [`clock`]> }
//! ```
//!
//! `protocol` is 1. A document with another number is refused, and left alone; a missing number is 1.
//!
//! **Acquire** is one `findAndModify` with `upsert` and an update pipeline that decides on the
//! server, by the server's `$$NOW`. Behind a router, `$$NOW` is the router's clock, so that another command
//! writes the server's into the document first ([`clock`]). The rule: *the lease is granted when it is compatible with the
//! leases that are held, and would be even if every waiter ahead had its lease.* Compatible are
//! readers with readers, and exclusive leases with exclusive ones, as far as the permits of each
//! allow. A lease of an unknown mode is compatible with none. The document in the reply is in one of
//! these states:
//!
//! | our lease among the holders | the document | the reply means |
//! | --- | --- | --- |
//! | yes | ours | granted; also when an earlier attempt was, and its reply was lost |
//! | no | has our lease among `revoked` | refused for ever |
//! | no | a live holder | refused, nothing was written; the holder has the lock |
//! | no | not a lock document | refused, nothing was written; an error says what is wrong with it |
//!
//! An exclusive lock without waiters is decided by a short pipeline (`plain`): it grants what is plainly
//! free, and refuses what one live lease plainly holds. In all other cases it fails, without an effect, or its
//! reply does not tell, and the client asks again by a longer pipeline (`general`), as it does from the start
//! where permits, readers or a queue are involved. The reply of that has one state more: **queued**, when our
//! client's entry is in the queue. The queue is in the order of `since`, when each waiter began to wait. A
//! waiter's client confirms the entry (`until`) every now and then, and sends the request again when the waiter
//! is woken. An entry whose `until` is over counts for nothing.
//!
//! **Attempts.** The holder's element keeps the number of the attempt that was granted. A repeated
//! request with a higher number leaves the element as it is.
//!
//! **Revocation.** A release whose lease may still be asked for, by an attempt on its way, puts the
//! lease's id into `revoked` for an hour: longer than any command lives. No attempt with this id is
//! granted or queued then.
//!
//! **Turns.** When a command makes room for the first in the queue, so that its lease would be
//! granted, the command writes that waiter's id into `turn`; if that is a reader, the ids of all
//! readers up to the first writer. The client that sent the command learns so from the reply, which has
//! the command's own id in `turn`, and wakes the waiters through a small capped collection (`wakeup`); they
//! then send their requests again. A wake-up that is missed costs time, never the lock: the confirmation of
//! entries (`confirm`: one `update` for all entries of a process, and one `aggregate`) also looks whose turn
//! it is.
//!
//! **Handing over** is a release and an acquisition in one step, for two callers of one client.
//!
//! A write-concern error, or no reply, leaves open whether the lease was written: the caller
//! releases the lease by its id.
//!
//! **Renew** is one `update` for any number of leases, which prolongs those that are still live and
//! leaves all else alone. Its reply counts the documents that it changed; when that is fewer than
//! were asked for, one `aggregate` more finds out how long each lease lasts. The update is acknowledged by a
//! majority, like the acquisition: a renewal that a fail-over undid would leave its holder relying
//! on time that it does not have. The aggregate reads what a majority has, for that reason.
//!
//! **Release** is one `update` that takes the lease out of the holders by its id, where there is no
//! queue; it matches nothing when the lease is gone, or a client waits: then a `findAndModify` writes the
//! next waiters into `turn`. With a `min_hold` that is not over, the update moves the lease's end there
//! instead. A release is acknowledged by the primary alone: if a fail-over undoes it, the lease expires by
//! itself.
//!
//! **A clock that is set back.** No lease may claim to end later than its `ttl_ms` from now, no queue
//! entry later than an entry is kept, no revocation later than in an hour: every command that looks at
//! a longer claim cuts the claim. So a dead holder costs one ttl from then.
//!
//! Commands go through the driver's `run_command`, not through its typed helpers: those attach a
//! transaction number for retryable writes, which makes the server write a second document per
//! command. The lease's id makes the commands repeatable without one.

mod clock;
mod codes;
mod command;
mod confirm;
mod connections;
mod document;
mod error;
mod expression;
mod general;
mod join;
mod labels;
mod namespace;
mod ping;
mod places;
mod plain;
mod release;
mod renewal;
mod reply;
mod setup;
mod sharded;
#[cfg(test)]
mod snapshots;
mod stamp;
mod store;
mod wakeup;

pub(crate) use self::{
    connections::Connections,
    namespace::Namespace,
    setup::{StartUp, StartUpFailure},
    store::MongoStore,
    wakeup::{MongoCursor, MongoWakeups},
};
