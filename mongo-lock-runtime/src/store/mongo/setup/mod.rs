//! The checks before a client exists, so that a wrong set-up fails at start-up and not at the
//! first nightly run.
//!
//! | check | needs | finds |
//! | --- | --- | --- |
//! | `hello` | nothing | a server that cannot be used at all |
//! | the listing | `listCollections` and `listIndexes` | a view, a time-series or capped collection; what is worth a rehearsal |
//! | the TTL index | `createIndex`, unless told not to | a user without that privilege |
//! | the dry run | `find`, `insert`, `update` | a user without these; a view; a collation |
//! | the rehearsal | the same; in a transaction that is aborted | a validator, another unique index, a capped collection |
//!
//! Where the listing is not permitted, the rehearsal finds what the listing would have. A standalone server
//! has no transactions: there, the rehearsal writes for real and deletes again, when the listing gives
//! reason to. So without a listing on a standalone server, no validator, no other unique index and no
//! capped collection is found.

mod failure;
mod kind;
mod rehearsal;
mod step;
mod unfit;

use mongodb::bson::{Bson, Document, doc};

pub(crate) use self::failure::StartUpFailure;
use self::{kind::Listing, step::Step};
use super::{super::protocol::LeaseId, store::MongoStore};

/// The changes to make, besides the checks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StartUp {
    pub(crate) create_index: bool,
}

impl MongoStore {
    /// Checks that locks will work here, and creates the TTL index if `todo` says so. May be repeated.
    pub(crate) async fn start_up(&self, todo: StartUp) -> Result<(), StartUpFailure> {
        // Reaches the primary and logs in, whatever the privileges.
        let hello = self.database.run_command(doc! { "hello": 1 }).await;
        let hello = hello.map_err(|error| self.refused(error, Step::Reach))?;
        let router = is_router(&hello);
        if router {
            self.choose_clock(true);
            self.check_shard_key().await?;
        }
        // A sharded cluster consists of replica sets.
        let replicated = hello.contains_key("setName") || router;
        if let Some(deployment) = deployment(&hello) {
            let _ = self.deployment.set(deployment);
        }
        let listing = self.listing().await?;
        if let Some(problem) = listing.problem(self.namespace()) {
            return Err(StartUpFailure::new(problem));
        }
        if todo.create_index {
            let created = self.database.run_command(self.commands().create_index());
            let created = created.await;
            created.map_err(|error| self.refused(error, Step::Index))?;
        }
        self.dry_run().await?;
        match listing {
            Listing::Known {
                suspicious: false, ..
            } => Ok(()),
            _ if replicated => self.rehearse_in_transaction().await,
            Listing::Known { .. } => self.rehearse_for_real().await,
            Listing::NotPermitted { .. } => Ok(()),
        }
    }

    /// Has the server check the privileges, and run the acquire command up to its last stage.
    async fn dry_run(&self) -> Result<(), StartUpFailure> {
        let dry_run = self.rehearsals().dry_run(LeaseId::unique());
        let Err(error) = self.database.run_raw_command(dry_run).await else {
            return Err(StartUpFailure::new(format!(
                "`{}` did not run the acquire command as MongoDB does; is it a server that imitates it?",
                self.namespace()
            )));
        };
        match step::dry_run_result(&error) {
            Some(step::DryRun::Passed) => Ok(()),
            Some(step::DryRun::Collation) => {
                let problem = unfit::collation(self.namespace(), "");
                Err(StartUpFailure::new(problem))
            }
            None => Err(self.refused(error, Step::DryRun)),
        }
    }
}

/// The identity of a deployment, by which two clients know that they share it: for a replica set, its name
/// and members; for a standalone server, the id of its process. A router reports neither.
fn deployment(hello: &Document) -> Option<String> {
    if let (Ok(set), Ok(hosts)) = (hello.get_str("setName"), hello.get_array("hosts")) {
        let mut hosts: Vec<_> = hosts.iter().filter_map(Bson::as_str).collect();
        hosts.sort_unstable();
        return Some(format!("{set}/{}", hosts.join(",")));
    }
    let version = hello.get_document("topologyVersion").ok()?;
    let process = version.get_object_id("processId").ok()?;
    (!is_router(hello)).then(|| process.to_hex())
}

fn is_router(hello: &Document) -> bool {
    hello.get_str("msg").is_ok_and(|said| said == "isdbgrid")
}
