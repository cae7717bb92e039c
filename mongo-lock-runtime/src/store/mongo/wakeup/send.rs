//! Sending wake-ups.

use super::{
    super::{connections::Lane, error, store::MongoStore},
    command,
};
use crate::store::{failure::AttemptError, protocol::Wakeup};

impl MongoStore {
    /// One attempt to wake waiters: one command. Where wake-ups are known to fail, none is sent.
    pub(crate) async fn wake(&self, wakeup: &Wakeup) -> Result<(), AttemptError> {
        if self.wakeups.is_muted() {
            return Ok(());
        }
        let _place = self.place(Lane::Releases).await?;
        let sent = self.send(wakeup).await;
        sent.inspect_err(|error| self.wakeups.failed(error))
    }

    async fn send(&self, wakeup: &Wakeup) -> Result<(), AttemptError> {
        self.prepare_wakeups().await?;
        let limit_ms = self.commands().limit_ms();
        let insert = command::wake(&self.wakeup_collection(), wakeup, limit_ms);
        let sent = error::check(self.database.run_command(insert).await);
        sent.map(drop).map_err(|error| self.explained(error))
    }
}
