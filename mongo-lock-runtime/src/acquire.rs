//! Acquiring: one request, its repetition within the time limit, and the clean-up of one whose
//! outcome nobody knows.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep};

use crate::{
    Acquisition, Error, LockGuard, LockName, LockSpec, Skipped,
    client::Inner,
    command::{Command, Failed},
    current, event,
    hold::Hold,
    lease::Lease,
    line::{End, Lines},
    release::{Job, release},
    store::{AcquireReply, AcquireRequest, AttemptError, LeaseId, Queued, StoreError},
};

enum Answer {
    Granted(Hold),
    Refused(Skipped),
    /// Granted too late: the client is shutting down, and has given it back.
    ShutDown,
}

/// Acquires, and waits for it as long as the spec says.
pub(crate) async fn acquire(client: &Arc<Inner>, spec: &LockSpec) -> Result<Acquisition, Error> {
    match spec.wait() {
        None => acquire_now(client, spec).await,
        Some(limit) => wait(client, spec, Some(limit)).await,
    }
}

/// Acquires, or waits in line for at most `limit`.
pub(crate) async fn wait(
    client: &Arc<Inner>,
    spec: &LockSpec,
    limit: Option<Duration>,
) -> Result<Acquisition, Error> {
    client.margin.check(spec)?;
    if spec.permits() == 1 || spec.shared() {
        current::check_not_held(client, spec.name())?;
    }
    let started = Instant::now();
    // A limit that no clock reaches is none.
    let until = limit.and_then(|limit| started.checked_add(limit));
    let mut waiting = Lines::join(client, spec, until).ok_or_else(|| shut_down(spec))?;
    match (&mut waiting.answer).await {
        Ok(Ok(End::Granted(hold))) => acquired(hold, started),
        Ok(Ok(End::Skipped(skipped))) => Ok(refused(client, skipped, started)),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(Error::gone(spec.name())),
    }
}

/// The lease is the caller's, unless the answer took so long that it is over.
fn acquired(hold: Hold, asked: Instant) -> Result<Acquisition, Error> {
    hold.check()?;
    let hold = hold.handed_over();
    event::acquired(&hold, asked.elapsed());
    Ok(Acquisition::Acquired(LockGuard::new(hold)))
}

fn refused(client: &Inner, skipped: Skipped, asked: Instant) -> Acquisition {
    event::skipped(&client.owner, &skipped, asked.elapsed());
    Acquisition::Skipped(skipped)
}

fn shut_down(spec: &LockSpec) -> Error {
    Error::ShutDown {
        lock: spec.name().to_string(),
    }
}

async fn acquire_now(client: &Arc<Inner>, spec: &LockSpec) -> Result<Acquisition, Error> {
    client.margin.check(spec)?;
    let request = AcquireRequest {
        name: spec.name().clone(),
        lease: LeaseId::unique(),
        attempt: 0,
        owner: Arc::clone(&client.owner),
        ttl: spec.ttl(),
        mode: spec.mode(),
        permits: spec.permits(),
        ticket: None,
    };
    // The lease counts from here, before anything was sent: the server starts it later than this.
    let sent = Instant::now();
    if let Some(held) = client.live.exclusive(spec.name()) {
        // No need to ask who has it.
        return Ok(refused(client, held.as_skipped(), sent));
    }
    if !client.live.acquiring(request.lease, spec.name()) {
        return Err(shut_down(spec));
    }
    let task = Task {
        client: Arc::clone(client),
        spec: spec.clone(),
        request,
        sent,
    };
    let unsent = Unsent(Some(Arc::clone(client)), task.request.lease);
    let command = Command::start(client, |answer| async move {
        unsent.sent();
        let inner = Arc::clone(&task.client);
        inner.answer_in_time(sent, task.run(), answer).await;
    });
    match command.await {
        Ok(Ok(Answer::Granted(hold))) => acquired(hold, sent),
        Ok(Ok(Answer::ShutDown)) => Err(shut_down(spec)),
        Ok(Ok(Answer::Refused(skipped))) => Ok(refused(client, skipped, sent)),
        Ok(Err(failed)) => Err(client.error(spec.name(), "acquire", failed)),
        Err(_) => Err(Error::gone(spec.name())),
    }
}

/// Strikes the acquisition off the list when it is dropped before anything was sent, as on a runtime
/// that has shut down.
struct Unsent(Option<Arc<Inner>>, LeaseId);

impl Unsent {
    fn sent(mut self) {
        self.0 = None;
    }
}

impl Drop for Unsent {
    fn drop(&mut self) {
        if let Some(client) = &self.0 {
            client.live.over(self.1, true);
        }
    }
}

struct Task {
    client: Arc<Inner>,
    spec: LockSpec,
    request: AcquireRequest,
    sent: Instant,
}

impl Task {
    async fn run(self) -> Result<Answer, StoreError> {
        let mut pause = Backoff::default();
        let mut maybe_granted = false;
        loop {
            match self.attempt().await {
                Ok(AcquireReply::Granted(grant)) => {
                    let (client, lease) = (self.client, self.request.lease);
                    let lease = Lease::new(client, self.spec, lease, grant, self.sent);
                    let hold = Hold::new(lease);
                    // Here, and not only by the caller, who may never be polled again.
                    return Ok(if hold.client().live.closed() {
                        Answer::ShutDown
                    } else {
                        Answer::Granted(hold)
                    });
                }
                // Without a ticket, nobody is put in line.
                Ok(
                    AcquireReply::Refused(skipped) | AcquireReply::Queued(Queued { skipped, .. }),
                ) => {
                    if maybe_granted {
                        // An earlier attempt may have been granted and run out, or may still
                        // arrive. The caller must not hear "skipped" while its own lease is live.
                        self.clean_up().await;
                    } else {
                        self.client.live.over(self.request.lease, true);
                    }
                    return Ok(Answer::Refused(skipped));
                }
                Ok(AcquireReply::Revoked) => return Err(StoreError::Other("revoked".into())),
                Err(failure) => {
                    maybe_granted |= failure.effect_unknown;
                    let next = pause.next();
                    let time_left = self.sent.elapsed() + next < self.client.operation_timeout;
                    if !(failure.is_transient() && time_left) {
                        if maybe_granted {
                            drop(self.clean_up());
                        } else {
                            self.client.live.over(self.request.lease, true);
                        }
                        return Err(failure.cause);
                    }
                    event::retrying(&self.request.name, "acquire", &failure.cause);
                    sleep(next).await;
                }
            }
        }
    }

    async fn attempt(&self) -> Result<AcquireReply, AttemptError> {
        let command = self.client.store.acquire(&self.request);
        self.client.attempt(command).await
    }

    /// Releases what may have been granted, in the background.
    fn clean_up(&self) -> impl Future<Output = ()> + use<> {
        let request = &self.request;
        let job = Job::clean_up(&request.name, request.lease, request.ttl);
        let released = release(&self.client, job);
        async move { drop(released.await) }
    }
}

/// Pauses between attempts: 10 ms, doubled each time up to a second.
#[derive(Debug, Default)]
pub(crate) struct Backoff(u32);

impl Backoff {
    pub(crate) fn next(&mut self) -> Duration {
        let pause = Duration::from_millis(10) * 2_u32.pow(self.0);
        self.0 = (self.0 + 1).min(7);
        pause.min(Duration::from_secs(1))
    }
}

impl Inner {
    pub(crate) fn error(&self, lock: &LockName, command: &'static str, failed: Failed) -> Error {
        let lock = lock.to_string();
        match failed {
            Failed::Late => Error::Timeout {
                lock,
                command,
                limit: self.operation_timeout,
            },
            Failed::Because(StoreError::NotALockDocument(problem)) => Error::NotALockDocument {
                lock,
                namespace: self.store.place(),
                problem,
            },
            Failed::Because(StoreError::Other(problem)) => Error::Database {
                lock,
                command,
                problem,
                source: None,
            },
            Failed::Because(StoreError::Driver(error)) => Error::Database {
                lock,
                command,
                problem: error.kind.to_string(),
                source: Some(Box::new(error)),
            },
        }
    }
}
