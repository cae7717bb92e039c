//! The way of each request to the server and back, and what goes wrong on it.

use std::{future::pending, sync::Arc};

use tokio::{
    sync::{broadcast, oneshot},
    time::{Duration, sleep},
};

use super::{
    api::{self, Answered, AttemptError, Boxed, Network, Request, Wakeup},
    history,
    routers::Stamps,
    script::{Class, Fate},
    world::World,
};

/// The network as one client sees it.
pub(crate) struct Wire {
    pub(crate) world: Arc<World>,
    pub(crate) who: usize,
    pub(crate) slot: usize,
}

impl Network for Wire {
    fn call(&self, request: Request) -> Boxed<Result<Answered, AttemptError>> {
        let (sender, answer) = oneshot::channel();
        let (journey, fate) = self.world.tell(|state, at, _| {
            let (number, fate, (there, back)) = state.send(at, self.slot, history::what(&request));
            state.oracle.sent(at, self.who, &request, fate.is_some());
            if state.history.is_some() {
                let text = history::request(&request, &state.oracle);
                let fate = fate.map_or_else(String::new, |fate| format!(" [{fate:?}]"));
                let who = state.oracle.label(self.who).to_owned();
                state.note(
                    at,
                    format_args!("{who} sends request {number}: {text}{fate}"),
                );
            }
            let journey = Journey {
                world: Arc::clone(&self.world),
                who: self.who,
                number,
                sent: at,
                there,
                back,
                request,
            };
            (journey, fate)
        });
        tokio::spawn(journey.go(fate, sender));
        Box::pin(async move {
            match answer.await {
                Ok(result) => result,
                // No answer ever comes.
                Err(_) => pending().await,
            }
        })
    }

    fn wakeups(&self) -> broadcast::Receiver<Wakeup> {
        self.world.wakeups(self.who)
    }
}

type Sender = oneshot::Sender<Result<Answered, AttemptError>>;

/// A request on its way.
struct Journey {
    world: Arc<World>,
    who: usize,
    number: u32,
    sent: u64,
    there: u64,
    back: u64,
    request: Request,
}

const BROKEN: Class = Class {
    transient: true,
    unknown: true,
};

impl Journey {
    async fn go(mut self, fate: Option<Fate>, answer: Sender) {
        match fate {
            None => self.arrive(answer).await,
            Some(Fate::Lost) => {}
            Some(Fate::Unanswered) => drop(self.take_effect().await),
            Some(Fate::Late(by)) => {
                self.there += by;
                self.arrive(answer).await;
            }
            Some(Fate::AnsweredLate(by)) => {
                self.back += by;
                self.arrive(answer).await;
            }
            // Below the client, so that it has no answer before both have arrived.
            Some(Fate::Twice(later)) if self.acquires() => {
                drop(self.take_effect().await);
                self.there = later;
                let effect = self.take_effect().await;
                pause(self.back).await;
                // An error of the second leaves the effect of the first open.
                let result = self.world.answer(effect).map_err(|_| api::error(BROKEN));
                self.tell(result, answer);
            }
            Some(Fate::Twice(later)) => {
                let again = Self {
                    world: Arc::clone(&self.world),
                    request: self.request.clone(),
                    there: self.there + later,
                    ..self
                };
                tokio::spawn(async move { drop(again.take_effect().await) });
                self.arrive(answer).await;
            }
            Some(Fate::Cut(later)) => {
                pause(self.there).await;
                self.tell(Err(api::error(BROKEN)), answer);
                pause(later).await;
                self.there = 0;
                drop(self.take_effect().await);
            }
            Some(Fate::CutLost) => {
                pause(self.there).await;
                self.tell(Err(api::error(BROKEN)), answer);
            }
            Some(Fate::Refused(class, later)) => {
                pause(self.there + self.back + later).await;
                self.tell(Err(api::error(class)), answer);
            }
            Some(Fate::Failed(class, later)) => {
                drop(self.take_effect().await);
                pause(self.back + later).await;
                self.tell(Err(api::error(class)), answer);
            }
        }
    }

    fn acquires(&self) -> bool {
        matches!(self.request, Request::Acquire(_) | Request::HandOver(..))
    }

    async fn arrive(self, answer: Sender) {
        let effect = self.take_effect().await;
        pause(self.back).await;
        while let Some(until) = self.world.hangs_until() {
            self.world.until(until + 1).await;
        }
        let result = self.world.answer(effect);
        self.tell(result, answer);
    }

    async fn take_effect(&self) -> super::world::Effect {
        pause(self.there).await;
        while let Some(until) = self.world.hangs_until() {
            self.world.until(until + 1).await;
        }
        let mut stamps = Stamps::new();
        if let Some((made, way)) = self.world.stamp(&self.request) {
            stamps = made;
            pause(way).await;
            while let Some(until) = self.world.hangs_until() {
                self.world.until(until + 1).await;
            }
        }
        let effect = self
            .world
            .apply(self.who, self.number, self.sent, &self.request, &stamps);
        if let Request::Wake(wakeup) = &self.request
            && effect.result.is_ok()
        {
            let (world, wakeup, later) = (Arc::clone(&self.world), wakeup.clone(), self.back);
            tokio::spawn(async move {
                pause(later).await;
                world.wake_waiters(&wakeup);
            });
        }
        effect
    }

    fn tell(&self, result: Result<Answered, AttemptError>, answer: Sender) {
        self.world.tell(|state, at, _| {
            let number = self.number;
            match &result {
                Ok(_) => state.note(at, format_args!("the answer to request {number} arrives")),
                Err(error) => {
                    let names = history::names(&self.request);
                    state
                        .oracle
                        .error_told(at, self.who, names, error.is_transient());
                    if state.history.is_some() {
                        let text = history::error(error);
                        state.note(at, format_args!("request {number} fails: {text}"));
                    }
                }
            }
        });
        drop(answer.send(result));
    }
}

async fn pause(millis: u64) {
    if millis > 0 {
        sleep(Duration::from_millis(millis)).await;
    }
}
