//! Acquiring: one request and its repetition within the time limit, or a place in the queue.

use std::{sync::Arc, time::Duration};

use tokio::{task::yield_now, time::timeout};

use super::{acquisition::Acquisition, asked::Asked, guard::LockGuard, inner::ClientInner};
use crate::{
    clock::Moment,
    error::{Error, Operation},
    events::Event,
    lease::{Local, OwnedLease, PendingLease, check_not_held},
    operation::{InFlight, Pauses, Trouble},
    outcome::Skipped,
    queue::{self, WaitResult},
    spec::LockSpec,
    store::{AcquireReply, LeaseId, StoreError},
};

enum Answer {
    Granted(OwnedLease),
    Refused(Skipped),
    /// The client is shutting down, or the caller is gone. A lease that was granted is given back.
    ShutDown,
    Error(Error),
}

/// Acquires, and waits as long as the spec says.
pub(crate) async fn acquire_as_specified(
    client: &Arc<ClientInner>,
    spec: &LockSpec,
) -> Result<Acquisition, Error> {
    match spec.wait() {
        None => try_acquire(client, spec).await,
        Some(limit) => wait(client, spec, Some(limit)).await,
    }
}

/// Acquires, or waits in the queue for at most `limit`.
pub(crate) async fn wait(
    client: &Arc<ClientInner>,
    spec: &LockSpec,
    limit: Option<Duration>,
) -> Result<Acquisition, Error> {
    let asked = Asked::begin(client, spec, true);
    asked.end(wait_in_queue(client, spec, limit).await)
}

async fn wait_in_queue(
    client: &Arc<ClientInner>,
    spec: &LockSpec,
    limit: Option<Duration>,
) -> Result<Acquisition, Error> {
    let context = &client.context;
    context.margin.check(spec)?;
    if spec.permits() == 1 || spec.shared() {
        check_not_held(context, spec.name())?;
    }
    if let Some(held) = client.leases.exclusive(spec.name())
        && held.task().is_some()
        && held.task() == tokio::task::try_id()
    {
        context.observers.report(&Event::WaitsForOwnGuard {
            lock: held.observed(),
            token: held.token(),
        });
    }
    let started = context.clock.now();
    // A limit beyond the range of the clock is no limit.
    let until = limit.and_then(|limit| started.checked_add(limit));
    let pending = client.pending(spec).ok_or_else(|| shut_down(spec))?;
    let waiter = queue::join(&client.queues, pending, until);
    match waiter.ok_or_else(|| shut_down(spec))?.await? {
        WaitResult::Granted(lease) => acquired(lease),
        WaitResult::Skipped(skipped) => Ok(Acquisition::Skipped(skipped)),
        WaitResult::Failed(error) => Err(context.error(spec.name(), Operation::Acquire, error)),
        WaitResult::Error(error) => Err(error),
        WaitResult::ShutDown => Err(shut_down(spec)),
    }
}

/// Acquires, or is refused, without waiting.
pub(crate) async fn try_acquire(
    client: &Arc<ClientInner>,
    spec: &LockSpec,
) -> Result<Acquisition, Error> {
    let asked = Asked::begin(client, spec, false);
    asked.end(ask_once(client, spec).await)
}

async fn ask_once(client: &Arc<ClientInner>, spec: &LockSpec) -> Result<Acquisition, Error> {
    let context = &client.context;
    context.margin.check(spec)?;
    let started = context.clock.now();
    let local = client.leases.local(spec.name());
    if let Local::Held(held) = local {
        // The server need not be asked. A caller that asks again and again leaves room for other tasks.
        yield_now().await;
        return Ok(Acquisition::Skipped(held.as_skipped()));
    }
    let pending = client.pending(spec).ok_or_else(|| shut_down(spec))?;
    let id = pending.id();
    let inner = Arc::clone(client);
    let operation = InFlight::start(context, |answer| async move {
        let context = Arc::clone(&inner.context);
        let trouble = Trouble::default();
        let operation = async {
            // A caller must not be refused because of a lease, or a place in the queue, that this client
            // is about to give up. Half of the time is left for the request.
            let given_up = async {
                if let Local::Releasing(ticket) = local {
                    inner.leases.wait_for(&ticket).await;
                }
                inner.queues.wait_until_left(pending.name()).await;
            };
            let _ = timeout(context.operation_timeout / 2, given_up).await;
            run(&inner, pending, started, &trouble).await
        };
        context
            .answer_in_time(started, &trouble, operation, answer)
            .await;
    });
    client.leases.set_running(id, operation.running());
    let mut caller = Caller {
        client,
        spec,
        id,
        gone: true,
    };
    let answer = operation.await;
    caller.gone = !matches!(answer, Ok(Ok(_)));
    drop(caller);
    match answer {
        Ok(Ok(Answer::Granted(lease))) => acquired(lease),
        Ok(Ok(Answer::ShutDown)) => Err(shut_down(spec)),
        Ok(Ok(Answer::Refused(skipped))) => Ok(Acquisition::Skipped(skipped)),
        Ok(Ok(Answer::Error(error))) => Err(error),
        Ok(Err(error)) => Err(context.error(spec.name(), Operation::Acquire, error)),
        Err(_) => Err(Error::runtime_gone(spec.name())),
    }
}

/// The caller of an acquisition. When the caller goes before the answer, the client gives back a lease
/// that is granted later.
struct Caller<'a> {
    client: &'a ClientInner,
    spec: &'a LockSpec,
    id: LeaseId,
    gone: bool,
}

impl Drop for Caller<'_> {
    fn drop(&mut self) {
        if self.gone {
            let leases = &self.client.leases;
            leases.abandoned(self.id, self.spec.name());
        }
    }
}

/// Sends the request, and repeats it after transient failures, until it is answered or the time limit is
/// over.
async fn run(
    client: &ClientInner,
    mut pending: PendingLease,
    started: Moment,
    trouble: &Trouble,
) -> Result<Answer, StoreError> {
    let context = &client.context;
    let mut pauses = Pauses::new();
    loop {
        let (attempt, mut request) = pending.attempt(None);
        pending.share(&mut request);
        match context.acquire(&request).await {
            Ok(AcquireReply::Granted(grant)) => {
                let lease = pending.granted(attempt, grant);
                // Here, and not only by the caller, which may never be polled again.
                return Ok(if client.leases.is_closed() {
                    Answer::ShutDown
                } else {
                    Answer::Granted(lease)
                });
            }
            // Without a ticket, no place in the queue is given.
            Ok(
                AcquireReply::Refused(skipped)
                | AcquireReply::Queued(crate::store::Queued { skipped, .. }),
            ) => {
                pending.answered(attempt);
                // An earlier attempt may have been granted and run out, or may still arrive. The
                // caller must not hear "skipped" while its own lease is live.
                return Ok(match pending.clean_up().await {
                    Ok(()) => Answer::Refused(skipped),
                    Err(error) => Answer::Error(error),
                });
            }
            Ok(AcquireReply::Revoked) => {
                pending.answered(attempt);
                let problem = "the id of the lease was revoked";
                return Err(StoreError::Other(problem.into()));
            }
            Err(error) => {
                pending.failed(attempt, &error);
                let elapsed = context.clock.elapsed(started);
                let time_left = context.operation_timeout.saturating_sub(elapsed);
                let pause = pauses.within(time_left, &error);
                let Some(pause) = pause.filter(|_| error.is_transient()) else {
                    return Err(error.cause);
                };
                if client.leases.is_abandoned(pending.id(), pending.name()) {
                    return Ok(Answer::ShutDown);
                }
                context.observers.step(|| Event::Retrying {
                    lock: context.observed(pending.spec()),
                    operation: Operation::Acquire,
                    error: error.cause.to_string(),
                });
                trouble.set(error.cause);
                tokio::time::sleep(pause).await;
            }
        }
    }
}

/// Hands the lease to the caller, unless the answer took so long that the lease is over.
fn acquired(lease: OwnedLease) -> Result<Acquisition, Error> {
    Ok(Acquisition::Acquired(LockGuard::new(lease.delivered()?)))
}

fn shut_down(spec: &LockSpec) -> Error {
    Error::ShutDown {
        lock: spec.name().clone(),
    }
}
