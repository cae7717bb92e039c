//! Runs a scenario: starts clients, has calls made and faults happen at their times, and waits for what
//! comes of it.

use std::{sync::Arc, time::Duration};

use tokio::{
    runtime::Builder,
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{
    api::{self, Client, Process, Settings, seed},
    caller::Caller,
    network::Wire,
    oracle::{Rules, Violation},
    process::{Gate, Gated},
    script::{Call, Fault, Scenario},
    world::World,
};

/// What came of a scenario.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    pub(crate) violation: Option<Violation>,
    /// Empty unless it was asked for.
    pub(crate) history: Vec<String>,
}

/// The longest that callers are waited for, in virtual time.
const PATIENCE: Duration = Duration::from_secs(200);
/// How often the oracle looks.
const LOOK: Duration = Duration::from_millis(250);

pub(crate) fn run(scenario: &Scenario, rules: &Rules, record: bool) -> Outcome {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without I/O needs nothing");
    seed(scenario.seed);
    runtime.block_on(async {
        let world = World::new(scenario, rules.clone(), record);
        let mut stage = Stage {
            world: Arc::clone(&world),
            limit: scenario.limit,
            peers: (0..scenario.clients).map(|_| None).collect(),
            all: Vec::new(),
            callers: JoinSet::new(),
        };
        tokio::select! {
            biased;
            () = world.broken.notified() => {}
            () = stage.play(scenario) => {}
        }
        stage.all.iter().for_each(|gate| gate.kill());
        let mut end = world.state();
        let outcome = Outcome {
            violation: end.oracle.violation.clone(),
            history: end.history.take().unwrap_or_default(),
        };
        let leases = end.oracle.let_go();
        drop(end);
        drop(leases);
        outcome
    })
}

struct Stage {
    world: Arc<World>,
    limit: u64,
    peers: Vec<Option<Peer>>,
    /// Of all clients that there were.
    all: Vec<Arc<Gate>>,
    callers: JoinSet<()>,
}

#[derive(Clone)]
struct Peer {
    who: usize,
    client: Client,
    gate: Arc<Gate>,
}

/// What happens at one time.
enum Event<'a> {
    Call(&'a Call),
    Fault(&'a Fault),
    Resume(usize),
}

impl Stage {
    async fn play(&mut self, scenario: &Scenario) {
        let looks = Arc::clone(&self.world);
        let looking = tokio::spawn(async move {
            loop {
                sleep(LOOK).await;
                looks.tell(|state, at, now| state.oracle.look(at, now));
            }
        });
        for (at, event) in timeline(scenario) {
            self.world.until(at).await;
            match event {
                Event::Call(call) => self.call(call),
                Event::Fault(fault) => self.fault(fault),
                Event::Resume(slot) => {
                    if let Some(peer) = &self.peers[slot]
                        && peer.gate.is_paused()
                    {
                        peer.gate.resume();
                        self.paused_or_not(&peer.clone());
                    }
                }
            }
        }
        let callers = async { while self.callers.join_next().await.is_some() {} };
        drop(timeout(PATIENCE, callers).await);
        let over = scenario.faults.iter().map(Fault::over).max().unwrap_or(0);
        self.world.until(over).await;
        // The oracle's own bound, and its next look.
        sleep(Duration::from_millis(scenario.limit + 3500) + 2 * LOOK).await;
        looking.abort();
        if self.all.iter().any(|gate| gate.panicked()) {
            self.world.tell(|state, at, _| state.oracle.panicked(at));
        }
    }

    fn peer(&mut self, slot: usize) -> Peer {
        if let Some(peer) = &self.peers[slot]
            && !peer.gate.is_dead()
        {
            return peer.clone();
        }
        let gate = Arc::new(Gate::default());
        self.all.push(Arc::clone(&gate));
        let label = format!("client-{slot}.{}", self.all.len());
        let who = self
            .world
            .tell(|state, _, _| state.oracle.client_started(slot, label.clone()));
        let client = api::client(Settings {
            owner: label,
            operation_timeout: Duration::from_millis(self.limit),
            network: Arc::new(Wire {
                world: Arc::clone(&self.world),
                who,
                slot,
            }),
            process: Arc::new(Gated(Arc::clone(&gate))),
        });
        let peer = Peer { who, client, gate };
        self.peers[slot] = Some(peer.clone());
        peer
    }

    fn call(&mut self, call: &Call) {
        let peer = self.peer(call.client);
        let caller = Caller {
            world: Arc::clone(&self.world),
            who: peer.who,
            client: peer.client,
        };
        let task = Gated(peer.gate).wrap(Box::pin(caller.make(call.clone())));
        self.callers.spawn(task);
    }

    fn fault(&mut self, fault: &Fault) {
        match *fault {
            Fault::Requests { .. } | Fault::Deaf { .. } => {}
            Fault::Hang { to, .. } => self.world.note(format_args!("the server hangs until {to}")),
            Fault::FailOver {
                down, keep, clock, ..
            } => self.world.fail_over(down, keep, clock),
            Fault::Clock { by, .. } => self.world.set_clock(by),
            Fault::Pause { client, to, .. } => {
                self.world
                    .note(format_args!("client {client} is paused until {to}"));
                let peer = self.peer(client);
                peer.gate.pause();
                self.paused_or_not(&peer);
            }
            Fault::Kill { client, .. } => {
                self.world.note(format_args!("client {client} is killed"));
                let peer = self.peer(client);
                peer.gate.kill();
                self.world
                    .tell(|state, _, _| state.oracle.client_died(peer.who));
            }
            Fault::Shutdown {
                client,
                wait,
                limit,
                ..
            } => self.shutdown(client, wait, limit),
            Fault::Operator { name, act, .. } => self.world.operate(name, act),
        }
    }

    fn paused_or_not(&self, peer: &Peer) {
        let paused = peer.gate.is_paused();
        self.world
            .tell(|state, at, _| state.oracle.client_paused(at, peer.who, paused));
    }

    fn shutdown(&mut self, slot: usize, wait: u64, limit: u64) {
        let (peer, world) = (self.peer(slot), Arc::clone(&self.world));
        let (who, client) = (peer.who, peer.client);
        let begun = world.at();
        world.note(format_args!(
            "client {slot} shuts down, with {wait} ms for bodies"
        ));
        let task = async move {
            let clean = api::shutdown(client, wait, limit).await;
            world.tell(|state, at, now| {
                state.note(
                    at,
                    format_args!("client {slot} has shut down; clean: {clean}"),
                );
                state.oracle.shut_down(at, now, who, clean);
                state.oracle.shut_down_in_time(at, who, begun, wait + limit);
                let times = (begun, wait + limit);
                state.oracle.shut_down_is_done((at, now), who, times, clean);
            });
        };
        self.callers.spawn(Gated(peer.gate).wrap(Box::pin(task)));
    }
}

fn timeline(scenario: &Scenario) -> Vec<(u64, Event<'_>)> {
    let calls = scenario.calls.iter();
    let mut events: Vec<_> = calls.map(|call| (call.at, Event::Call(call))).collect();
    for fault in &scenario.faults {
        let at = match *fault {
            Fault::Requests { from, .. } | Fault::Hang { from, .. } | Fault::Deaf { from, .. } => {
                from
            }
            Fault::Pause { from, to, client } => {
                events.push((to, Event::Resume(client)));
                from
            }
            Fault::FailOver { at, .. }
            | Fault::Clock { at, .. }
            | Fault::Kill { at, .. }
            | Fault::Shutdown { at, .. }
            | Fault::Operator { at, .. } => at,
        };
        events.push((at, Event::Fault(fault)));
    }
    events.sort_by_key(|(at, _)| *at);
    events
}
