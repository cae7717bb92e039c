//! What several tests need: clients, guards, and other processes.

use std::{
    env,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    process::{Child, Command, ExitStatus, Stdio, exit},
    thread,
    time::Duration,
};

use mongo_lock_runtime::{Acquisition, Holder, LockClient, LockGuard, LockSpec, Skipped};
use mongo_lock_testkit::{Server, TestDb};

/// A fresh database on the shared server, and a client for it.
pub(crate) async fn database() -> (TestDb, LockClient) {
    let db = Server::shared().await.database().await;
    let client = client(&db).await;
    (db, client)
}

pub(crate) async fn client(db: &TestDb) -> LockClient {
    LockClient::connect(db.uri()).await.unwrap()
}

pub(crate) fn spec(name: &str, ttl_ms: u64) -> LockSpec {
    LockSpec::new(name, Duration::from_millis(ttl_ms)).unwrap()
}

/// Acquires a lock that must be free.
pub(crate) async fn acquire(client: &LockClient, spec: &LockSpec) -> LockGuard {
    match client.try_acquire(spec).await.unwrap() {
        Acquisition::Acquired(guard) => guard,
        Acquisition::Skipped(skipped) => panic!("{skipped}"),
    }
}

/// Asks for a lock that must be held.
pub(crate) async fn refused(client: &LockClient, spec: &LockSpec) -> Skipped {
    match client.try_acquire(spec).await.unwrap() {
        Acquisition::Acquired(guard) => panic!("acquired: {guard:?}"),
        Acquisition::Skipped(skipped) => skipped,
    }
}

/// The holder of a lock, by the answer to a call that is refused.
pub(crate) async fn holder_of(client: &LockClient, spec: &LockSpec) -> Holder {
    let skipped = refused(client, spec).await;
    skipped.holder().cloned().expect("the lock is held")
}

/// Asks for a lock until it is free.
pub(crate) async fn acquire_when_free(client: &LockClient, spec: &LockSpec) -> LockGuard {
    loop {
        if let Acquisition::Acquired(guard) = client.try_acquire(spec).await.unwrap() {
            return guard;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Another process: this test binary once more, running one ignored test as its `main`.
///
/// Killed on drop; and it ends by itself when this process dies, since its standard input closes.
pub(crate) struct Worker {
    child: Child,
    output: BufReader<std::process::ChildStdout>,
}

const ENTRY: &str = "MONGO_LOCK_TEST_WORKER";

impl Worker {
    /// Starts `test`, the full name of an ignored test that calls [`worker_input`].
    pub(crate) fn start(test: &str, input: &str) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .args([
                "--exact",
                test,
                "--ignored",
                "--nocapture",
                "--test-threads=1",
            ])
            .env(ENTRY, input)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, output }
    }

    /// Waits until the process says `line`.
    pub(crate) fn wait_for(&mut self, line: &str) {
        let mut seen = String::new();
        while !seen.ends_with(&format!("{line}\n")) {
            let read = self.output.read_line(&mut seen).unwrap();
            assert_ne!(read, 0, "the worker ended; it said:\n{seen}");
        }
    }

    /// SIGKILL: no destructor runs.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for its end, and gives the rest of what it said.
    pub(crate) fn finish(mut self) -> (ExitStatus, String) {
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).unwrap();
        (self.child.wait().unwrap(), rest)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// In the other process: what it was started with. `None` when somebody runs the ignored tests by
/// hand.
pub(crate) fn worker_input() -> Option<String> {
    let input = env::var(ENTRY).ok()?;
    thread::spawn(|| {
        // Ends with the parent, however that ends.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        exit(1);
    });
    Some(input)
}

/// In the other process: says `line` to the parent, past the test harness's own buffer.
pub(crate) fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").unwrap();
    out.flush().unwrap();
}
