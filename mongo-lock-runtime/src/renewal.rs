//! Renewal: one command for all leases that are due.
//!
//! A lease is due every third of its ttl. With a margin of a fifth, that leaves almost half of the
//! ttl for attempts that fail. An attempt that hangs does not hold up the next one, nor any
//! deadline: each runs in a task of its own.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use crate::{
    Error, LockSpec, LossReason, client::Inner, command::Command, event, lease::Lease,
    store::StoreError,
};

pub(crate) fn interval(ttl: Duration) -> Duration {
    ttl / 3
}

/// Between a failed attempt and the next.
pub(crate) fn pause(interval: Duration) -> Duration {
    (interval / 8).clamp(Duration::from_millis(1), Duration::from_secs(1))
}

/// Renews all of these with one command, sent at `sent` or later.
pub(crate) async fn attempt(client: Arc<Inner>, batch: Vec<Lease>, sent: Instant) {
    let items: Vec<_> = batch
        .iter()
        .map(|lease| lease.renewal(lease.ttl()))
        .collect();
    match client.attempt(client.store.renew(&items)).await {
        Ok(renewed) => {
            event::renewed(batch.len(), &renewed, sent.elapsed());
            let trouble = renewed.trouble.as_ref().map(ToString::to_string);
            let trouble = trouble.unwrap_or_else(|| "the server did not prolong it".into());
            for lease in batch {
                if renewed.gone.contains(&lease.id()) {
                    lease.end(LossReason::Gone);
                    continue;
                }
                match renewed.left.get(&lease.id()) {
                    Some((asked, left)) => lease.lasts(*asked, *left, lease.ttl()),
                    None => lease.renewed(sent, lease.ttl()),
                }
                if renewed.behind.contains(&lease.id()) {
                    lease.not_renewed(&trouble, true);
                    client.live.not_renewed(&lease);
                } else {
                    client.live.renewed(&lease, sent);
                }
            }
        }
        Err(failure) => {
            event::renewal_failed(batch.len(), &failure.cause);
            for lease in batch {
                lease.not_renewed(&failure.cause, false);
                client.live.not_renewed(&lease);
            }
        }
    }
}

pub(crate) async fn extend(lease: &Lease, ttl: Duration) -> Result<(), Error> {
    let client = lease.client();
    // The same rules as for a new lease.
    let spec = LockSpec::new(lease.name().as_str(), ttl)?;
    client.margin.check(&spec)?;
    lease.check()?;
    let sent = Instant::now();
    let (task, item) = (lease.clone(), lease.renewal(spec.ttl()));
    let command = Command::start(client, |answer| async move {
        let inner = Arc::clone(task.client());
        let command = async {
            let items = std::slice::from_ref(&item);
            match inner.attempt(inner.store.renew(items)).await {
                Ok(renewed) if !renewed.gone.is_empty() => task.end(LossReason::Gone),
                Ok(renewed) => match renewed.left.get(&item.lease) {
                    None => task.renewed(sent, item.ttl),
                    Some((asked, left)) => {
                        task.lasts(*asked, *left, item.ttl);
                        if !renewed.behind.is_empty() {
                            let unknown =
                                || StoreError::Other("the server did not prolong it".into());
                            return Err(renewed.trouble.unwrap_or_else(unknown));
                        }
                    }
                },
                Err(failure) => return Err(failure.cause),
            }
            Ok(())
        };
        inner.answer_in_time(sent, command, answer).await;
    });
    match command.await {
        Ok(Ok(())) => lease.check(),
        Ok(Err(failed)) => Err(client.error(lease.name(), "extend", failed)),
        Err(_) => Err(Error::gone(lease.name())),
    }
}
