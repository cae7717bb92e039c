//! Instances of a service: processes of this very program, which follow orders.

#![allow(dead_code, reason = "each example needs a part of it")]

use std::{
    env,
    process::{Stdio, exit},
};

use anyhow::{Context as _, Result, ensure};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines, stdin},
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
};

/// In the instance: the orders of the parent. The process ends when the parent does.
pub(crate) fn commands() -> UnboundedReceiver<String> {
    let (send, commands) = unbounded_channel();
    tokio::spawn(async move {
        let mut lines = BufReader::new(stdin()).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            let _ = send.send(line);
        }
        // The pipe closes when the parent ends, however it ends.
        exit(0);
    });
    commands
}

/// The parent's end.
pub(crate) struct Instance {
    pub(crate) name: &'static str,
    pub(crate) pid: u32,
    process: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Instance {
    /// Starts this program once more, as `NAME URI`, and waits until it says "ready".
    pub(crate) async fn start(name: &'static str, uri: &str) -> Result<Self> {
        let mut process = Command::new(env::current_exe()?)
            .args([name, uri])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("starting an instance")?;
        let mut instance = Self {
            name,
            pid: process.id().context("it has just started")?,
            input: process.stdin.take().context("it is piped")?,
            output: BufReader::new(process.stdout.take().context("it is piped")?).lines(),
            process,
        };
        let line = instance.says().await?;
        ensure!(line == "ready", "{name} said: {line}");
        Ok(instance)
    }

    pub(crate) async fn tell(&mut self, command: &str) -> Result<()> {
        let line = format!("{command}\n");
        Ok(self.input.write_all(line.as_bytes()).await?)
    }

    pub(crate) async fn says(&mut self) -> Result<String> {
        let line = self.output.next_line().await?;
        line.with_context(|| format!("{} has ended; its error is above", self.name))
    }

    /// Kills the instance with SIGKILL, so that it releases nothing.
    pub(crate) async fn kill(mut self) -> Result<()> {
        Ok(self.process.kill().await?)
    }

    /// Pauses the instance, or lets it go on: `STOP`, `CONT`.
    pub(crate) async fn signal(&self, name: &str) -> Result<()> {
        let mut kill = Command::new("kill");
        let status = kill.args(["-s", name, &self.pid.to_string()]).status();
        ensure!(status.await?.success(), "{} got no SIG{name}", self.name);
        Ok(())
    }

    /// Lets the instance end by itself.
    pub(crate) async fn stop(mut self) -> Result<()> {
        drop(self.input);
        let status = self.process.wait().await?;
        ensure!(status.success(), "{} ended with {status}", self.name);
        Ok(())
    }
}
