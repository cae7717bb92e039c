use std::time::Duration;

use mongodb::{
    Client,
    bson::{Bson, Document, doc},
};
use tokio::{sync::OwnedMutexGuard, time::timeout};

use crate::{Error, Server, background, setup, uri::Uri};

const NAME: &str = "failCommand";

/// Commands that fail at a server, until this is switched off or dropped:
/// [`Server::fail_commands`].
#[derive(Debug)]
#[must_use = "the commands fail until this is dropped"]
pub struct FailPoint {
    /// The connection string of the one node on which the fail point is set.
    uri: Uri,
    client: Client,
    /// The number of hits over the life of the server, before the fail point was set.
    earlier: i64,
    on: bool,
    /// The turn at the server, which has only one such fail point.
    _turn: OwnedMutexGuard<()>,
}

impl FailPoint {
    pub(crate) async fn set(
        uri: Uri,
        client: Client,
        turn: OwnedMutexGuard<()>,
        mode: Bson,
        data: Document,
    ) -> Result<Self, Error> {
        let mut point = Self {
            uri,
            client,
            earlier: 0,
            // Already: this future can be dropped between request and reply.
            on: true,
            _turn: turn,
        };
        let command = doc! { "configureFailPoint": NAME, "mode": mode, "data": data };
        let reply = point.client.database("admin").run_command(command).await?;
        point.earlier = count(&reply);
        Ok(point)
    }

    /// Waits until the fail point has been hit `times` times since it was set: the event that lets a test
    /// go on when its command has arrived.
    ///
    /// # Errors
    ///
    /// [`Error::Mongo`] when that has not happened after a minute.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn hit(&self, times: u32) -> Result<(), Error> {
        let patience = i64::try_from(setup::PATIENCE.as_millis()).unwrap_or(i64::MAX);
        let command = doc! {
            "waitForFailPoint": NAME,
            "timesEntered": self.earlier + i64::from(times),
            "maxTimeMS": patience,
        };
        self.client.database("admin").run_command(command).await?;
        Ok(())
    }

    /// Switches the fail point off. Commands that are blocked already stay blocked for their time.
    ///
    /// Dropping the fail point switches it off, too, but blocks the thread meanwhile, and reports no
    /// failure.
    ///
    /// # Errors
    ///
    /// [`Error::Mongo`] when the server refuses or cannot be reached.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, the fail point is switched off all the same.
    pub async fn off(mut self) -> Result<(), Error> {
        off(&self.client).await?;
        self.on = false;
        Ok(())
    }
}

impl Drop for FailPoint {
    fn drop(&mut self) {
        if self.on {
            let uri = self.uri.clone();
            background::finish(async move { off(&setup::try_connect(&uri).await?).await });
        }
    }
}

async fn off(client: &Client) -> Result<(), Error> {
    let command = doc! { "configureFailPoint": NAME, "mode": "off" };
    client.database("admin").run_command(command).await?;
    Ok(())
}

/// The server picks the type by the size of the number.
fn count(reply: &Document) -> i64 {
    match reply.get("count") {
        Some(Bson::Int32(count)) => i64::from(*count),
        Some(Bson::Int64(count)) => *count,
        _ => 0,
    }
}

impl Server {
    /// Has the server fail `commands` of the clients whose `appName` is `app_name`: MongoDB's
    /// `failCommand`. It is set on the node that is the primary now, and stays on it.
    ///
    /// - `mode`: `doc! { "times": 2 }`, `doc! { "skip": 1 }` (all after the first), `"alwaysOn"`.
    /// - `effect`: what happens to them, such as `errorCode`, `errorLabels`, `closeConnection`,
    ///   `writeConcernError`, or `blockConnection` together with `blockTimeMS`.
    ///
    /// Without the name, the fail point would hit all other clients of a shared server, so give every
    /// test a name of its own. A server has one fail point of this kind: other tests of this
    /// process wait for it to be switched off, and one test cannot have two. Other processes do
    /// not wait, so at most one at a time can use this with the same `MONGODB_URI`.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), mongo_lock_testkit::Error> {
    /// use mongodb::bson::doc;
    ///
    /// let server = mongo_lock_testkit::Server::shared().await;
    /// let effect = doc! { "blockConnection": true, "blockTimeMS": 500 };
    /// let slow = server
    ///     .fail_commands("slow-renewal", &["update"], doc! { "times": 1 }, effect)
    ///     .await?;
    /// // … send an `update` from a client with `appName=slow-renewal` …
    /// slow.hit(1).await?; // it has arrived, and blocks
    /// slow.off().await
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Mongo`] when the server refuses, as one that was started without
    /// `enableTestCommands=1` does; [`Error::Timeout`] when another one stays on for minutes.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, the fail point is switched off.
    pub async fn fail_commands(
        &self,
        app_name: &str,
        commands: &[&str],
        mode: impl Into<Bson>,
        effect: Document,
    ) -> Result<FailPoint, Error> {
        // Others may have their turns first.
        const TURN: Duration = setup::PATIENCE.saturating_mul(5);
        let turn = timeout(TURN, self.fail_point_turn())
            .await
            .map_err(|_| Error::Timeout {
                what: "another fail point is switched off".to_owned(),
                after: TURN,
            })?;
        let uri = self.primary_uri().await?;
        let client = setup::try_connect(&uri).await?;
        let mut data = doc! { "appName": app_name, "failCommands": commands };
        data.extend(effect);
        FailPoint::set(uri, client, turn, mode.into(), data).await
    }
}
