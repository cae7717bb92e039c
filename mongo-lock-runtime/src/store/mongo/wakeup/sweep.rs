//! The end of cursors that killed processes have left.
//!
//! A server does not end a cursor with its connection, also not while a request for more is under way, nor
//! does the server's limit for idle cursors hold for a cursor in a session: without this, the cursor stays
//! until the session has expired, half an hour by default. (Seen on MongoDB 6.0: `getMore` leaves the
//! cursor idle when its client is gone.)

use mongodb::options::SelectionCriteria;
use tokio::time::timeout;

use super::{
    super::error,
    command,
    prepare::first_batch,
    stream::{KILL, MongoCursor},
};

/// The time for which a cursor that is in use is never idle: a listener asks for more every few seconds, and
/// at once after each reply. A process that was stopped for longer opens another cursor.
const LEFT_BEHIND_MS: i64 = 10_000;

impl MongoCursor {
    /// Ends, within a time limit, the cursors that other processes of this user have left on this server. Where that fails, they
    /// stay: nothing but memory of the server depends on it.
    ///
    /// None behind a router, which lists the shards' cursors by other ids than its own, and whose clock is
    /// not that by which they are idle.
    pub(crate) async fn sweep(&self) {
        if self.is_routed {
            return;
        }
        drop(timeout(2 * KILL, self.end_left_behind()).await);
    }

    async fn end_left_behind(&self) {
        let server = || -> SelectionCriteria { self.server.of_cursor() };
        let limit_ms = i64::try_from(KILL.as_millis()).unwrap_or(i64::MAX);
        let namespace = format!("{}.{}", self.database.name(), self.collection);
        let find = command::left_behind(&namespace, self.id, LEFT_BEHIND_MS, limit_ms);
        let admin = self.database.client().database("admin");
        let found = admin.run_command(find).selection_criteria(server()).await;
        let Ok(found) = error::check(found) else {
            return;
        };
        let left = first_batch(&found).filter_map(|it| it.get_i64("id").ok());
        let left: Vec<i64> = left.collect();
        if !left.is_empty() {
            let kill = command::kill(&self.collection, &left);
            drop(
                self.database
                    .run_command(kill)
                    .selection_criteria(server())
                    .await,
            );
        }
    }
}
