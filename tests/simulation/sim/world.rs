//! What all clients share: the server, the oracle, the history, and what goes wrong.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use fastrand::Rng;
use mongo_lock_runtime::LockName;
use tokio::{
    sync::{Notify, broadcast},
    time::{Instant, sleep_until},
};

use super::{
    api::{self, Answered, AttemptError, Reply, Request, Wakeup, millis},
    history,
    oracle::{Oracle, Rules},
    routers::{self, Stamps},
    script::{Act, Class, Fate, Fault, Scenario, What},
    server::Server,
};

pub(crate) struct World {
    start: Instant,
    state: Mutex<State>,
    /// Woken when a promise is broken.
    pub(crate) broken: Notify,
}

pub(crate) struct State {
    pub(crate) server: Server,
    pub(crate) oracle: Oracle,
    rng: Rng,
    latency: (u64, u64),
    /// With how many requests each has met.
    faults: Vec<(Fault, u32)>,
    garbled: Vec<(LockName, u64)>,
    requests: u32,
    /// One for each client: which of several receivers of one sender is woken first is random.
    wakeups: Vec<broadcast::Sender<Wakeup>>,
    /// `None`: not recorded.
    pub(crate) history: Option<Vec<String>>,
}

/// What came of a request at the server.
pub(crate) struct Effect {
    pub(crate) result: Result<Answered, AttemptError>,
    /// The primary on which it took effect.
    epoch: u32,
    /// What a majority must have before the answer is given.
    sequence: Option<u64>,
}

const GONE: Class = Class {
    transient: true,
    unknown: true,
};

const NO_PRIMARY: Class = Class {
    transient: true,
    unknown: false,
};

impl World {
    pub(crate) fn new(scenario: &Scenario, rules: Rules, record: bool) -> Arc<Self> {
        let fails_over = |fault: &Fault| matches!(fault, Fault::FailOver { .. });
        let faults = scenario.faults.iter();
        Arc::new(Self {
            start: Instant::now(),
            broken: Notify::new(),
            state: Mutex::new(State {
                server: Server::new(scenario.faults.iter().any(fails_over), scenario),
                oracle: Oracle::new(scenario, rules),
                rng: Rng::with_seed(scenario.seed),
                latency: scenario.latency,
                faults: faults.map(|fault| (*fault, 0)).collect(),
                garbled: Vec::new(),
                requests: 0,
                wakeups: Vec::new(),
                history: record.then(Vec::new),
            }),
        })
    }

    pub(crate) fn at(&self) -> u64 {
        millis(self.start.elapsed())
    }

    pub(crate) async fn until(&self, at: u64) {
        sleep_until(self.start + Duration::from_millis(at)).await;
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the oracle look, and stops the simulation at the first broken promise.
    pub(crate) fn tell<T>(&self, f: impl FnOnce(&mut State, u64, i64) -> T) -> T {
        let at = self.at();
        let mut state = self.state();
        let now = state.server.now(at);
        let told = f(&mut state, at, now);
        if state.oracle.violation.is_some() {
            self.broken.notify_one();
        }
        told
    }

    pub(crate) fn note(&self, text: impl fmt::Display) {
        self.state().note(self.at(), text);
    }

    pub(crate) fn wakeups(&self, who: usize) -> broadcast::Receiver<Wakeup> {
        let mut state = self.state();
        while state.wakeups.len() <= who {
            state.wakeups.push(broadcast::Sender::new(16));
        }
        state.wakeups[who].subscribe()
    }

    pub(crate) fn wake_waiters(&self, wakeup: &Wakeup) {
        let at = self.at();
        let deaf = |(fault, _): &(Fault, u32)| matches!(fault, Fault::Deaf { from, to } if (*from..*to).contains(&at));
        let mut state = self.state();
        if state.faults.iter().any(deaf) || state.wakeups.is_empty() {
            return;
        }
        // Any of them may be the first to hear.
        let count = state.wakeups.len();
        let first = state.rng.usize(..count);
        let (later, sooner) = state.wakeups.split_at(first);
        for listener in sooner.iter().chain(later) {
            drop(listener.send(wakeup.clone()));
        }
    }

    /// When the server will do something, if it does nothing at present.
    pub(crate) fn hangs_until(&self) -> Option<u64> {
        let at = self.at();
        let state = self.state();
        let mut faults = state.faults.iter();
        faults.find_map(|(fault, _)| match *fault {
            Fault::Hang { from, to } if (from..to).contains(&at) => Some(to),
            _ => None,
        })
    }

    /// A request has arrived.
    pub(crate) fn apply(
        &self,
        who: usize,
        number: u32,
        sent: u64,
        request: &Request,
        stamps: &Stamps,
    ) -> Effect {
        self.tell(|state, at, now| {
            let failed = |class| Effect {
                result: Err(class),
                epoch: 0,
                sequence: None,
            };
            if at < state.server.down_until {
                state.note(at, format_args!("request {number} finds no primary"));
                return failed(api::error(NO_PRIMARY));
            }
            if let Request::Acquire(acquire) | Request::HandOver(_, acquire) = request
                && state
                    .garbled
                    .iter()
                    .any(|(name, until)| *name == acquire.name && at < *until)
            {
                state.note(at, format_args!("request {number} finds another document"));
                return failed(api::foreign());
            }
            if !state.server.reached(stamps) {
                state.note(at, format_args!("request {number} finds its stamp gone"));
                return failed(api::error(NO_PRIMARY));
            }
            state.oracle.keeps_min_hold(at, request);
            let (reply, turn) = self.decide(state, at, who, sent, request);
            let sequence = state.server.written(&state.oracle.mirror);
            let majority = matches!(
                reply,
                Reply::Acquire(_) | Reply::HandOver(..) | Reply::Renewed(_)
            );
            if state.history.is_some() {
                let text = history::effect(&reply, &state.oracle);
                state.note(
                    at,
                    format_args!("request {number} takes effect at {now}: {text}"),
                );
            }
            Effect {
                result: Ok((reply, turn)),
                epoch: state.server.epoch,
                sequence: majority.then_some(sequence),
            }
        })
    }

    /// Applies a request: each part of it by the time of its document.
    fn decide(
        &self,
        state: &mut State,
        at: u64,
        who: usize,
        sent: u64,
        request: &Request,
    ) -> (Reply, Vec<Arc<str>>) {
        let parts = if state.server.clocks().is_some() {
            routers::parts(request)
        } else {
            vec![request.clone()]
        };
        let (mut replies, mut turns) = (Vec::new(), Vec::new());
        let (mut unmoved, mut left) = (false, Vec::new());
        for part in parts {
            let names = history::names(&part);
            let name = names.first();
            let now = match name {
                Some(name) => state.server.time(at, who, name),
                None => state.server.now(at),
            };
            let lag = u64::try_from(state.server.now(at) - now).unwrap_or(0);
            state.oracle.decided = at.saturating_sub(lag);
            unmoved |= state.oracle.unmoved(now, &part);
            let (reply, turn) = state.server.apply(now, &part);
            state.oracle.applied(at, now, who, sent, &part, &reply);
            left.extend(state.oracle.left(now, &part));
            replies.push(reply);
            turns.extend(turn);
        }
        let mut reply = routers::whole(replies);
        if let Reply::Renewed(renewed) = &mut reply
            && unmoved
        {
            api::report_left(renewed, self.start + Duration::from_millis(sent), left);
        }
        (reply, turns)
    }

    /// Behind routers, a request writes the time first, and takes effect after another way.
    pub(crate) fn stamp(&self, request: &Request) -> Option<(Stamps, u64)> {
        self.tell(|state, at, _| {
            if at < state.server.down_until {
                return None;
            }
            let stamps = state.server.stamp(at, request);
            if stamps.is_empty() {
                return None;
            }
            state.server.written(&state.oracle.mirror);
            let (shortest, longest) = state.latency;
            let way = state.rng.u64(2 * shortest..=2 * longest);
            Some((stamps, way))
        })
    }

    /// What the server answers, some time after the effect.
    pub(crate) fn answer(&self, effect: Effect) -> Result<Answered, AttemptError> {
        let mut state = self.state();
        if effect.result.is_ok() && effect.epoch != state.server.epoch {
            return Err(api::error(GONE));
        }
        if let Some(sequence) = effect.sequence {
            state.server.replicated(sequence);
        }
        effect.result
    }

    pub(crate) fn fail_over(&self, down: u64, keep: u32, clock: i64) {
        self.tell(|state, at, _| {
            state.server.down_until = at + down;
            if let Some(mirror) = state.server.fail_over(keep) {
                state.oracle.rolled_back(at, mirror);
                state.note(at, "fail-over: some of what only the primary had is lost");
            } else {
                state.note(at, "fail-over: nothing is lost");
            }
            state.server.set_clock(clock);
            state.oracle.clock_set(at, clock);
        });
    }

    pub(crate) fn set_clock(&self, by: i64) {
        self.tell(|state, at, _| {
            state.server.set_clock(by);
            state.oracle.clock_set(at, by);
            state.note(at, format_args!("the server's clock is set by {by}"));
        });
    }

    pub(crate) fn operate(&self, number: u8, act: Act) {
        let name = api::name(number);
        self.tell(|state, at, now| {
            state.note(at, format_args!("an operator, to `{name}`: {act:?}"));
            let document = state.oracle.mirror.document(&name).clone();
            match act {
                Act::Delete | Act::Garble(_) => {
                    state.server.delete(&name);
                    state.oracle.mirror.documents.remove(&name);
                    state.oracle.wiped(at, now, &name, document.token);
                    for lease in &document.leases {
                        state.oracle.taken_away(lease.id);
                    }
                    if let Act::Garble(time) = act {
                        state.garbled.push((name.clone(), at + time));
                    }
                }
                Act::Release => {
                    for lease in document.leases.iter().filter(|it| !it.released) {
                        let request = api::forced_release(&name, lease.id);
                        let (reply, _) = state.server.apply(now, &request);
                        state
                            .oracle
                            .applied(at, now, lease.who, at, &request, &reply);
                        state.oracle.taken_away(lease.id);
                    }
                }
                Act::EmptyQueue => {
                    for place in &document.places {
                        let request = Request::Leave {
                            name: name.clone(),
                            queue_id: Arc::clone(&place.client),
                        };
                        let (reply, _) = state.server.apply(now, &request);
                        state
                            .oracle
                            .applied(at, now, place.who, at, &request, &reply);
                    }
                }
            }
            let sequence = state.server.written(&state.oracle.mirror);
            state.server.replicated(sequence);
        });
        // An operator wakes no waiter.
    }
}

impl State {
    pub(crate) fn note(&mut self, at: u64, text: impl fmt::Display) {
        if let Some(history) = &mut self.history {
            history.push(format!("{at:>6}  {text}"));
        }
    }

    /// The number of a request that is about to be sent, what becomes of it, and the times that it and
    /// its answer take.
    pub(crate) fn send(
        &mut self,
        at: u64,
        slot: usize,
        what: What,
    ) -> (u32, Option<Fate>, (u64, u64)) {
        self.requests += 1;
        let (shortest, longest) = self.latency;
        let times = (
            self.rng.u64(shortest..=longest),
            self.rng.u64(shortest..=longest),
        );
        let mut faults = self.faults.iter_mut();
        let fate = faults.find_map(|(fault, met)| match *fault {
            Fault::Requests {
                from,
                to,
                client,
                what: which,
                count,
                fate,
            } if (from..to).contains(&at)
                && client.is_none_or(|client| client == slot)
                && which.covers(what)
                && *met < count =>
            {
                *met += 1;
                Some(fate)
            }
            _ => None,
        });
        (self.requests, fate, times)
    }
}
