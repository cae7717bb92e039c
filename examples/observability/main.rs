//! A service whose locks can be seen: `cargo run --example observability`, then
//! `curl http://127.0.0.1:9464/metrics`.
//!
//! Two instances run a job for each invoice, with a leader among them. `dashboard.json` is for Grafana (Dashboards,
//! New, Import), `alerts.yml` for the `rule_files` of Prometheus. `tests/metrics` holds both to what is exported here.
//!
//! `-- --seconds 5` ends after that time, and prints the metrics.

#![allow(clippy::print_stdout, reason = "an example shows itself on stdout")]

mod exporter;

use std::{net::Ipv4Addr, ops::ControlFlow, time::Duration};

use anyhow::{Context as _, Result, bail};
use mongo_lock_runtime::{LockClient, LockSpec, distributed_lock, observe::Metrics};
use mongo_lock_testkit::Server;
use tokio::{net::TcpListener, time::sleep};

const PORT: u16 = 9464;

#[distributed_lock(name = "invoice-{id}", ttl = "10s")]
async fn pay(id: u32) -> Result<()> {
    sleep(Duration::from_millis(u64::from(id % 7) * 40)).await;
    if id.is_multiple_of(50) {
        bail!("the bank refuses it");
    }
    Ok(())
}

#[distributed_lock(name = "nightly-report", ttl = "3s", renew, wait = "5s")]
async fn report() {
    sleep(Duration::from_secs(4)).await;
}

#[tokio::main]
async fn main() -> Result<()> {
    let seconds = match &*std::env::args().skip(1).collect::<Vec<_>>() {
        [] => None,
        [option, seconds] if option == "--seconds" => Some(seconds.parse()?),
        _ => bail!("the only option is `--seconds N`"),
    };
    let handle = exporter::install();
    let db = Server::shared().await.database().await;
    let client = LockClient::builder()
        .uri(db.uri())
        .owner("web-1")
        .observer(Metrics::new())
        .build()
        .await?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, PORT)).await;
    let listener = listener.with_context(|| format!("port {PORT} cannot be had"))?;
    println!("http://127.0.0.1:{PORT}/metrics");
    tokio::spawn(exporter::serve(listener, handle.clone()));

    for instance in [client.clone(), client.with_owner("web-2")?] {
        tokio::spawn(invoices(instance.clone()));
        tokio::spawn(reports(instance.clone()));
        tokio::spawn(async move { lead(&instance).await });
    }
    let Some(seconds) = seconds else {
        return std::future::pending().await;
    };
    sleep(Duration::from_secs(seconds)).await;
    let health = client.health().await;
    println!("{health:#?}\n\n{}", handle.render());
    Ok(())
}

async fn invoices(instance: LockClient) {
    for id in 1.. {
        // A failure of one invoice is in the metrics, and the next one follows.
        drop(instance.scope(pay(id)).await);
    }
}

async fn reports(instance: LockClient) {
    loop {
        drop(instance.scope(report()).await);
        sleep(Duration::from_secs(1)).await;
    }
}

async fn lead(instance: &LockClient) -> Result<()> {
    let spec = LockSpec::builder("scheduler", Duration::from_secs(5))
        .renew(true)
        .label("scheduler")
        .build()?;
    instance
        .lead(&spec, |_term| async {
            sleep(Duration::from_secs(30)).await;
            ControlFlow::Continue(())
        })
        .await
        .map_err(Into::into)
}
