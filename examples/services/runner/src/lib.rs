//! Two instances of a service, as processes on a real server, for the tests of these examples.
//!
//! The services print what they do, and the runner counts the lines: it asks neither the locks nor MongoDB.

mod instance;

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use mongo_lock_testkit::{Server, TestDb};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

pub use crate::instance::Instance;

/// A database for one test, on a server that the test process shares.
pub async fn database() -> TestDb {
    Server::shared().await.database().await
}

/// The moment of a firing of `totals`, in a line of the log.
fn firing(line: &str) -> Option<&str> {
    let (_, after) = line.split_once(": totals ")?;
    let (_, due) = after.split_once(" due=")?;
    due.split_whitespace().next()
}

/// Waits until both instances have fired `totals` four times. Each firing must have run once; those of both
/// instances have run on one of them and been skipped on the other.
///
/// # Errors
///
/// When that is not so, or takes longer than a minute.
pub async fn each_firing_runs_once(instances: &mut [Instance; 2]) -> Result<()> {
    /// How often each moment was executed, and skipped.
    fn count(instances: &[Instance; 2]) -> BTreeMap<String, (usize, usize)> {
        let mut firings = BTreeMap::new();
        for instance in instances {
            for line in instance.lines() {
                let Some(due) = firing(&line) else { continue };
                let (executed, skipped): &mut (usize, usize) =
                    firings.entry(due.to_owned()).or_default();
                if line.contains(" totals written") {
                    *executed += 1;
                } else if line.contains(" totals skipped") {
                    *skipped += 1;
                }
            }
        }
        firings
    }
    for instance in &mut *instances {
        // The first moments may be those of the other instance alone.
        instance
            .sees("four firings", |lines| {
                let firings = lines.iter().filter_map(|line| firing(line));
                (firings.count() > 3).then_some(())
            })
            .await?;
    }
    let firings = count(instances);
    let both = firings.values().filter(|count| **count == (1, 1)).count();
    ensure!(
        both >= 2 && firings.values().all(|(executed, _)| *executed <= 1),
        "firings (executed, skipped): {firings:?}"
    );
    Ok(())
}

/// Waits until one instance imports and the other one is skipped; ends the first one with SIGTERM in the middle.
/// It must end in order and at once give the lock to the other one, which is returned.
///
/// # Errors
///
/// When that is not so, or takes longer than a minute, which is shorter than the ttl of `import`.
pub async fn the_other_takes_over(instances: [Instance; 2]) -> Result<Instance> {
    let imports = |lines: &[String]| lines.iter().any(|line| line.contains(" importing"));
    let [mut first, mut second] = instances;
    tokio::select! {
        seen = first.sees("importing", |lines| imports(lines).then_some(())) => seen?,
        seen = second.sees("importing", |lines| imports(lines).then_some(())) => {
            seen?;
            std::mem::swap(&mut first, &mut second);
        }
    }
    let skipped = format!(" import skipped: held by {} until", first.name);
    second
        .sees(&skipped, |lines| {
            lines
                .iter()
                .any(|line| line.contains(&skipped))
                .then_some(())
        })
        .await?;
    ensure!(!imports(&second.lines()), "both instances import");

    let lines = first.terminate().await?;
    let last = lines.last().context("the instance has said nothing")?;
    ensure!(last.contains(" stopped: every lock was released"), "{last}");
    second
        .sees("importing", |lines| imports(lines).then_some(()))
        .await?;
    Ok(second)
}

/// The status code of an answer to `GET path`.
///
/// # Errors
///
/// When there is no answer of HTTP.
pub async fn get(address: &str, path: &str) -> Result<u16> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let status = answer.split(' ').nth(1).context("an empty answer")?;
    Ok(status.parse()?)
}
