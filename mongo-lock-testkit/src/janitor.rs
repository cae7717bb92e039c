use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

use crate::{Error, process};

/// Cleans up after a process that can no longer do it: SIGKILL runs no destructor, and neither
/// does the end of a process for its statics. The kernel closes our end of the pipe in either
/// case, and that wakes the shell.
///
/// The rename decides the race against a node that is starting at that moment: it wrote its pid
/// before the rename, and is killed, or it does not find the folder any more, and ends
/// (`process::LAUNCH`). When the folder is gone already, its owner has cleaned up itself.
const SCRIPT: &str = r#"
end() {
    trap '' HUP INT TERM
    mv "$1/nodes" "$1/ended" 2>/dev/null || exit 0
    for file in "$1"/ended/*.pid; do
        if read -r pid 2>/dev/null <"$file"; then kill -9 "$pid" 2>/dev/null; fi
    done
    tries=0
    until rm -rf "$1" 2>/dev/null || [ "$tries" -ge 100 ]; do
        tries=$((tries + 1))
        sleep 0.1
    done
    exit 0
}
trap 'end "$1"' HUP INT TERM
read -r line
end "$1"
"#;

/// The sub-folder with everything that nodes write; `SCRIPT` and `process::LAUNCH` rely on it.
const NODES: &str = "nodes";

/// The folder of a server, which is removed on drop, and when this process ends in whatever way.
#[derive(Debug)]
pub(crate) struct Home {
    // In this order: `TempDir` does not miss the files that the janitor has removed.
    _janitor: Janitor,
    folder: TempDir,
}

impl Home {
    pub(crate) fn new() -> Result<Self, Error> {
        let folder = tempfile::Builder::new()
            .prefix("mongo-lock-testkit-")
            .tempdir()
            .map_err(Error::io("create a folder for the server"))?;
        fs::create_dir(folder.path().join(NODES))
            .map_err(Error::io("create a folder for the nodes"))?;
        Ok(Self {
            _janitor: Janitor::watch(folder.path())?,
            folder,
        })
    }

    /// The folder of the nodes' files, among them a `*.pid` for each node that runs.
    pub(crate) fn nodes(&self) -> PathBuf {
        self.folder.path().join(NODES)
    }
}

#[derive(Debug)]
struct Janitor {
    shell: Child,
}

impl Janitor {
    /// `folder` must contain the sub-folder [`NODES`].
    fn watch(folder: &Path) -> Result<Self, Error> {
        let mut command = Command::new("sh");
        command
            .args(["-c", SCRIPT, "sh"])
            .arg(folder)
            .stdin(Stdio::piped())
            // A reader of our output must not have to wait for the shell.
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        // Ctrl-C must not end it together with us.
        process::in_own_group(&mut command);
        let shell = command
            .spawn()
            .map_err(Error::io("start `sh`, which cleans up when we are killed"))?;
        Ok(Self { shell })
    }
}

impl Drop for Janitor {
    /// Has the janitor clean up now.
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}
