//! Waiting in line: the callers of one client that wait for one lock, first come, first served.
//!
//! Only the first of them is known to the server, where the client has one place in the lock's queue;
//! the others wait here, without a command. The place counts from when that caller began to wait, by
//! the server's clock, so the order is the same as if everybody stood in one line.
//!
//! While this very client holds the lock, its line asks nobody: the release takes the first caller
//! along, and the server lets it in, or somebody elsewhere who has waited longer.

mod caller;
mod one;
mod pace;
mod waiter;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use mongodb::bson::Uuid;
use tokio::{sync::oneshot, time::Instant};

pub(crate) use self::caller::{End, Waiting};
use self::{
    caller::{Caller, give_back},
    one::Line,
    pace::Pace,
};
use crate::{
    Error, LockName, LockSpec,
    client::Inner,
    command::Failed,
    event,
    hold::Hold,
    lease::Lease,
    store::{AcquireReply, AcquireRequest, AttemptError, LeaseId, Queued, StoreError},
};

/// The lines of a client.
pub(crate) struct Lines {
    /// Whose places they are, on the server.
    id: Arc<str>,
    table: Mutex<HashMap<LockName, Line>>,
}

/// What to ask the server for the first caller of a line.
pub(crate) struct Ask {
    pub(crate) request: AcquireRequest,
    pub(crate) spec: LockSpec,
    /// Before anything was sent.
    pub(crate) sent: Instant,
    /// Whether it had to wait.
    pub(crate) again: bool,
}

/// What whoever attends to a line is to do next.
pub(crate) enum Next {
    Ask(Box<Ask>),
    /// Wait for news, at most until then.
    Wait(Option<Instant>),
    /// Give up the place on the server.
    Leave,
    /// Nobody waits any more.
    Over,
}

impl Default for Lines {
    fn default() -> Self {
        Self {
            id: Uuid::new().to_string().into(),
            table: Mutex::default(),
        }
    }
}

impl Lines {
    pub(crate) fn id(&self) -> &Arc<str> {
        &self.id
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.table().is_empty()
    }

    /// Joins the line for a lock. `None` when the client is shutting down.
    pub(crate) fn join(
        client: &Arc<Inner>,
        spec: &LockSpec,
        until: Option<Instant>,
    ) -> Option<Waiting> {
        let (sender, answer) = oneshot::channel();
        let (name, lease) = (spec.name().clone(), LeaseId::unique());
        let caller = Caller {
            spec: spec.clone(),
            lease,
            since: Instant::now(),
            until,
            maybe_granted: false,
            answer: sender,
        };
        let mut table = client.lines.table();
        // Under the lock, so that a shutdown finds everybody that it lets in.
        if !client.live.acquiring(lease, &name) {
            return None;
        }
        let mut new = None;
        let line = table.entry(name.clone()).or_insert_with(|| {
            let line = Line::default();
            new = Some(Arc::clone(&line.news));
            line
        });
        line.callers.push_back(caller);
        if line
            .wakes_at
            .zip(until)
            .is_some_and(|(at, until)| until < at)
        {
            line.news.notify_one();
        }
        drop(table);
        if let Some(news) = new {
            waiter::attend(client, name.clone(), news);
        }
        Some(Waiting {
            client: Arc::clone(client),
            name,
            lease,
            answer,
        })
    }

    /// The caller does not wait any more.
    pub(super) fn leave(&self, client: &Arc<Inner>, name: &LockName, lease: LeaseId) {
        let mut table = self.table();
        let Some(line) = table.get_mut(name) else {
            return;
        };
        let Some(at) = line.callers.iter().position(|it| it.lease == lease) else {
            return;
        };
        let caller = line.callers.remove(at);
        if at == 0 {
            line.ask_at = None;
            line.news.notify_one();
            if line.asking == Some(lease) {
                // Whoever asks for it will find it gone.
                return;
            }
        }
        drop(table);
        if let Some(caller) = caller {
            caller.gone(client);
        }
    }

    /// It is our turn, or there may be room.
    pub(crate) fn wake(&self, name: &str) {
        if let Some(line) = self.table().get_mut(name) {
            line.wake();
        }
    }

    pub(crate) fn wake_all(&self) {
        self.table().values_mut().for_each(Line::wake);
    }

    /// What to do for a line, for whoever attends to it.
    pub(crate) fn next(&self, client: &Arc<Inner>, name: &LockName) -> Next {
        let held = client.live.exclusive(name);
        let mut table = self.table();
        let Some(line) = table.get_mut(name) else {
            return Next::Over;
        };
        line.wakes_at = None;
        let now = Instant::now();
        let known = held.as_ref().map(Lease::as_skipped);
        let known = known.or_else(|| line.seen.clone());
        let late = known.map_or_else(Vec::new, |skipped| line.late(now, &skipped));
        let next = if line.callers.is_empty() && line.asking.is_none() {
            if line.placed {
                line.placed = false;
                Next::Leave
            } else {
                table.remove(name);
                Next::Over
            }
        } else {
            line.next(client, now, held.as_ref())
        };
        drop(table);
        for (caller, skipped) in late {
            caller.give_up(client, skipped);
        }
        next
    }

    /// The first caller, for a release to take along. Whoever gets it must say what came of it.
    pub(crate) fn hand_over(&self, client: &Inner, name: &LockName) -> Option<Box<Ask>> {
        let mut table = self.table();
        let line = table.get_mut(name)?;
        if line.asking.is_some() {
            return None;
        }
        line.ask(client)
    }

    /// What the server said to the first caller's request.
    pub(crate) fn replied(
        &self,
        client: &Arc<Inner>,
        name: &LockName,
        ask: &Ask,
        reply: Result<AcquireReply, AttemptError>,
    ) {
        match reply {
            Ok(AcquireReply::Granted(grant)) => {
                let spec = ask.spec.clone();
                let lease = ask.request.lease;
                let lease = Lease::new(Arc::clone(client), spec, lease, grant, ask.sent);
                self.granted(name, Hold::new(lease));
            }
            Ok(AcquireReply::Queued(queued)) => self.queued(client, name, ask, queued),
            Ok(AcquireReply::Refused(_) | AcquireReply::Revoked) => {
                let cause = StoreError::Other("it was refused a place in line".into());
                self.fail(client, name, Failed::Because(cause), Some(ask));
            }
            Err(failure) => self.failed(client, name, ask, failure),
        }
    }

    pub(crate) fn granted(&self, name: &LockName, hold: Hold) {
        let mut table = self.table();
        let mut caller = None;
        if let Some(line) = table.get_mut(name) {
            line.asked();
            line.placed = false;
            line.pace = Pace::default();
            if line.callers.front().map(|it| it.lease) == Some(hold.id()) {
                caller = line.callers.pop_front();
            }
            // Others may share the lock with it. Where nobody can, nothing happens before its end.
            let ends = hold.runs_until();
            let oversleeps = line.wakes_at.zip(ends).is_none_or(|(at, end)| at > end);
            if line.callers.is_empty() || !hold.spec().is_exclusive() || oversleeps {
                line.news.notify_one();
            }
        }
        drop(table);
        // If nobody wants it any more, it is released here.
        if let Some(caller) = caller {
            drop(caller.answer.send(Ok(End::Granted(hold))));
        }
    }

    fn queued(&self, client: &Arc<Inner>, name: &LockName, ask: &Ask, queued: Queued) {
        let open = client.turns.watch(client);
        let mut table = self.table();
        let Some(line) = table.get_mut(name) else {
            return;
        };
        let woken = line.woken;
        line.asked();
        line.placed = true;
        line.pace.trouble = None;
        let first = line.callers.front().map(|it| it.lease);
        let gone = first != Some(ask.request.lease);
        if !gone && !woken {
            line.ask_at = Some(line.pace.next(&queued, open));
        }
        if line.seen.is_none() {
            event::waiting(&client.owner, &queued.skipped, queued.ahead);
        }
        line.seen = Some(queued.skipped);
        line.news.notify_one();
        drop(table);
        if gone {
            client.live.over(ask.request.lease, true);
        }
    }

    fn failed(&self, client: &Arc<Inner>, name: &LockName, ask: &Ask, failure: AttemptError) {
        self.not_handed_over(client, name, ask, failure.effect_unknown);
        let mut table = self.table();
        let Some(line) = table.get_mut(name) else {
            return;
        };
        let since = *line.pace.trouble.get_or_insert(ask.sent);
        line.ask_at = Some(Instant::now() + line.pace.pause());
        drop(table);
        if failure.is_transient() && since.elapsed() < client.operation_timeout {
            event::retrying(name, "acquire", &failure.cause);
        } else {
            self.fail(client, name, Failed::Because(failure.cause), None);
        }
    }

    /// The request for the first caller has failed: it is to be repeated.
    pub(crate) fn not_handed_over(
        &self,
        client: &Arc<Inner>,
        name: &LockName,
        ask: &Ask,
        effect_unknown: bool,
    ) {
        let lease = ask.request.lease;
        let mut table = self.table();
        let Some(line) = table.get_mut(name) else {
            return;
        };
        line.asked();
        // The client may have a place now.
        line.placed = true;
        line.news.notify_one();
        match line.callers.front_mut() {
            Some(first) if first.lease == lease => {
                first.maybe_granted |= effect_unknown;
                return;
            }
            _ => drop(table),
        }
        if effect_unknown {
            give_back(client, name, lease, ask.spec.ttl());
        } else {
            client.live.over(lease, true);
        }
    }

    /// Everybody in the line gets the error, which `asked` for the first caller ended with.
    pub(crate) fn fail(
        &self,
        client: &Arc<Inner>,
        name: &LockName,
        failed: Failed,
        asked: Option<&Ask>,
    ) {
        let mut table = self.table();
        let Some(line) = table.get_mut(name) else {
            return;
        };
        let mut callers = std::mem::take(&mut line.callers);
        let mut gone = None;
        if let Some(ask) = asked {
            line.asked();
            match callers.front_mut() {
                Some(first) if first.lease == ask.request.lease => first.maybe_granted = true,
                _ => gone = Some(ask),
            }
        }
        line.placed = true;
        line.news.notify_one();
        drop(table);
        if let Some(ask) = gone {
            give_back(client, name, ask.request.lease, ask.spec.ttl());
        }
        let mut next = Some(failed);
        for caller in callers {
            let failed = next.take().unwrap_or(Failed::Late);
            next = Some(failed.again());
            caller.end(client, Err(client.error(name, "acquire", failed)));
        }
    }

    /// Nobody gets a lock any more.
    pub(crate) fn close(&self, client: &Arc<Inner>) {
        let lines: Vec<_> = self
            .table()
            .iter_mut()
            .map(|(name, line)| {
                line.news.notify_one();
                (name.clone(), std::mem::take(&mut line.callers), line.asking)
            })
            .collect();
        for (name, callers, asking) in lines {
            for caller in callers {
                let lock = name.to_string();
                let error = Err(Error::ShutDown { lock });
                if asking == Some(caller.lease) {
                    // Whoever asks for it will find it gone.
                    drop(caller.answer.send(error));
                } else {
                    caller.end(client, error);
                }
            }
        }
    }

    /// Nobody attends to it any more: the client's runtime is gone.
    pub(crate) fn abandon(&self, client: &Inner, name: &LockName) {
        let line = self.table().remove(name);
        for caller in line.into_iter().flat_map(|line| line.callers) {
            client.live.over(caller.lease, false);
        }
    }

    fn table(&self) -> MutexGuard<'_, HashMap<LockName, Line>> {
        // Nothing in a critical section panics.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
