//! Distributed locks on MongoDB: a job runs on one instance of a service, and its lock is free
//! again when that instance is done, or dead.
//!
//! **At any instant of the server's time, at most one lease is live for a lock name**, or as many as the
//! lock has permits. The server alone decides, by its own clock. A body is stopped before its lease can
//! pass on. A dead holder blocks a lock for its ttl and no longer; a late release never frees a
//! successor's lease; fencing tokens only grow; every call ends within its own time limit.
//!
//! **Not promised:** a process that is paused, and code that blocks between two awaits, cannot be
//! stopped from outside and may go on after their lease. Put the lease's
//! [fencing token](LockGuard::token) into what you write, and refuse smaller ones. Across a change of
//! primary, exclusion is as good as the clocks of the replica set's members agree; a safety margin of a
//! fifth of the ttl, at most a second, covers a skew of that size. On a sharded cluster, all clients must
//! come through routers (`mongos`), whose own clocks take no part.
//!
//! ```no_run
//! use mongo_lock_runtime::{LockClient, Outcome, distributed_lock};
//!
//! #[distributed_lock(name = "nightly-report", ttl = "5m")]
//! async fn nightly_report(day: &str) -> anyhow::Result<u32> {
//!     println!("writing the report of {day}");
//!     Ok(42)
//! }
//!
//! #[tokio::main]
//! async fn main() -> anyhow::Result<()> {
//!     // Once, at start-up.
//!     LockClient::connect("mongodb://localhost").await?.install_global()?;
//!
//!     // On every instance of the service, at the same minute.
//!     match nightly_report("2026-01-02").await? {
//!         Outcome::Executed(pages) => println!("{pages} pages"),
//!         // "held by web-3:4711 until 02:05:00Z"
//!         Outcome::Skipped(skipped) => println!("{skipped}"),
//!     }
//!     Ok(())
//! }
//! ```
//!
//! The [`guide`] has a page for each task, from the first job to three in the morning. The reference:
//!
//! - [`distributed_lock`] is the attribute: its arguments, and what it makes of a function.
//! - [`LockClient`] talks to MongoDB; build one at start-up.
//! - [`current_lease`] is the lease under which a body runs: the time left, the fencing token,
//!   [writes](Lease::fenced) that a newer holder shuts out.
//! - [`LockClient::shutdown`] gives everything back at the end.
//! - [`LockClient::in_memory`] needs no server, for unit tests.
//! - [`LockClient::try_acquire`], which never waits, [`acquire_within`](LockClient::acquire_within),
//!   [`acquire`](LockClient::acquire) and their [`LockGuard`] are for code that no attribute fits;
//!   [`acquire_all`](LockClient::acquire_all) is for several locks, [`lead`](LockClient::lead) for the
//!   election of a leader.
//! - [`Error`] is the lock's own error: [`is_lease_lost`](Error::is_lease_lost) tells a body that was
//!   stopped from one that never ran, [`is_retryable`](Error::is_retryable) says whether to call again.
//!
//! # What it costs
//!
//! | step | commands |
//! | --- | --- |
//! | start-up | four or five; more when a validator or a unique index of the collection is tried out |
//! | acquisition | one |
//! | refusal | one, which writes nothing; none when this client itself holds the lock; two when other callers wait for the lock |
//! | release | one; two when a caller of another client has come to wait meanwhile |
//! | holding without `renew` | none |
//! | holding with `renew` | one every third of the ttl, for all leases of the client together |
//! | waiting | one to enter the queue, two about every two seconds to keep all places of the process, one when the turn comes; one cursor on a small capped collection per process |
//! | hand-over between two tasks of one client | one, for the release and the acquisition together |
//! | clean-up after an acquisition without a definite answer | one |
//!
//! A client has connections of its own, up to twice `maxPoolSize` of the address and a few more to the
//! primary, each opened when it is needed first: see [`uri`](LockClientBuilder::uri). All clients of a
//! process have one thread, `mongo-lock`, on which they renew, release and wake, so a body that blocks its
//! own thread keeps its renewed lease. Clients on [connections that the service
//! shares](LockClientBuilder::client) have the thread, and not the connections. Neither survives a `fork`:
//! build the client in the child.
//!
//! An idle client sends nothing. The lock documents are in one collection, by default
//! `distributed_locks`, one per name; a TTL index collects those of locks that were not used for a day.
//!
//! # Events
//!
//! The steps of a lock's life are [`tracing`] events with the target `mongo_lock`. A message is constant;
//! its data are fields, among them `name`, `owner`, `token`, `holder`, `reason`, `error`, and times in
//! milliseconds (`ttl_ms`, `took_ms`, `held_ms`). A body runs in a span, so that what it logs carries `lock.name` and
//! `lock.token`. [Observers](observe::Observer) hear the same events as values, and the feature `metrics` has one that
//! counts. [`LockClient::health`] is for the probes of an orchestrator.
//!
//! | level | events |
//! | --- | --- |
//! | debug | normal steps (`acquired`, `skipped`, `waiting`, `renewed`, `released`), repeated attempts, and clean-ups |
//! | info | a leader that was elected, or stands again; the end of an outage of renewals; a lease that a shutdown ended |
//! | warn | once per fact: a lease that was lost under a body or a guard, a body that ended after its lease, a release that failed for good, the first failure of renewals in a row, a client without wake-ups, instances that disagree on permits, a task that waits for its own guard, a shutdown that did not end in time |
//!
//! Subscribers and observers are called on the library's thread, too: one that blocks for seconds holds up renewals.
//! A refusal is never a warning. No event and no error contains a connection string.
//!
//! # Features
//!
//! The `mongodb` driver wants one TLS implementation and one BSON version to be chosen. The default
//! features choose `rustls-tls` and `bson-2`; with `default-features = false` the choice is yours,
//! here or on your own `mongodb` dependency.
//!
//! | features | for |
//! | --- | --- |
//! | `rustls-tls` (default), `rustls-tls-aws-lc`, `openssl-tls` | TLS, by one of these |
//! | `bson-2` (default), `bson-3` | the version of BSON in the driver's interface |
//! | `dns-resolver` (default) | `mongodb+srv://` addresses |
//! | `aws-auth`, `azure-oidc`, `gcp-oidc`, `gssapi-auth` | log-in by AWS, by OIDC of a cloud's machines, by Kerberos; SCRAM, X.509 and OIDC by a callback need none |
//! | `cert-key-password` | a client certificate whose key has a password |
//! | `metrics` | an observer that counts and measures through the `metrics` facade: [`guide::events`] |
//! | `snappy-compression`, `zlib-compression`, `zstd-compression` | compression |
//!
//! The driver's types are part of the interface, so the driver is re-exported as
//! [`mongodb`](mod@crate::mongodb): a crate that names it so has the version that this one uses.

#![cfg_attr(
    feature = "__simulation",
    allow(
        rustdoc::private_intra_doc_links,
        reason = "the feature exports items whose documentation is for readers of the source"
    )
)]

mod client;
mod clock;
mod error;
mod events;
// Pages for rustdoc alone: a user's build does not read them.
#[cfg(any(doc, doctest))]
pub mod guide;
#[cfg(test)]
mod layers;
mod lease;
#[doc(hidden)]
mod macro_support;
#[cfg(feature = "metrics")]
mod metrics;
mod name;
mod operation;
mod outcome;
#[cfg(test)]
mod prose;
mod queue;
mod random;
mod registered_lock;
mod registry;
#[cfg(feature = "__simulation")]
#[doc(hidden)]
pub mod simulation;
mod spec;
mod store;

#[doc = include_str!("distributed_lock.md")]
pub use mongo_lock_macros::distributed_lock;

#[doc = include_str!("lock_names.md")]
pub use mongo_lock_macros::lock_names;

pub use self::{
    client::{
        Acquisition, Health, LockClient, LockClientBuilder, LockGuard, LockSet, Shutdown,
        ShutdownReport,
    },
    error::{Error, LossReason, Operation},
    lease::{
        Fenced, FencedTransaction, FencedWrite, HeldLock, Lease, TransactionSession, assert_locked,
        current_lease,
    },
    name::{LockName, NameError},
    outcome::{Holder, Outcome, Release, Reservation, SkipReason, Skipped},
    registered_lock::{LockConflict, NameKind, RegisteredLock},
    registry::{Lock, assert_locks_unique, registered_locks},
    spec::{LockSpec, LockSpecBuilder},
};

/// What a client reports of its locks: events for [observers](observe::Observer), of which `tracing` is one that is
/// always there, and the metrics of the feature `metrics`.
///
/// The page [`guide::events`] has each event and metric, and alerts.
pub mod observe {
    pub use crate::events::{
        AcquisitionFailure, AcquisitionOutcome, Event, ObservedLock, Observer, RunOutcome,
    };
    #[cfg(feature = "metrics")]
    pub use crate::metrics::Metrics;
}

// `LockClientBuilder::client`, `Lease::fenced` and the sources of errors have types of the driver.
pub use mongodb;

/// The items that an expansion names: not part of the public interface.
#[doc(hidden)]
pub mod __private {
    pub use crate::macro_support::*;
}
