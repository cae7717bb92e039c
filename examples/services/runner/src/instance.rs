use std::{process::Stdio, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    sync::watch,
    task::JoinHandle,
    time::timeout,
};

/// The longest wait for a line, or for the end of a process.
const LIMIT: Duration = Duration::from_secs(60);

/// A process of a service, which is killed when this value is dropped.
#[derive(Debug)]
pub struct Instance {
    /// The owner of the locks that it holds.
    pub name: String,
    process: Child,
    lines: watch::Receiver<Vec<String>>,
    reader: JoinHandle<()>,
}

impl Instance {
    /// Starts `command`, with `name` in `INSTANCE`, and `settings` in the environment.
    ///
    /// # Errors
    ///
    /// When the program cannot be started.
    pub fn start(command: &[&str], name: &str, settings: &[(&str, &str)]) -> Result<Self> {
        let (program, arguments) = command.split_first().context("no program")?;
        let mut process = Command::new(program)
            .args(arguments)
            .env("INSTANCE", name)
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting {program}"))?;
        let mut output = BufReader::new(process.stdout.take().context("it is piped")?).lines();
        let (seen, lines) = watch::channel(Vec::new());
        let reader = tokio::spawn(async move {
            while let Ok(Some(line)) = output.next_line().await {
                seen.send_modify(|lines| lines.push(line));
            }
        });
        Ok(Self {
            name: name.to_owned(),
            process,
            lines,
            reader,
        })
    }

    /// The lines that the instance has printed until now.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.lines.borrow().clone()
    }

    /// Waits until `find` finds something in the lines; `what` names it in the error.
    ///
    /// # Errors
    ///
    /// When the process ends before, or a minute passes.
    pub async fn sees<T>(
        &mut self,
        what: &str,
        mut find: impl FnMut(&[String]) -> Option<T>,
    ) -> Result<T> {
        let found = timeout(LIMIT, async {
            loop {
                if let Some(found) = find(&self.lines.borrow_and_update()) {
                    return Some(found);
                }
                // The sender goes when the process has closed its output.
                self.lines.changed().await.ok()?;
            }
        })
        .await;
        match found {
            Ok(Some(found)) => Ok(found),
            Ok(None) => bail!("{} ended before it said: {what}\n{}", self.name, self.log()),
            Err(_) => bail!("{} did not say: {what}\n{}", self.name, self.log()),
        }
    }

    /// Sends SIGTERM, waits for the end with exit code 0, and returns all lines.
    ///
    /// # Errors
    ///
    /// When the process ends in another way, or not within a minute.
    pub async fn terminate(self) -> Result<Vec<String>> {
        let pid = self.process.id().context("the process has ended")?;
        let mut kill = Command::new("kill");
        let sent = kill.args(["-s", "TERM", &pid.to_string()]).status().await?;
        ensure!(sent.success(), "{} got no SIGTERM", self.name);
        self.ends().await
    }

    /// Waits for the end by itself, with exit code 0, and returns all lines.
    ///
    /// # Errors
    ///
    /// When the process ends in another way, or not within a minute.
    pub async fn ends(mut self) -> Result<Vec<String>> {
        let status = timeout(LIMIT, self.process.wait())
            .await
            .with_context(|| format!("{} did not end\n{}", self.name, self.log()))??;
        ensure!(status.success(), "{}: {status}\n{}", self.name, self.log());
        (&mut self.reader).await?;
        Ok(self.lines())
    }

    fn log(&self) -> String {
        self.lines.borrow().join("\n")
    }
}
