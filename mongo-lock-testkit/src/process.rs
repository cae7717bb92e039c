use std::{
    fs::{self, File},
    io::{self, Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Instant,
};

use tokio::time::sleep;

use crate::{Error, setup};

/// Writes the pid before the `exec` that keeps it, so that there is no moment at which a `mongod`
/// runs that the janitor does not know.
const LAUNCH: &str = r#"echo "$$" >"$1" || exit 1; shift; exec "$@""#;

/// The exit code of `mongod` when its port is taken.
const ADDRESS_IN_USE: i32 = 48;

/// One run of a `mongod`. Killed on drop.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    mongod: PathBuf,
    pid_file: PathBuf,
    log: PathBuf,
}

impl Process {
    pub(crate) fn spawn(
        mongod: &Path,
        args: &[String],
        pid_file: PathBuf,
        log: PathBuf,
    ) -> Result<Self, Error> {
        let output = File::create(&log).map_err(Error::io(format!("create {}", log.display())))?;
        let errors = output.try_clone().map_err(Error::io("share the log"))?;
        let mut command = Command::new("sh");
        command
            .args(["-c", LAUNCH, "sh"])
            .arg(&pid_file)
            .arg(mongod)
            .args(args)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors);
        // Ctrl-C in the terminal would reach it before us otherwise.
        in_own_group(&mut command);
        let child = command
            .spawn()
            .map_err(Error::io("start `sh`, which starts `mongod`"))?;
        Ok(Self {
            child,
            mongod: mongod.to_owned(),
            pid_file,
            log,
        })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until this `mongod` listens. Its own log tells, since on the port another process
    /// could be answering. `Ok(false)`: one does, so try again with another.
    pub(crate) async fn listens(&mut self) -> Result<bool, Error> {
        let start = Instant::now();
        loop {
            let ended = self
                .child
                .try_wait()
                .map_err(Error::io("wait for mongod"))?;
            if let Some(status) = ended {
                return if status.code() == Some(ADDRESS_IN_USE) {
                    Ok(false)
                } else {
                    Err(self.failed(status))
                };
            }
            let log = fs::read(&self.log).map_err(Error::io("read the log of mongod"))?;
            // Capitalised since MongoDB 4.4.
            if contains(&log, b"aiting for connections") {
                return Ok(true);
            }
            if start.elapsed() > setup::PATIENCE {
                return Err(Error::Timeout {
                    what: format!("mongod listens; the end of its log:\n{}", self.log_tail()),
                    after: setup::PATIENCE,
                });
            }
            sleep(setup::POLL).await;
        }
    }

    /// Sends a signal. Through `sh`, whose built-in is there where no `kill` is installed.
    pub(crate) fn signal(&self, name: &str) -> Result<(), Error> {
        let action = format!("send SIG{name} to mongod");
        let sent = Command::new("sh")
            .args(["-c", r#"kill -s "$1" "$2""#, "sh", name])
            .arg(self.pid().to_string())
            .stdin(Stdio::null())
            .status()
            .map_err(Error::io(action.as_str()))?;
        if sent.success() {
            Ok(())
        } else {
            Err(Error::io(action)(io::Error::other(sent.to_string())))
        }
    }

    /// The last lines of the log.
    pub(crate) fn log_tail(&self) -> String {
        const LENGTH: u64 = 4096;
        let read = || -> io::Result<String> {
            let mut file = File::open(&self.log)?;
            let end = file.metadata()?.len();
            file.seek(SeekFrom::Start(end.saturating_sub(LENGTH)))?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
        };
        read().unwrap_or_else(|error| format!("(cannot be read: {error})"))
    }

    fn failed(&self, status: ExitStatus) -> Error {
        let log = self.log_tail();
        let hint = if log.contains("libcurl.so") {
            "; it needs libcurl 4: install it (Debian, Ubuntu: apt-get install libcurl4)"
        } else if log.contains("libssl.so") || log.contains("libcrypto.so") {
            "; it needs OpenSSL 3: install it (Debian, Ubuntu: apt-get install libssl3), or set \
             MONGOD or MONGODB_URI to another MongoDB"
        } else if log.contains("GLIBC_") || log.contains("GLIBCXX_") {
            "; it needs a newer C library than this system has: set MONGOD or MONGODB_URI to \
             another MongoDB"
        } else {
            ""
        };
        Error::Start {
            mongod: self.mongod.display().to_string(),
            reason: format!("{status}{hint}"),
            log,
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        // Only now can the pid go to another process, which the janitor must not kill.
        let _ = fs::remove_file(&self.pid_file);
    }
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack
        .windows(needle.len())
        .any(|window| window == needle)
}

#[cfg(unix)]
pub(crate) fn in_own_group(command: &mut Command) {
    use std::os::unix::process::CommandExt as _;
    command.process_group(0);
}

#[cfg(not(unix))]
pub(crate) fn in_own_group(_: &mut Command) {}
