//! One line: who waits for one lock, and what is to be done for the first of them.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use tokio::{sync::Notify, time::Instant};

use super::{Ask, Next, caller::Caller, pace::Pace};
use crate::{
    Skipped,
    client::Inner,
    lease::Lease,
    store::{AcquireRequest, LeaseId, Ticket},
};

#[derive(Default)]
pub(super) struct Line {
    pub(super) callers: VecDeque<Caller>,
    /// Wakes whoever attends to the line.
    pub(super) news: Arc<Notify>,
    /// When that wakes anyway; `None` while it is awake.
    pub(super) wakes_at: Option<Instant>,
    /// For whom the server is being asked: the first caller, or one that has left meanwhile.
    pub(super) asking: Option<LeaseId>,
    /// WakeupStream came meanwhile, which may be younger than the answer.
    pub(super) woken: bool,
    /// Not to ask before, unless there are news.
    pub(super) ask_at: Option<Instant>,
    /// The client may have a place in the queue on the server.
    pub(super) placed: bool,
    /// Who had the lock when the server was last asked.
    pub(super) seen: Option<Skipped>,
    pub(super) pace: Pace,
}

impl Line {
    pub(super) fn wake(&mut self) {
        self.woken = self.asking.is_some();
        self.ask_at = None;
        self.news.notify_one();
    }

    /// The request is answered.
    pub(super) fn asked(&mut self) {
        self.asking = None;
        self.woken = false;
        self.ask_at = None;
    }

    pub(super) fn next(&mut self, client: &Inner, now: Instant, held: Option<&Lease>) -> Next {
        let callers = self.callers.iter();
        let callers = callers.filter(|it| self.asking != Some(it.lease));
        // Who is late already is still here only while nobody knows yet what to tell it.
        let limits = callers.filter_map(|it| it.until).filter(|it| *it > now);
        let first_late = limits.min();
        let earlier = |at: Option<Instant>| match (at, first_late) {
            (Some(at), Some(late)) => Some(at.min(late)),
            (at, late) => at.or(late),
        };
        let wait = if self.asking.is_some() || client.live.closed() {
            first_late
        } else if let Some(held) = held {
            // Its release comes for us; at its deadline, we must ask ourselves.
            earlier(held.runs_until())
        } else if let Some(at) = self.ask_at.filter(|at| *at > now) {
            earlier(Some(at))
        } else {
            return self.ask(client).map_or(Next::Wait(None), Next::Ask);
        };
        self.wakes_at = wait.or_else(|| Some(now + FAR));
        Next::Wait(wait)
    }

    pub(super) fn ask(&mut self, client: &Inner) -> Option<Box<Ask>> {
        let caller = self.callers.front()?;
        let sent = Instant::now();
        let request = AcquireRequest {
            name: caller.spec.name().clone(),
            lease: caller.lease,
            attempt: 0,
            owner: Arc::clone(&client.owner),
            ttl: caller.spec.ttl(),
            mode: caller.spec.mode(),
            permits: caller.spec.permits(),
            ticket: Some(Ticket {
                queue_id: Arc::clone(client.lines.id()),
                waited: sent.duration_since(caller.since),
            }),
        };
        self.asking = Some(caller.lease);
        Some(Box::new(Ask {
            request,
            spec: caller.spec.clone(),
            sent,
            again: self.placed,
        }))
    }

    /// Those who have waited long enough, and what they hear. Not one for whom the server is being
    /// asked: it may have the lock at any moment.
    pub(super) fn late(&mut self, now: Instant, skipped: &Skipped) -> Vec<(Caller, Skipped)> {
        let mut late = Vec::new();
        for at in (0..self.callers.len()).rev() {
            let caller = &self.callers[at];
            let over = caller.until.is_some_and(|until| until <= now);
            if over
                && self.asking != Some(caller.lease)
                && let Some(caller) = self.callers.remove(at)
            {
                late.push((caller, skipped.clone()));
                if at == 0 {
                    self.ask_at = None;
                }
            }
        }
        late
    }
}

const FAR: Duration = Duration::from_secs(60 * 60 * 24);
