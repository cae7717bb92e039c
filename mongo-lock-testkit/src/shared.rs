use std::{env, sync::OnceLock};

use mongodb::bson::doc;
use tokio::{runtime, task};

use crate::{Error, Router, Server, find, setup, uri::Uri};

/// The environment variable with which clients come to the databases of [`Server::shared`] by two
/// [`Router`]s in turn, whose clocks are a minute apart.
pub const ROUTERS: &str = "MONGO_LOCK_TEST_ROUTERS";

/// The server that the process shares. The janitor ends it: nothing drops a static.
pub(crate) async fn get() -> &'static Server {
    static SHARED: OnceLock<Result<Server, Error>> = OnceLock::new();
    let shared = match SHARED.get() {
        Some(shared) => shared,
        // On a thread, since callers that wait for it at the same time are on runtimes of their own,
        // any of which can end before the others.
        None => task::spawn_blocking(|| SHARED.get_or_init(start))
            .await
            .unwrap_or_else(|error| panic!("the start of the shared server panicked: {error}")),
    };
    match shared {
        Ok(server) => server,
        Err(error) => panic!("{error}"),
    }
}

/// Two routers before the shared server whose clocks are a minute apart, where the environment asks for
/// them.
pub(crate) fn routers(server: &Server) -> Option<&'static [Router; 2]> {
    static PAIR: OnceLock<[Router; 2]> = OnceLock::new();
    env::var_os(ROUTERS)?;
    Some(PAIR.get_or_init(|| {
        [0, 60_000].map(|offset_ms| {
            let router = server.router(offset_ms);
            router.unwrap_or_else(|error| panic!("{error}"))
        })
    }))
}

fn start() -> Result<Server, Error> {
    runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::io("start a runtime"))?
        .block_on(async {
            match find::running_server() {
                Some(uri) => {
                    // Here, and not in every test that cannot reach it.
                    let reached = ping(&uri).await;
                    reached.map_err(|error| {
                        Error::no_server(format!("MONGODB_URI does not lead to one: {error}"))
                    })?;
                    Ok(Server::external(&uri))
                }
                None => Ok(Server::builder().start().await?.into_shared()),
            }
        })
}

async fn ping(uri: &str) -> Result<(), Error> {
    let client = setup::try_connect(&Uri::parse(uri)).await?;
    let admin = client.database("admin");
    admin.run_command(doc! { "ping": 1 }).await?;
    Ok(())
}
