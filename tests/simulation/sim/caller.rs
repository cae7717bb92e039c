//! Who makes a call, and what it does with the lease.

use std::{
    ops::ControlFlow,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

use tokio::time::{Duration, sleep};

use super::{
    api::{self, Client, Got, Guards, LeaseHandle, millis},
    futures::{Guarded, given_up, poll_times},
    script::{Body, Call, End, GiveUp, Kind, Terms},
    world::World,
};

/// What is added to a call's number for the one that follows it at once.
const AGAIN: usize = 1000;

/// How long a body goes on that is not stopped when its lease is lost, at least.
const GOES_ON: u64 = 50;

#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) world: Arc<World>,
    pub(crate) who: usize,
    pub(crate) client: Client,
}

impl Caller {
    pub(crate) async fn make(self, call: Call) {
        self.one(&call).await;
        if call.body.again {
            let again = Call {
                id: call.id + AGAIN,
                kind: Kind::Try,
                terms: Terms {
                    ttl: call.terms.ttl + 1,
                    ..call.terms
                },
                give_up: GiveUp::Never,
                body: Body {
                    stay: 10,
                    extend: None,
                    end: End::Release,
                    again: false,
                    ..call.body
                },
                ..call
            };
            self.one(&again).await;
        }
    }

    async fn one(&self, call: &Call) {
        let id = call.id;
        self.world.tell(|state, at, _| {
            let (kind, name) = (call.kind, api::name(call.terms.name));
            let label = state.oracle.label(self.who).to_owned();
            state.note(
                at,
                format_args!("{label} makes call {id}: {kind:?} `{name}`"),
            );
            state
                .oracle
                .call_started(at, id, self.who, kind, call.terms);
        });
        match call.kind {
            Kind::Try | Kind::Wait(_) | Kind::Both(_) => self.guarded(call).await,
            Kind::Run(wait) => self.run(call, wait).await,
            Kind::Lead(terms) => self.lead(call, terms).await,
        }
    }

    async fn guarded(&self, call: &Call) {
        let (id, client) = (call.id, self.client.clone());
        let acquire = api::acquire(client, call.kind, call.terms);
        let got = given_up(&self.world, id, call.give_up, acquire).await;
        let Some(guards) = self.told(id, got) else {
            return;
        };
        let leases = guards.leases();
        let holds = self.world.tell(|state, at, _| {
            state.note(at, format_args!("call {id} holds its lock"));
            state.oracle.holding(at, id);
            let leases = leases.iter().cloned();
            let holds = leases.map(|lease| state.oracle.hold_started(at, id, lease));
            holds.collect::<Vec<_>>()
        });
        let work = Work {
            world: &self.world,
            id,
            holds: &holds,
            leases: &leases,
            asks: true,
        };
        work.go(&call.body).await;
        self.end(id, &holds, guards, call.body.end).await;
    }

    async fn end(&self, id: usize, holds: &[usize], guards: Guards, end: End) {
        self.world.tell(|state, at, _| {
            state.note(at, format_args!("call {id} lets go: {end:?}"));
            for hold in holds {
                state.oracle.hold_ended(at, *hold);
            }
        });
        let over = || self.world.tell(|state, at, _| state.oracle.over(at, id));
        let guards_count = holds.len() as u64;
        match end {
            End::Release => {
                self.world
                    .tell(|state, at, _| state.oracle.releasing(at, id, guards_count));
                let released = guards.release().await;
                self.world.tell(|state, at, _| {
                    state.note(at, format_args!("call {id} has released: {released:?}"));
                });
                over();
            }
            End::Drop => {
                over();
                drop(guards);
            }
            End::Panic => {
                over();
                let panics = AssertUnwindSafe(move || {
                    let _guards = guards;
                    resume_unwind(Box::new(()));
                });
                drop(catch_unwind(panics));
            }
            End::ReleaseUnpolled(time) => {
                let mut release = Box::pin(guards.release());
                drop(poll_times(&mut release, 1).await);
                if guards_count == 1 {
                    over();
                } else {
                    // One is released after the other.
                    self.world
                        .tell(|state, _, _| state.oracle.left_unpolled(id));
                }
                sleep(Duration::from_millis(time)).await;
                drop(release);
                over();
            }
            End::ReleaseCancelled(polls) => {
                over();
                let mut release = Box::pin(guards.release());
                poll_times(&mut release, polls).await;
            }
        }
    }

    /// Tells the oracle how a call has ended, unless it has a lease.
    fn told<T>(&self, id: usize, got: Option<Got<T>>) -> Option<T> {
        self.world.tell(|state, at, now| match got {
            None => {
                state.note(at, format_args!("call {id} is cancelled"));
                state.oracle.cancelled(at, id);
                None
            }
            Some(Got::Skipped(named)) => {
                state.note(at, format_args!("call {id} is skipped: {named:?}"));
                state.oracle.skipped(at, now, id, &named);
                None
            }
            Some(Got::Failed(failure)) => {
                state.note(at, format_args!("call {id} fails: {failure:?}"));
                state.oracle.failed(at, id, &failure);
                None
            }
            Some(Got::Held(value)) => Some(value),
        })
    }

    async fn run(&self, call: &Call, wait: Option<u64>) {
        let id = call.id;
        let finished = Arc::new(AtomicBool::new(false));
        let (world, body, done) = (Arc::clone(&self.world), call.body, Arc::clone(&finished));
        let goes_on = call.terms.goes_on;
        let work = async move {
            let office = Office::begin(&world, id, api::current(), false);
            office.work(&body, goes_on).await;
            if goes_on {
                // Without a step, which it may take only under its lease.
                sleep(Duration::from_millis(GOES_ON)).await;
            }
            if body.end == End::Panic {
                resume_unwind(Box::new(()));
            }
            done.store(true, Ordering::Relaxed);
        };
        let run = api::run(self.client.clone(), wait, call.terms, Box::pin(work));
        let got = given_up(&self.world, id, call.give_up, Guarded::new(run)).await;
        let panicked = matches!(got, Some(None));
        let got = got.flatten();
        let given = matches!(got, Some(Got::Held(())));
        let finished = finished.load(Ordering::Relaxed);
        if got.is_some() {
            self.world
                .tell(|state, at, _| state.oracle.result(at, id, finished, given));
        }
        if panicked {
            self.world.note(format_args!("call {id} has panicked"));
        }
        if self.told(id, got).is_some() {
            self.world.tell(|state, at, _| {
                state.note(at, format_args!("call {id} has its result"));
                state.oracle.over(at, id);
            });
        }
    }

    async fn lead(&self, call: &Call, terms: u32) {
        let (id, body) = (call.id, call.body);
        let served = Arc::new(AtomicU32::new(0));
        let world = Arc::clone(&self.world);
        let task = move |lease: LeaseHandle| -> api::Boxed<ControlFlow<()>> {
            let (world, served) = (Arc::clone(&world), Arc::clone(&served));
            Box::pin(async move {
                let office = Office::begin(&world, id, lease, true);
                office.work(&body, false).await;
                if served.fetch_add(1, Ordering::Relaxed) + 1 >= terms {
                    return ControlFlow::Break(());
                }
                ControlFlow::Continue(())
            })
        };
        let lead = api::lead(self.client.clone(), call.terms, task);
        let got = given_up(&self.world, id, call.give_up, lead).await;
        if self.told(id, got).is_some() {
            self.world.tell(|state, at, _| {
                state.note(at, format_args!("call {id} has led"));
                state.oracle.over(at, id);
            });
        }
    }
}

/// A body under its lease, until it has finished or is dropped.
struct Office<'a> {
    world: &'a World,
    id: usize,
    hold: usize,
    lease: LeaseHandle,
    /// Whether its call may begin another.
    leads: bool,
}

impl<'a> Office<'a> {
    fn begin(world: &'a World, id: usize, lease: LeaseHandle, leads: bool) -> Self {
        let hold = world.tell(|state, at, _| {
            state.note(at, format_args!("the body of call {id} begins"));
            state.oracle.holding(at, id);
            state.oracle.hold_started(at, id, lease.clone())
        });
        Self {
            world,
            id,
            hold,
            lease,
            leads,
        }
    }

    async fn work(&self, body: &Body, asks: bool) {
        let work = Work {
            world: self.world,
            id: self.id,
            holds: &[self.hold],
            leases: std::slice::from_ref(&self.lease),
            asks,
        };
        work.go(body).await;
    }
}

impl Drop for Office<'_> {
    fn drop(&mut self) {
        self.world.tell(|state, at, _| {
            state.note(at, format_args!("the body of call {} ends", self.id));
            state.oracle.hold_ended(at, self.hold);
            if self.leads {
                state.oracle.acquiring(at, self.id);
            } else {
                state.oracle.releasing(at, self.id, 1);
            }
        });
    }
}

struct Work<'a> {
    world: &'a World,
    id: usize,
    holds: &'a [usize],
    leases: &'a [LeaseHandle],
    /// Whether the lease is asked before each step; else the library has to see to it.
    asks: bool,
}

impl Work<'_> {
    /// Takes steps, the last of them just before the lease ends.
    async fn go(&self, body: &Body) {
        let begun = self.world.at();
        let mut extend = body.extend;
        self.step();
        loop {
            let stayed = self.world.at() - begun;
            if stayed >= body.stay {
                return;
            }
            let left = self.leases.iter().map(|lease| millis(lease.time_left()));
            let left = left.min().unwrap_or(0);
            let mut pause = body.step.min(body.stay - stayed);
            if left > 1 {
                pause = pause.min(left - 1);
            }
            sleep(Duration::from_millis(pause.max(1))).await;
            if self.asks && self.leases.iter().any(|lease| lease.check().is_err()) {
                return self
                    .world
                    .note(format_args!("call {} has lost its lease", self.id));
            }
            self.step();
            if let Some((after, ttl)) = extend
                && stayed >= after
            {
                extend = None;
                self.world
                    .tell(|state, at, _| state.oracle.extending(at, self.id));
                let extended = api::extend(&self.leases[0], ttl).await;
                self.world.tell(|state, at, _| {
                    state.note(
                        at,
                        format_args!("call {} has extended: {extended:?}", self.id),
                    );
                    state.oracle.holding(at, self.id);
                });
            }
        }
    }

    fn step(&self) {
        self.world.tell(|state, at, _| {
            for hold in self.holds {
                state.oracle.step(at, *hold);
            }
        });
    }
}
