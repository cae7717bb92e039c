//! One state of the model: the store, the clocks, the clients, and the requests on their way.

use mongo_lock_runtime::simulation::Locks;

use crate::account::Account;

/// The most attempts of a call.
pub(crate) const MOST_ATTEMPTS: usize = 3;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct State {
    pub(crate) locks: Locks,
    /// The server's clock, in ticks.
    pub(crate) server: i8,
    /// The ticks that have passed, which is all that a client's clock sees.
    pub(crate) elapsed: u8,
    pub(crate) set_backs: u8,
    pub(crate) copies: u8,
    pub(crate) calls: Vec<CallState>,
    /// The requests on their way, in order. A request that is lost stays here for ever; one that is
    /// late stays here while others pass.
    pub(crate) requests: Vec<Message>,
    /// The clients that have given up their place in the queue, as bits.
    pub(crate) left: u8,
    pub(crate) account: Account,
}

/// What a client knows of one of its calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum CallState {
    Idle,
    /// What `PendingLease` is.
    Pending(Pending),
    /// What `OwnedLease` is.
    Held(Held),
    /// What `ReleaseJob` is.
    Releasing(Releasing),
    Over {
        /// Whether the caller was told `Skipped`.
        skipped: bool,
    },
}

/// A lease that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Pending {
    /// When the first attempt was sent.
    pub(crate) since: u8,
    /// When each unaccounted attempt was sent, by number.
    pub(crate) unaccounted: [Option<u8>; MOST_ATTEMPTS],
    /// The number of the next attempt.
    pub(crate) next: u8,
    /// The attempt whose answer the client waits for.
    pub(crate) awaited: Option<u8>,
    /// That answer, on its way.
    pub(crate) answer: Option<Answer>,
    /// Whether the server has answered that the call is in the queue.
    pub(crate) queued: bool,
}

impl Pending {
    pub(crate) fn may_be_granted(&self) -> bool {
        self.unaccounted.iter().any(Option::is_some)
    }
}

/// A lease that was granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Held {
    /// When the holder stops relying on it.
    pub(crate) deadline: u8,
    /// Whether attempts to acquire it are unaccounted for.
    pub(crate) unaccounted: bool,
    /// The renewals that were sent.
    pub(crate) renewals: u8,
    /// When the renewal under way was sent, and its answer on its way: whether the lease is live.
    pub(crate) renewal: Option<(u8, Option<bool>)>,
    /// Whether it came from another call of the client.
    pub(crate) handed_over: bool,
}

/// A release under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Releasing {
    pub(crate) revoke: bool,
    /// Whether the caller waits to be told `Skipped`.
    pub(crate) skips: bool,
    /// Whether the grant came after the deadline.
    pub(crate) late: bool,
    pub(crate) sent: u8,
    /// The call, and its attempt, that the release takes along.
    pub(crate) takes: Option<(u8, u8)>,
    /// The answer on its way; that of a hand-over is for the call that it took along.
    pub(crate) answer: Option<Answer>,
}

/// An answer to an attempt to acquire, or to a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Answer {
    /// The lease is live, by this attempt.
    Granted(u8),
    Refused,
    Queued,
    Revoked,
    Released,
}

/// A request on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Message {
    Acquire {
        call: u8,
        attempt: u8,
        waited: u8,
    },
    HandOver {
        from: u8,
        to: u8,
        attempt: u8,
        waited: u8,
    },
    Release {
        call: u8,
        revoke: bool,
    },
    Renew {
        call: u8,
        sent: u8,
    },
    Leave {
        client: u8,
    },
}

impl Message {
    /// The attempt to acquire that the message carries.
    pub(crate) fn attempt(self) -> Option<(u8, u8)> {
        match self {
            Self::Acquire { call, attempt, .. } => Some((call, attempt)),
            Self::HandOver { to, attempt, .. } => Some((to, attempt)),
            Self::Release { .. } | Self::Renew { .. } | Self::Leave { .. } => None,
        }
    }
}

impl State {
    pub(crate) fn call(&self, call: u8) -> &CallState {
        &self.calls[usize::from(call)]
    }

    pub(crate) fn set(&mut self, call: u8, state: CallState) {
        self.calls[usize::from(call)] = state;
    }

    /// Puts a request on its way. Equal requests are one.
    pub(crate) fn send(&mut self, message: Message) {
        if let Err(at) = self.requests.binary_search(&message) {
            self.requests.insert(at, message);
        }
    }

    /// Whether the call's holder relies on its lease.
    pub(crate) fn believes(&self, call: u8) -> bool {
        matches!(self.call(call), CallState::Held(held) if held.deadline > self.elapsed)
    }
}
