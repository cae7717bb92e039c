//! The account that the model keeps of the store's replies, in the words of the promises. It holds
//! what a property needs of the past, and finds the faults of single steps.

use mongo_lock_runtime::simulation::{AcquireReply, Mode, Reply};

use crate::{
    setup::{Setup, TTL, compatible},
    state::Message,
};

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Account {
    /// The leases that the store says are live, as bits by call.
    pub(crate) live: u8,
    /// By call: the token of its lease, until the server has released it.
    pub(crate) tokens: Vec<i64>,
    /// The last token given out.
    last_token: i64,
    /// By call: when its lease is to have ended, on the server's clock.
    ends: Vec<i8>,
    /// By call: its place in the queue.
    queue: Vec<Option<Place>>,
    /// The calls with an attempt that the server refused because the id is revoked, as bits.
    pub(crate) stragglers: u8,
    /// The faults so far, as bits.
    faults: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Place {
    since: i8,
    until: i8,
}

/// What must not happen in a step of the server.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// A token that is not larger than all before it, or a lease with two tokens.
    Token,
    /// A lease vanished, and was not the one that the request releases.
    Vanished,
    /// A refusal although neither a lease nor a waiter stood against the request.
    Refusal,
    /// A grant although a lease, or a waiter with a longer claim, stood against the request.
    Overtaking,
}

const NEVER: i8 = i8::MIN;

impl Account {
    pub(crate) fn new(calls: usize) -> Self {
        Self {
            live: 0,
            tokens: vec![0; calls],
            last_token: 0,
            ends: vec![NEVER; calls],
            queue: vec![None; calls],
            stragglers: 0,
            faults: 0,
        }
    }

    pub(crate) fn is_live(&self, call: u8) -> bool {
        self.live & 1 << call != 0
    }

    pub(crate) fn has(&self, fault: Fault) -> bool {
        self.faults & 1 << fault as u8 != 0
    }

    fn note(&mut self, fault: Fault, happened: bool) {
        self.faults |= u8::from(happened) << fault as u8;
    }

    /// Drops the order of the waiters: a clock that was set back changes it.
    pub(crate) fn forget_queue(&mut self) {
        self.queue.fill(None);
    }

    /// The server has answered a request at `now`, before which `before` were live.
    pub(crate) fn step(
        &mut self,
        setup: &Setup,
        now: i8,
        before: u8,
        message: Message,
        reply: &Reply,
    ) {
        let released = match message {
            Message::Release { call, .. } | Message::HandOver { from: call, .. } => Some(call),
            _ => None,
        };
        let others = released.map_or(before, |call| before & !(1 << call));
        self.note(Fault::Vanished, others & !self.live != 0);
        if let Some(call) = released {
            self.ends[usize::from(call)] = NEVER;
            self.tokens[usize::from(call)] = 0;
        }
        match (message, reply) {
            (Message::Acquire { call, waited, .. }, Reply::Acquire(reply))
            | (
                Message::HandOver {
                    to: call, waited, ..
                },
                Reply::HandOver(_, reply),
            ) => {
                self.acquired(setup, now, before, (call, waited), reply);
            }
            (Message::Release { call, revoke: true }, _) => self.queue[usize::from(call)] = None,
            (Message::Renew { call, .. }, Reply::Renewed(renewed)) if renewed.gone.is_empty() => {
                let ends = &mut self.ends[usize::from(call)];
                *ends = (*ends).max(now + TTL.cast_signed());
            }
            (Message::Leave { client }, _) => self.leave(setup, client),
            _ => {}
        }
    }

    fn leave(&mut self, setup: &Setup, client: u8) {
        for (call, place) in setup.calls.iter().zip(&mut self.queue) {
            place.take_if(|_| call.client == client);
        }
    }

    fn acquired(
        &mut self,
        setup: &Setup,
        now: i8,
        before: u8,
        (call, waited): (u8, u8),
        reply: &AcquireReply,
    ) {
        let at = usize::from(call);
        if matches!(reply, AcquireReply::Revoked) {
            self.stragglers |= 1 << call;
            return;
        }
        // Here the store looks at the leases and at the queue. After a step of its clock back, no
        // claim is longer than it can be at this time.
        for ends in &mut self.ends {
            *ends = (*ends).min(now + TTL.cast_signed());
        }
        for place in &mut self.queue {
            place.take_if(|place| place.until <= now);
        }
        let place = self.queue[at];
        let since = place.map_or(now - waited.cast_signed(), |place| place.since);
        if setup.call(call).waits {
            self.leave(setup, setup.call(call).client);
        }
        match reply {
            AcquireReply::Granted(grant) => {
                if before & 1 << call == 0 {
                    self.note(Fault::Token, grant.token <= self.last_token);
                    let against = self.against(setup, now, call, since, false);
                    self.note(Fault::Overtaking, !compatible(&against));
                    self.ends[at] = now + TTL.cast_signed();
                } else {
                    self.note(Fault::Token, grant.token != self.tokens[at]);
                }
                self.tokens[at] = grant.token;
                self.last_token = self.last_token.max(grant.token);
            }
            AcquireReply::Refused(_) | AcquireReply::Queued(_) => {
                self.note(
                    Fault::Refusal,
                    compatible(&self.against(setup, now, call, since, true)),
                );
                if matches!(reply, AcquireReply::Queued(_)) {
                    let until = now + TTL.cast_signed();
                    self.queue[at] = Some(Place { since, until });
                }
            }
            AcquireReply::Revoked => {}
        }
    }

    /// The terms of the call and of all that stand against it: other leases, and waiters ahead. A
    /// refusal may be due to a waiter that came in the same tick, or to a lease that is not to have
    /// ended; a grant is held to what is surely there.
    fn against(
        &self,
        setup: &Setup,
        now: i8,
        call: u8,
        since: i8,
        refused: bool,
    ) -> Vec<(Mode, u32)> {
        let waits = setup.call(call).waits;
        let others = setup.numbers().filter(|other| {
            let at = usize::from(*other);
            let held = if refused {
                self.ends[at] > now
            } else {
                self.is_live(*other)
            };
            let ahead = self.queue[at].is_some_and(|place| {
                !waits || place.since < since || refused && place.since == since
            });
            *other != call && (held || ahead)
        });
        let others = others.map(|other| setup.terms(other));
        std::iter::once(setup.terms(call)).chain(others).collect()
    }
}
