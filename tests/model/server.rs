//! The steps of the server: a request arrives, is applied by the store's own state machine, and the
//! answer goes out.

use mongo_lock_runtime::simulation::{AcquireReply, Locks, Reply};

use crate::{
    account::Account,
    setup::{Setup, TICK},
    state::{Answer, CallState, Message, State},
};

impl State {
    pub(crate) fn new(setup: &Setup) -> Self {
        let calls = setup.calls.len();
        Self {
            locks: Locks::default(),
            server: 0,
            elapsed: 0,
            set_backs: 0,
            copies: 0,
            calls: vec![CallState::Idle; calls],
            requests: Vec::new(),
            left: 0,
            account: Account::new(calls),
        }
    }

    /// The server's clock, in milliseconds since 1970.
    fn now_ms(&self) -> i64 {
        const START: i64 = 1_000_000;
        START + i64::from(self.server) * i64::try_from(TICK.as_millis()).expect("a few seconds")
    }

    /// One tick of time passes.
    pub(crate) fn tick(&mut self, setup: &Setup) {
        self.server += 1;
        self.elapsed += 1;
        self.look(setup);
    }

    /// The server's clock is set back by one tick.
    pub(crate) fn set_back(&mut self, setup: &Setup) {
        self.server -= 1;
        self.set_backs += 1;
        self.account.forget_queue();
        self.look(setup);
    }

    /// Asks the store, without a change, which leases are live.
    fn look(&mut self, setup: &Setup) {
        let reply = self.locks.clone().apply(self.now_ms(), &setup.question);
        let Reply::Renewed(renewed) = reply else {
            unreachable!("a renewal is answered by its result")
        };
        let live = setup.numbers();
        let live = live.filter(|call| !renewed.gone.contains(&Setup::lease(*call)));
        self.account.live = live.fold(0, |live, call| live | 1 << call);
    }

    /// A request arrives. With `keep`, the network has a copy of it.
    pub(crate) fn deliver(&mut self, setup: &Setup, message: Message, keep: bool) {
        if keep {
            self.copies += 1;
        } else {
            self.requests.retain(|other| *other != message);
        }
        let before = self.account.live;
        let reply = self.locks.apply(self.now_ms(), &setup.request(message));
        self.locks.take_turn();
        self.look(setup);
        self.account
            .step(setup, self.server, before, message, &reply);
        self.reply(message, &reply);
    }

    /// The answer goes out, unless the client does not wait for it any more.
    fn reply(&mut self, message: Message, reply: &Reply) {
        match (message, reply) {
            (Message::Acquire { call, attempt, .. }, Reply::Acquire(reply)) => {
                if let CallState::Pending(pending) = &mut self.calls[usize::from(call)]
                    && pending.awaited == Some(attempt)
                {
                    pending.answer = Some(Answer::of(reply));
                }
            }
            (
                Message::HandOver {
                    from, to, attempt, ..
                },
                Reply::HandOver(_, reply),
            ) => {
                if let CallState::Releasing(releasing) = &mut self.calls[usize::from(from)]
                    && releasing.takes == Some((to, attempt))
                {
                    releasing.answer = Some(Answer::of(reply));
                }
            }
            (Message::Release { call, .. }, Reply::Released(_)) => {
                if let CallState::Releasing(releasing) = &mut self.calls[usize::from(call)]
                    && releasing.takes.is_none()
                {
                    releasing.answer = Some(Answer::Released);
                }
            }
            (Message::Renew { call, sent }, Reply::Renewed(renewed)) => {
                if let CallState::Held(held) = &mut self.calls[usize::from(call)]
                    && let Some((awaited, answer)) = &mut held.renewal
                    && *awaited == sent
                {
                    *answer = Some(!renewed.gone.contains(&Setup::lease(call)));
                }
            }
            (Message::Leave { .. }, Reply::Left) => {}
            (message, reply) => unreachable!("{message:?} was answered by {reply:?}"),
        }
    }
}

impl Answer {
    fn of(reply: &AcquireReply) -> Self {
        match reply {
            AcquireReply::Granted(grant) => {
                Self::Granted(grant.attempt.try_into().expect("few attempts"))
            }
            AcquireReply::Refused(_) => Self::Refused,
            AcquireReply::Queued(_) => Self::Queued,
            AcquireReply::Revoked => Self::Revoked,
        }
    }
}
