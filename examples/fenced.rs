//! A holder that is paused beyond its lease, and its late write, which MongoDB refuses.
//!
//! `cargo run --example fenced`. Nothing can stop a process that is paused (SIGSTOP here; a virtual
//! machine that is moved, elsewhere) from sending its next write when it goes on. The fencing token
//! makes the server refuse that write.

#![allow(
    clippy::print_stdout,
    reason = "an example talks to the person who runs it"
)]

#[path = "support/instance.rs"]
mod instance;

use std::{env, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use mongo_lock_runtime::{FencedWrite, LockClient, current_lease, distributed_lock};
use mongo_lock_testkit::Server;
use mongodb::{
    Client, Collection,
    bson::{Document, doc},
};
use tokio::{
    sync::mpsc::UnboundedReceiver,
    time::{sleep, timeout},
};

use crate::instance::{Instance, commands};

/// Sends an invoice, when the parent says so. The body is not stopped when its lease is lost, so that it
/// comes to the write: the pause could as well have been between the last check and this write.
#[distributed_lock(name = "invoice-7", ttl = "2s", on_lost = "continue")]
async fn send_invoice(
    owner: &str,
    invoices: &Collection<Document>,
    go: &mut UnboundedReceiver<String>,
) -> Result<()> {
    let lease = current_lease().context("this runs under a lock")?;
    println!("holds the lock, with token {}", lease.token());
    go.recv().await.context("the order to write never came")?;
    let write = lease
        .fenced(invoices)
        .upsert_one(doc! { "_id": 7 }, doc! { "$set": { "sent_by": owner } })
        .await?;
    match write {
        FencedWrite::Applied => println!("has written"),
        FencedWrite::Refused { newer } => {
            println!("was refused: the holder with token {newer} has written already");
        }
        other => bail!("{other:?}"),
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<()> {
    let mut args = env::args().skip(1);
    if let (Some(name), Some(uri)) = (args.next(), args.next()) {
        return serve(&name, &uri).await;
    }
    timeout(Duration::from_secs(300), show())
        .await
        .context("the example did not end within five minutes")?
}

/// An instance of the service: a process of its own.
async fn serve(name: &str, uri: &str) -> Result<()> {
    let driver = Client::with_uri_str(uri).await?;
    let database = driver.default_database().context("the URI names one")?;
    let invoices = database.collection("invoices");
    let builder = LockClient::builder().client(driver).owner(name);
    builder.build().await?.install_global()?;
    println!("ready");
    let mut commands = commands();
    ensure!(commands.recv().await.as_deref() == Some("send"), "what?");
    while send_invoice(name, &invoices, &mut commands)
        .await?
        .is_skipped()
    {
        sleep(Duration::from_millis(50)).await;
    }
    // Until the parent ends.
    commands.recv().await;
    Ok(())
}

async fn show() -> Result<()> {
    println!("Starting MongoDB (the first run may fetch one) …\n");
    let db = Server::shared().await.database().await;
    let mut old = Instance::start("web-1", &db.uri()).await?;
    let mut new = Instance::start("web-2", &db.uri()).await?;

    old.tell("send").await?;
    report(&mut old, "holds the lock").await?;
    old.signal("STOP").await?;
    println!("  web-1  is paused (SIGSTOP), with its write still to come");

    new.tell("send").await?;
    report(&mut new, "holds the lock").await?;
    println!("         … the lease of web-1 had ended, with its ttl of 2 s");
    new.tell("write").await?;
    report(&mut new, "has written").await?;

    old.signal("CONT").await?;
    println!("  web-1  goes on (SIGCONT), and knows of nothing");
    old.tell("write").await?;
    report(&mut old, "was refused").await?;

    let invoices = db.collection::<Document>("invoices");
    let invoice = invoices.find_one(doc! { "_id": 7 }).await?;
    let invoice = invoice.context("the invoice is there")?;
    println!("\nThe invoice: {invoice}");
    ensure!(invoice.get_str("sent_by") == Ok("web-2"), "overwritten");
    for instance in [old, new] {
        instance.stop().await?;
    }
    Ok(())
}

async fn report(instance: &mut Instance, starts: &str) -> Result<()> {
    let line = instance.says().await?;
    println!("  {}  {line}", instance.name);
    ensure!(line.starts_with(starts), "not as promised");
    Ok(())
}
