//! The library as the simulation uses it: the only file that names what may be renamed.

use std::{ops::ControlFlow, pin::Pin, sync::Arc, time::Duration};

use mongo_lock_runtime::{
    __private::{Call, LockTerms, OnLost, run_value},
    Acquisition, Error, Lease, LockClient, LockGuard, LockName, LockSet, LockSpec, Outcome,
    SkipReason, Skipped,
    simulation::{self, Persistence},
};
pub(crate) use mongo_lock_runtime::{
    Lease as LeaseHandle,
    simulation::{
        AcquireReply, AcquireRequest, AttemptError, LeaseId, Locks, Network, Process,
        ReleaseRequest, Renewed, Reply, Request, Settings, Standing, Wakeup, seed,
    },
};
use tokio::time::Instant;

use super::script::{Class, Kind, Terms};

pub(crate) type Client = LockClient;
/// A reply, and the waiters that the client is to wake.
pub(crate) type Answered = (Reply, Vec<Arc<str>>);
pub(crate) type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

pub(crate) fn client(settings: Settings) -> Client {
    simulation::client(settings)
}

/// What a call gave.
pub(crate) enum Got<T> {
    Held(T),
    Skipped(Named),
    Failed(Failure),
}

/// Who is named in a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) lock: LockName,
    pub(crate) owner: String,
    /// Whether it is said to wait for the lock, rather than to hold it.
    pub(crate) waits: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// No answer within the limit.
    Timeout,
    Database,
    /// The document is not a lock's.
    Foreign,
    Lost,
    /// The grant came after the deadline.
    TooLate,
    ShutDown,
    Other(String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Timeout { .. } => Self::Timeout,
            Error::Database { .. } => Self::Database,
            Error::NotALockDocument { .. } => Self::Foreign,
            Error::LeaseLost { .. } => Self::Lost,
            Error::GrantedTooLate { .. } => Self::TooLate,
            Error::ShutDown { .. } => Self::ShutDown,
            other => Self::Other(other.to_string()),
        }
    }
}

fn named(skipped: &Skipped) -> Named {
    match &skipped.reason {
        SkipReason::Held(holder) => Named {
            lock: skipped.name.clone(),
            owner: holder.owner.clone(),
            waits: false,
        },
        SkipReason::Reserved(next) => Named {
            lock: skipped.name.clone(),
            owner: next.owner.clone(),
            waits: true,
        },
        other => unreachable!("{other:?}"),
    }
}

pub(crate) fn name(number: u8) -> LockName {
    LockName::new(["a", "b", "c", "d"][usize::from(number % 4)]).expect("a valid name")
}

fn spec(terms: &Terms, name_number: u8, wait: Option<u64>) -> LockSpec {
    let time = Duration::from_millis;
    let mut spec = LockSpec::builder(name(name_number), time(terms.ttl)).renew(terms.renew);
    if terms.shared {
        spec = spec.shared(true);
    } else {
        spec = spec.permits(terms.permits);
    }
    if let Some(limit) = terms.max_hold {
        spec = spec.max_hold(time(limit));
    }
    if let Some(limit) = terms.min_hold {
        spec = spec.min_hold(time(limit));
    }
    if let Some(limit) = wait {
        spec = spec.wait(time(limit));
    }
    spec.build().expect("valid terms")
}

/// One guard, or several.
pub(crate) enum Guards {
    One(LockGuard),
    Set(LockSet),
}

impl Guards {
    pub(crate) fn leases(&self) -> Vec<Lease> {
        match self {
            Self::One(guard) => vec![guard.lease().clone()],
            Self::Set(set) => {
                let leases = set.guards().iter().map(LockGuard::lease);
                leases.cloned().collect()
            }
        }
    }

    /// The first error, if there is one.
    pub(crate) async fn release(self) -> Result<(), Failure> {
        let released = match self {
            Self::One(guard) => guard.release().await.map(drop),
            Self::Set(set) => set.release().await,
        };
        released.map_err(Failure::from)
    }
}

/// A call whose lease the caller keeps.
pub(crate) async fn acquire(client: Client, kind: Kind, terms: Terms) -> Got<Guards> {
    let acquired = match kind {
        Kind::Wait(None) => {
            let guard = client.acquire(&spec(&terms, terms.name, None)).await;
            guard.map(|guard| Acquisition::Acquired(Guards::One(guard)))
        }
        Kind::Both(wait) => {
            let specs = [0, 1].map(|next| spec(&terms, terms.name + next, wait));
            match client.acquire_all(&specs).await {
                Ok(Acquisition::Acquired(set)) => Ok(Acquisition::Acquired(Guards::Set(set))),
                Ok(Acquisition::Skipped(skipped)) => Ok(Acquisition::Skipped(skipped)),
                Err(error) => Err(error),
            }
        }
        Kind::Try | Kind::Wait(_) | Kind::Run(_) | Kind::Lead(_) => {
            let wait = match kind {
                Kind::Wait(limit) => limit,
                _ => None,
            };
            let spec = spec(&terms, terms.name, wait);
            let acquired = match wait {
                Some(limit) => {
                    let limit = Duration::from_millis(limit);
                    client.acquire_within(&spec, limit).await
                }
                None => client.try_acquire(&spec).await,
            };
            match acquired {
                Ok(Acquisition::Acquired(guard)) => Ok(Acquisition::Acquired(Guards::One(guard))),
                Ok(Acquisition::Skipped(skipped)) => Ok(Acquisition::Skipped(skipped)),
                Err(error) => Err(error),
            }
        }
    };
    match acquired {
        Ok(Acquisition::Acquired(guards)) => Got::Held(guards),
        Ok(Acquisition::Skipped(skipped)) => Got::Skipped(named(&skipped)),
        Err(error) => Got::Failed(error.into()),
    }
}

/// A body under a lock, as the attribute runs it. The body finds its lease with [`current`].
pub(crate) async fn run<T>(
    client: Client,
    wait: Option<u64>,
    terms: Terms,
    body: Boxed<T>,
) -> Got<T> {
    let time = Duration::from_millis;
    let mut attribute = LockTerms::named("a");
    attribute.ttl = Some(time(terms.ttl));
    attribute.renew = terms.renew;
    attribute.max_hold = terms.max_hold.map(time);
    attribute.min_hold = terms.min_hold.map(time);
    attribute.wait = wait.map(time);
    if terms.goes_on {
        attribute.on_lost = OnLost::Continue;
    }
    attribute.shared = terms.shared;
    attribute.permits = (!terms.shared).then_some(terms.permits);
    let call = Call::new(attribute).client(&client).name(name(terms.name));
    match run_value(call, Box::pin(body)).await {
        Ok(Outcome::Executed(value)) => Got::Held(value),
        Ok(Outcome::Skipped(skipped)) => Got::Skipped(named(&skipped)),
        Err(error) => Got::Failed(error.into()),
    }
}

/// Leads until `task` breaks.
pub(crate) async fn lead<T>(
    client: Client,
    terms: Terms,
    task: impl FnMut(Lease) -> Boxed<ControlFlow<T>>,
) -> Got<T> {
    match client.lead(&spec(&terms, terms.name, None), task).await {
        Ok(value) => Got::Held(value),
        Err(error) => Got::Failed(error.into()),
    }
}

pub(crate) fn current() -> Lease {
    mongo_lock_runtime::current_lease().expect("a body runs under its lease")
}

pub(crate) async fn extend(lease: &Lease, ttl: u64) -> Result<(), Failure> {
    let extended = lease.extend(Duration::from_millis(ttl)).await;
    extended.map_err(Failure::from)
}

/// Says whether every lock was released.
pub(crate) async fn shutdown(client: Client, wait: u64, limit: u64) -> bool {
    let report = client
        .shutdown()
        .wait_for_bodies(Duration::from_millis(wait))
        .limit(Duration::from_millis(limit))
        .await;
    report.is_clean()
}

/// What the store said to an acquisition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Granted {
        token: i64,
        acquired_at: i64,
        expires_at: i64,
    },
    Refused,
    /// The lease was given up for good before.
    Revoked,
    /// In the queue, since this was last confirmed.
    Queued {
        seen_at: i64,
    },
}

pub(crate) fn answer(reply: &AcquireReply) -> Answer {
    let millis = |time: std::time::SystemTime| {
        let time = time.duration_since(std::time::UNIX_EPOCH);
        i64::try_from(time.unwrap_or_default().as_millis()).unwrap_or(i64::MAX)
    };
    match reply {
        AcquireReply::Granted(grant) => Answer::Granted {
            token: grant.token,
            acquired_at: millis(grant.acquired_at),
            expires_at: millis(grant.expires_at),
        },
        AcquireReply::Refused(_) => Answer::Refused,
        AcquireReply::Revoked => Answer::Revoked,
        AcquireReply::Queued(queued) => Answer::Queued {
            seen_at: millis(queued.seen_at),
        },
    }
}

/// The holder of another reader that keeps the lease, and the grant.
pub(crate) fn joined(request: &AcquireRequest, reply: &AcquireReply) -> Option<(LeaseId, Answer)> {
    match reply {
        AcquireReply::Granted(grant) if grant.holder != request.lease => {
            Some((grant.holder, answer(reply)))
        }
        _ => None,
    }
}

/// For a request that waits: whose place it is, and how long it has waited.
pub(crate) fn place(request: &AcquireRequest) -> Option<(&str, u64)> {
    let ticket = request.ticket.as_ref()?;
    Some((&ticket.queue_id, millis(ticket.waited)))
}

pub(crate) fn is_shared(request: &AcquireRequest) -> bool {
    request.mode == simulation::Mode::Shared
}

/// A release by force.
pub(crate) fn forced_release(name: &LockName, lease: LeaseId) -> Request {
    Request::Release(ReleaseRequest {
        name: name.clone(),
        lease,
        min_hold: None,
        contended: true,
        revoke: false,
    })
}

/// What the server says of leases whose end it did not move: how long they last.
pub(crate) fn report_left(
    renewed: &mut Renewed,
    asked: Instant,
    left: impl IntoIterator<Item = (LeaseId, u64)>,
) {
    let left = left.into_iter();
    let left = left.map(|(lease, left)| (lease, (asked, Duration::from_millis(left))));
    renewed.left.extend(left);
}

pub(crate) fn error(class: Class) -> AttemptError {
    let text = match (class.transient, class.unknown) {
        (true, true) => "the connection broke",
        (true, false) => "not primary",
        (false, true) => "an error that is not listed",
        (false, false) => "refused for a reason that is not listed",
    };
    let persistence = if class.transient {
        Persistence::Transient
    } else {
        Persistence::Unknown
    };
    AttemptError::new(text, persistence, class.unknown)
}

pub(crate) fn foreign() -> AttemptError {
    AttemptError::new("it was edited", Persistence::Final, false)
}

pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
