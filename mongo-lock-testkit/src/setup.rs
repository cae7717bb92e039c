use std::{
    panic,
    time::{Duration, Instant},
};

use mongodb::{
    Client,
    bson::{Document, doc},
    options::ClientOptions,
};
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{Error, Node, uri::Uri};

/// The time after which a step of the set-up counts as failed. Long, since it only ever passes in
/// full when a test fails, and a loaded machine is slow.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Between two looks at the same thing.
pub(crate) const POLL: Duration = Duration::from_millis(10);

/// The longest that one question may take; the node can be paused.
const ANSWER: Duration = Duration::from_secs(5);

/// A fresh client. Its background tasks live on the caller's runtime.
pub(crate) async fn connect(uri: &Uri) -> Client {
    try_connect(uri)
        .await
        .unwrap_or_else(|error| panic!("a connection string that worked before: {error}"))
}

pub(crate) async fn try_connect(uri: &Uri) -> Result<Client, Error> {
    let options = ClientOptions::parse(uri.to_string()).await?;
    Ok(Client::with_options(options)?)
}

/// Makes the nodes a replica set.
pub(crate) async fn initiate(set: &str, nodes: &[Node]) -> Result<(), Error> {
    let members: Vec<Document> = (0_i32..)
        .zip(nodes)
        .map(|(id, node)| doc! { "_id": id, "host": node.address() })
        .collect();
    let config = doc! {
        "_id": set,
        "members": members,
        "settings": {
            // The time for which a primary is missed before the others elect a new one; 10 s by default.
            "electionTimeoutMillis": 2000,
            "heartbeatIntervalMillis": 500,
            // A paused node holds up those that ask it for so long; 10 s by default.
            "heartbeatTimeoutSecs": 2,
        },
    };
    let client = nodes[0].client().await;
    client
        .database("admin")
        .run_command(doc! { "replSetInitiate": config })
        .await?;
    Ok(())
}

/// Creates the first user. A server that requires a log-in lets that user alone be created without one,
/// from the same host.
pub(crate) async fn create_root(user: &str, password: &str, nodes: &[Node]) -> Result<(), Error> {
    let client = primary(nodes).await?.client().await;
    let create = doc! { "createUser": user, "pwd": password, "roles": ["root"] };
    client.database("admin").run_command(create).await?;
    Ok(())
}

/// The primary, or the standalone; waits for it.
pub(crate) async fn primary(nodes: &[Node]) -> Result<&Node, Error> {
    let mut asked = JoinSet::new();
    for (number, node) in nodes.iter().enumerate() {
        let client = node.client().await;
        asked.spawn(async move { is_primary(&client).await.map(|()| number) });
    }
    let mut result = Err(Error::Timeout {
        what: "the server has a node".to_owned(),
        after: PATIENCE,
    });
    // The first node that says so; asking the others ends with the set.
    while let Some(answer) = asked.join_next().await {
        result = answer.unwrap_or_else(|error| panic::resume_unwind(error.into_panic()));
        if result.is_ok() {
            break;
        }
    }
    result.map(|number| &nodes[number])
}

async fn is_primary(client: &Client) -> Result<(), Error> {
    until("the server has a primary", || async {
        let hello = ask(client, doc! { "hello": 1 }).await?;
        if hello.get_bool("isWritablePrimary") == Ok(true) {
            Ok(())
        } else {
            Err(hello.to_string())
        }
    })
    .await
}

/// Waits until there is a primary, and all others follow it.
pub(crate) async fn all_in_role(nodes: &[Node]) -> Result<(), Error> {
    let members = i64::try_from(nodes.len()).unwrap_or(i64::MAX);
    until("all nodes follow a primary", || async {
        let primary = primary(nodes).await.map_err(|error| error.to_string())?;
        if members == 1 {
            return Ok(());
        }
        let client = primary.client().await;
        let status = ask(&client, doc! { "replSetGetStatus": 1 }).await?;
        if !in_role(&status) {
            return Err(status.to_string());
        }
        // In their roles, they still take half a second until they begin to follow. This is a
        // write that changes nothing; it also shows that the primary is not one of the past.
        let note = doc! {
            "appendOplogNote": 1,
            "data": { "testkit": "ready" },
            "writeConcern": { "w": members, "wtimeout": 2000 },
        };
        let written = ask(&client, note).await?;
        match written.get("writeConcernError") {
            None => Ok(()),
            Some(error) => Err(error.to_string()),
        }
    })
    .await
}

fn in_role(status: &Document) -> bool {
    const PRIMARY: i32 = 1;
    const SECONDARY: i32 = 2;
    status.get_array("members").is_ok_and(|members| {
        members
            .iter()
            .filter_map(|member| member.as_document()?.get_i32("state").ok())
            .all(|state| state == PRIMARY || state == SECONDARY)
    })
}

async fn ask(client: &Client, command: Document) -> Result<Document, String> {
    let admin = client.database("admin");
    timeout(ANSWER, admin.run_command(command).into_future())
        .await
        .map_err(|_| "no answer".to_owned())?
        .map_err(|error| error.to_string())
}

/// Repeats `attempt` until it succeeds. A failure counts as not yet, since a node that starts
/// refuses much.
async fn until<A>(what: &str, mut attempt: impl FnMut() -> A) -> Result<(), Error>
where
    A: Future<Output = Result<(), String>>,
{
    let start = Instant::now();
    loop {
        let Err(seen) = attempt().await else {
            return Ok(());
        };
        if start.elapsed() > PATIENCE {
            return Err(Error::Timeout {
                what: format!("{what} (last seen: {seen})"),
                after: PATIENCE,
            });
        }
        sleep(POLL).await;
    }
}
