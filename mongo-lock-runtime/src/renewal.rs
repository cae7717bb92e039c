//! Renewal: one command for all leases that are due.
//!
//! A lease is due every third of its ttl. With a margin of a fifth, that leaves almost half of the
//! ttl for attempts that fail. An attempt that hangs does not hold up the next one, nor any
//! deadline: each runs in a task of its own.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::oneshot,
    time::{Instant, timeout},
};

use crate::{
    Error, LockSpec, LossReason, acquire::LOST, client::Inner, event, lease::Lease, store::Failure,
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
    let answer = timeout(LOST, client.store.renew(&items)).await;
    match answer.unwrap_or_else(|_| Err(Failure::lost())) {
        Ok(gone) => {
            event::renewed(batch.len() - gone.len(), gone.len(), sent.elapsed());
            for lease in batch {
                if gone.contains(&lease.id()) {
                    lease.end(LossReason::Gone);
                } else {
                    lease.renewed(sent, lease.ttl());
                    client.live.renewed(&lease, sent);
                }
            }
        }
        Err(failure) => {
            event::renewal_failed(batch.len(), &failure.cause);
            for lease in batch {
                lease.not_renewed(&failure.cause);
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
    let (answer, receiver) = oneshot::channel();
    let (task, item) = (lease.clone(), lease.renewal(spec.ttl()));
    client.spawn(async move {
        let inner = Arc::clone(task.client());
        let command = async {
            let items = std::slice::from_ref(&item);
            let result = timeout(LOST, inner.store.renew(items)).await;
            match result.unwrap_or_else(|_| Err(Failure::lost())) {
                Ok(gone) if gone.is_empty() => task.renewed(sent, item.ttl),
                Ok(_) => task.end(LossReason::Gone),
                Err(failure) => return Err(failure.cause),
            }
            Ok(())
        };
        inner.answer_in_time(sent, command, answer).await;
    });
    match receiver.await {
        Ok(Ok(())) => lease.check(),
        Ok(Err(failed)) => Err(client.error(lease.name(), "extend", failed)),
        Err(_) => Err(Error::gone(lease.name())),
    }
}
