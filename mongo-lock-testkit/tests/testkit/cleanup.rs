//! No `mongod` and no folder outlives the process that started it.

use std::{
    env,
    io::{self, BufRead as _, BufReader, Write as _},
    path::PathBuf,
    process::{Command, Stdio},
};

use mongo_lock_testkit::{Server, Topology};
use tokio::runtime::Runtime;

use crate::support::{eventually, is_gone, whereabouts};

#[tokio::test]
async fn a_dropped_server_is_gone_at_once() {
    let server = Server::builder()
        .topology(Topology::Standalone)
        .start()
        .await
        .unwrap();
    let (port, data) = whereabouts(&server.client().await).await;
    assert!(!is_gone(port, &data));
    drop(server);
    assert!(is_gone(port, &data));
}

/// In the copy of this test that is to be killed.
const DOOMED: &str = "MONGO_LOCK_TESTKIT_DOOMED";
/// Before what the doomed copy says, since the harness writes to the same pipe.
const MARK: &str = "doomed:";

#[test]
fn a_killed_process_leaves_nothing_behind() {
    if env::var_os(DOOMED).is_some() {
        be_killed();
    }
    let mut doomed = Command::new(env::current_exe().unwrap())
        .args(["--exact", "--nocapture"])
        .arg("cleanup::a_killed_process_leaves_nothing_behind")
        .env(DOOMED, "1")
        // Else the shared server would be one that is not to end.
        .env_remove("MONGODB_URI")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(doomed.stdout.take().unwrap()).lines();
    let mut nodes: Vec<(u16, PathBuf)> = Vec::new();
    for line in lines.map(Result::unwrap) {
        let Some((_, said)) = line.split_once(MARK) else {
            continue;
        };
        let Some((port, data)) = said.split_once(' ') else {
            break;
        };
        nodes.push((port.parse().unwrap(), data.into()));
    }
    assert_eq!(nodes.len(), 2);
    for (port, data) in &nodes {
        assert!(!is_gone(*port, data));
    }

    // SIGKILL, which no destructor survives.
    doomed.kill().unwrap();
    doomed.wait().unwrap();
    for (port, data) in &nodes {
        eventually("the node and its folder are gone", || is_gone(*port, data));
    }
}

/// Starts a server of its own and the shared one, says where, and waits for the end.
fn be_killed() -> ! {
    let runtime = Runtime::new().unwrap();
    let own = runtime.block_on(Server::builder().start()).unwrap();
    let shared = runtime.block_on(Server::shared());
    let said = [&own, shared]
        .map(|server| runtime.block_on(async { whereabouts(&server.client().await).await }));
    let mut out = io::stdout();
    for (port, data) in said {
        writeln!(out, "\n{MARK}{port} {}", data.display()).unwrap();
    }
    writeln!(out, "{MARK}").unwrap();
    loop {
        std::thread::park();
    }
}
