//! The server of a test, and the way to it.

use std::{
    collections::VecDeque,
    future::pending,
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use mongo_lock_runtime::{
    Acquisition, Error, LockClient, LockGuard, LockName, LockSpec, Skipped,
    observe::Observer,
    simulation::{
        self, Answered, AttemptError, Locks, Network, Persistence, Process, Renewed, Reply,
        Request, Settings, Wakeup,
    },
};
use tokio::{
    sync::broadcast,
    task::JoinHandle,
    time::{Instant, sleep},
};

/// The limit of one operation of every client here.
pub(crate) const LIMIT: Duration = Duration::from_secs(4);

/// Longer than any test takes, on its clock: the clock goes on by itself while a test waits.
const TOO_LONG: Duration = Duration::from_secs(60 * 60);

/// The time on the server's clock when a test begins, in milliseconds after 1970.
pub(crate) const START: u64 = 1_767_319_200_000;

pub(crate) const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Acquire,
    HandOver,
    Leave,
    Release,
    Renew,
    Confirm,
    Wake,
}

/// What becomes of one request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fate {
    /// It takes effect at once; the answer comes so much later.
    AnsweredLate(Duration),
    /// It takes effect so much later, and is answered then.
    Slow(Duration),
    /// It takes effect at once; no answer comes.
    Unanswered,
    /// It takes effect so much later; no answer comes.
    Late(Duration),
    /// It takes effect at once; the connection breaks before the answer.
    Cut,
    /// The connection breaks at once; it takes effect so much later.
    CutLate(Duration),
    /// It never arrives, and no answer comes.
    Lost,
    /// A failure without an effect.
    Failed(Persistence),
    /// A renewal without an effect, of leases that have so much left.
    NotProlonged(Duration),
}

/// A store in memory, with a queue of fates for the next requests. Answers come at once.
#[derive(Clone)]
pub(crate) struct Server(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    wakeups: broadcast::Sender<Wakeup>,
    started: Instant,
}

#[derive(Default)]
struct State {
    locks: Locks,
    fates: VecDeque<(What, Fate)>,
    /// All requests that were sent, with the time since the start.
    sent: Vec<(Duration, Request)>,
    /// Whether no wake-up reaches any client.
    deaf: bool,
}

impl Server {
    pub(crate) fn start() -> Self {
        tokio::spawn(async {
            sleep(TOO_LONG).await;
            #[expect(clippy::print_stderr, reason = "the last words of the process")]
            {
                eprintln!("a test waits for what never comes");
            }
            // A panic would end this task only.
            std::process::abort();
        });
        Self(Arc::new(Shared {
            state: Mutex::default(),
            wakeups: broadcast::Sender::new(64),
            started: Instant::now(),
        }))
    }

    pub(crate) fn client(&self, owner: &str) -> LockClient {
        simulation::client(self.settings(owner))
    }

    /// A client whose events an observer hears.
    pub(crate) fn observed(&self, owner: &str, observer: impl Observer) -> LockClient {
        simulation::observed_client(self.settings(owner), observer)
    }

    fn settings(&self, owner: &str) -> Settings {
        Settings {
            owner: owner.to_owned(),
            operation_timeout: LIMIT,
            network: Arc::new(self.clone()),
            process: Arc::new(OneProcess),
        }
    }

    /// The fate of the next request of this kind. Fates of one kind are used in order.
    pub(crate) fn next(&self, what: What, fate: Fate) {
        self.0.state.lock().unwrap().fates.push_back((what, fate));
    }

    pub(crate) fn always(&self, what: What, fate: Fate) {
        (0..1000).for_each(|_| self.next(what, fate));
    }

    /// From now on, all requests arrive.
    pub(crate) fn mend(&self) {
        self.0.state.lock().unwrap().fates.clear();
    }

    pub(crate) fn wake_no_more(&self) {
        self.0.state.lock().unwrap().deaf = true;
    }

    pub(crate) fn wake(&self, wakeup: Wakeup) {
        drop(self.0.wakeups.send(wakeup));
    }

    /// The clients that listen for wake-ups.
    pub(crate) fn listeners(&self) -> usize {
        self.0.wakeups.receiver_count()
    }

    pub(crate) fn delete(&self, name: &str) {
        let name = LockName::new(name).unwrap();
        assert!(self.0.state.lock().unwrap().locks.delete(&name));
    }

    /// The requests of this kind since the start, with the time of their sending.
    pub(crate) fn sent(&self, what: What) -> Vec<(Duration, Request)> {
        let state = self.0.state.lock().unwrap();
        let sent = state.sent.iter().filter(|(_, it)| kind(it) == what);
        sent.cloned().collect()
    }

    pub(crate) fn times(&self, what: What) -> Vec<Duration> {
        self.sent(what).into_iter().map(|(at, _)| at).collect()
    }

    pub(crate) fn count(&self, what: What) -> usize {
        self.sent(what).len()
    }

    /// The time since the start.
    pub(crate) fn at(&self) -> Duration {
        self.0.started.elapsed()
    }

    fn apply(&self, request: &Request) -> (Reply, Vec<Arc<str>>) {
        let now = START + u64::try_from(self.at().as_millis()).unwrap();
        let mut state = self.0.state.lock().unwrap();
        let reply = state.locks.apply(now.try_into().unwrap(), request);
        if let Request::Wake(wakeup) = request
            && !state.deaf
        {
            // Without a listener, it is lost.
            drop(self.0.wakeups.send(wakeup.clone()));
        }
        (reply, state.locks.take_turn())
    }

    fn fate(&self, request: &Request) -> Option<Fate> {
        let mut state = self.0.state.lock().unwrap();
        state.sent.push((self.at(), request.clone()));
        let what = kind(request);
        let at = state.fates.iter().position(|(of, _)| *of == what)?;
        state.fates.remove(at).map(|(_, fate)| fate)
    }
}

fn kind(request: &Request) -> What {
    match request {
        Request::Acquire(_) => What::Acquire,
        Request::HandOver(..) => What::HandOver,
        Request::Leave { .. } => What::Leave,
        Request::Release(_) => What::Release,
        Request::Renew(_) => What::Renew,
        Request::Confirm(_) => What::Confirm,
        Request::Wake(_) => What::Wake,
    }
}

impl Network for Server {
    fn call(&self, request: Request) -> Pin<Box<dyn Future<Output = Answered> + Send>> {
        let (server, fate) = (self.clone(), self.fate(&request));
        Box::pin(async move {
            match fate {
                None => Ok(server.apply(&request)),
                Some(Fate::AnsweredLate(time)) => {
                    let reply = server.apply(&request);
                    sleep(time).await;
                    Ok(reply)
                }
                Some(Fate::Slow(time)) => {
                    sleep(time).await;
                    Ok(server.apply(&request))
                }
                Some(Fate::Unanswered) => {
                    server.apply(&request);
                    pending().await
                }
                Some(Fate::Late(time)) => {
                    tokio::spawn(async move {
                        sleep(time).await;
                        server.apply(&request);
                    });
                    pending().await
                }
                Some(Fate::Cut) => {
                    server.apply(&request);
                    Err(AttemptError::new("cut", Persistence::Transient, true))
                }
                Some(Fate::CutLate(time)) => {
                    tokio::spawn(async move {
                        sleep(time).await;
                        server.apply(&request);
                    });
                    Err(AttemptError::new("cut", Persistence::Transient, true))
                }
                Some(Fate::Lost) => pending().await,
                Some(Fate::Failed(persistence)) => {
                    Err(AttemptError::new("no quorum", persistence, false))
                }
                Some(Fate::NotProlonged(left)) => Ok((not_prolonged(&request, left), Vec::new())),
            }
        })
    }

    fn wakeups(&self) -> broadcast::Receiver<Wakeup> {
        self.0.wakeups.subscribe()
    }
}

fn not_prolonged(request: &Request, left: Duration) -> Reply {
    let Request::Renew(leases) = request else {
        panic!("no renewal: {request:?}");
    };
    let mut renewed = Renewed::default();
    for renewal in leases {
        renewed.behind.insert(renewal.lease);
        renewed.left.insert(renewal.lease, (Instant::now(), left));
    }
    Reply::Renewed(renewed)
}

struct OneProcess;

impl Process for OneProcess {
    fn wrap(
        &self,
        task: Pin<Box<dyn Future<Output = ()> + Send>>,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        task
    }
}

pub(crate) fn spec(ttl: Duration) -> LockSpec {
    LockSpec::new("job", ttl).unwrap()
}

pub(crate) fn renewed(ttl: Duration) -> LockSpec {
    LockSpec::builder("job", ttl).renew(true).build().unwrap()
}

pub(crate) fn named(name: &str, ttl: Duration) -> LockSpec {
    LockSpec::builder(name, ttl).renew(true).build().unwrap()
}

pub(crate) fn guard(acquisition: Acquisition) -> LockGuard {
    match acquisition {
        Acquisition::Acquired(guard) => guard,
        Acquisition::Skipped(skipped) => panic!("skipped: {skipped}"),
    }
}

pub(crate) fn skipped(acquisition: Acquisition) -> Skipped {
    match acquisition {
        Acquisition::Acquired(_) => panic!("acquired"),
        Acquisition::Skipped(skipped) => skipped,
    }
}

pub(crate) async fn acquired(client: &LockClient, spec: &LockSpec) -> LockGuard {
    guard(client.try_acquire(spec).await.unwrap())
}

/// Waits for the lock of [`spec`] in a task.
pub(crate) fn waits(client: &LockClient) -> JoinHandle<Result<LockGuard, Error>> {
    let client = client.clone();
    tokio::spawn(async move { client.acquire(&spec(s(50))).await })
}

/// Lets all tasks go on as far as they can at this time.
pub(crate) async fn settle() {
    sleep(ms(1)).await;
}
