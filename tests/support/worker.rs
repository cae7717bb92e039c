//! Other processes.

use std::{
    env,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    process::{Child, ChildStdout, Command, ExitStatus, Stdio, exit},
    thread,
};

/// Another process: this test binary once more, running one ignored test as its `main`.
///
/// Killed on drop; and it ends by itself when this process dies, since its standard input closes.
pub(crate) struct Worker {
    child: Child,
    output: BufReader<ChildStdout>,
}

const ENTRY: &str = "MONGO_LOCK_TEST_WORKER";

impl Worker {
    /// Starts `test`, the full name of an ignored test that calls [`worker_input`].
    pub(crate) fn start(test: &str, input: &str) -> Self {
        Self::start_with(test, input, |_| {})
    }

    /// As [`start`](Self::start), with more settings of the process.
    pub(crate) fn start_with(test: &str, input: &str, more: impl FnOnce(&mut Command)) -> Self {
        let mut command = Command::new(env::current_exe().unwrap());
        command
            .args([
                "--exact",
                test,
                "--ignored",
                "--nocapture",
                "--test-threads=1",
            ])
            .env(ENTRY, input)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        more(&mut command);
        let mut child = command.spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, output }
    }

    /// The id of the process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
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

    /// Waits for the end of the process, and gives the rest of its output.
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

/// In the other process: the input with which it was started. `None` when the ignored tests are run by
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
