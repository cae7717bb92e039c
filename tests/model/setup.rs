//! What one run of the checker explores: the calls that the clients make, and the bounds.

use std::{sync::Arc, time::Duration};

use mongo_lock_runtime::{
    LockName,
    simulation::{AcquireRequest, LeaseId, Mode, ReleaseRequest, Renewal, Request, Ticket},
};

use crate::state::Message;

/// The unit of time. A waiter's entry in the queue lives for two of them, as a lease does.
pub(crate) const TICK: Duration = Duration::from_millis(2500);

/// The ttl of every lease, in ticks.
pub(crate) const TTL: u8 = 2;

/// One acquisition that a client may make. Its lease is released before the call is over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call {
    pub(crate) client: u8,
    pub(crate) mode: Mode,
    pub(crate) permits: u32,
    /// Whether the call waits in the queue when it is refused.
    pub(crate) waits: bool,
}

impl Call {
    pub(crate) const fn exclusive(client: u8) -> Self {
        Self::permits(client, 1)
    }

    pub(crate) const fn permits(client: u8, permits: u32) -> Self {
        Self {
            client,
            mode: Mode::Exclusive,
            permits,
            waits: false,
        }
    }

    pub(crate) const fn reader(client: u8) -> Self {
        Self {
            mode: Mode::Shared,
            ..Self::permits(client, u32::MAX)
        }
    }

    pub(crate) const fn waits(self) -> Self {
        Self {
            waits: true,
            ..self
        }
    }
}

/// The calls, and how much may happen.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    pub(crate) calls: Vec<Call>,
    pub(crate) bounds: Bounds,
    name: LockName,
    /// By client: the owner, and the id of the entry in the queue.
    clients: Vec<Arc<str>>,
    /// A question for the live leases: a renewal that prolongs none.
    pub(crate) question: Request,
}

/// How much may happen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// The ticks of time.
    pub(crate) ticks: u8,
    /// The attempts of each call.
    pub(crate) attempts: u8,
    /// The sendings of each release.
    pub(crate) releases: u8,
    /// The renewals of each lease.
    pub(crate) renewals: u8,
    /// The requests that the network delivers twice.
    pub(crate) copies: u8,
    /// The clients that give up their place in the queue.
    pub(crate) leaves: u32,
    /// The times that the server's clock is set back, by one tick each.
    pub(crate) set_backs: u8,
}

impl Bounds {
    /// One attempt of each call, and time for a lease to end.
    pub(crate) const LEAST: Self = Self {
        ticks: 2,
        attempts: 1,
        releases: 1,
        renewals: 0,
        copies: 0,
        leaves: 0,
        set_backs: 0,
    };
}

impl Setup {
    pub(crate) fn new(calls: &[Call], bounds: Bounds) -> Self {
        let clients = calls.iter().map(|call| call.client).max().unwrap_or(0);
        let clients = (0..=clients).map(|client| format!("client {client}").into());
        let mut setup = Self {
            calls: calls.to_vec(),
            bounds,
            name: LockName::new("lock").expect("a good name"),
            clients: clients.collect(),
            question: Request::Renew(Vec::new()),
        };
        let leases = setup.numbers();
        let question = leases.map(|call| setup.renewal(call, Duration::ZERO));
        setup.question = Request::Renew(question.collect());
        setup
    }

    /// The terms of a call, as the compatibility of leases knows them.
    pub(crate) fn terms(&self, call: u8) -> (Mode, u32) {
        let Call { mode, permits, .. } = self.call(call);
        (mode, permits)
    }

    pub(crate) fn call(&self, call: u8) -> Call {
        self.calls[usize::from(call)]
    }

    /// Whether a call of a client may wait while another of the client holds the lock.
    pub(crate) fn has_hand_over(&self) -> bool {
        let mut waiting = self.calls.iter().filter(|call| call.waits);
        waiting.any(|call| {
            let mut others = self.calls.iter();
            others.any(|other| other.client == call.client && !std::ptr::eq(call, other))
        })
    }

    /// The numbers of the calls.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = u8> + use<> {
        0..u8::try_from(self.calls.len()).expect("few calls")
    }

    /// The request that a message carries.
    pub(crate) fn request(&self, message: Message) -> Request {
        let name = self.name.clone();
        match message {
            Message::Acquire {
                call,
                attempt,
                waited,
            } => Request::Acquire(self.acquisition(call, attempt, waited)),
            Message::HandOver {
                from,
                to,
                attempt,
                waited,
            } => Request::HandOver(
                self.release(from, false),
                self.acquisition(to, attempt, waited),
            ),
            Message::Release { call, revoke } => Request::Release(self.release(call, revoke)),
            Message::Renew { call, .. } => {
                Request::Renew(vec![self.renewal(call, TICK * u32::from(TTL))])
            }
            Message::Leave { client } => Request::Leave {
                name,
                queue_id: Arc::clone(&self.clients[usize::from(client)]),
            },
        }
    }

    pub(crate) fn lease(call: u8) -> LeaseId {
        LeaseId::from_u128(u128::from(call))
    }

    fn acquisition(&self, number: u8, attempt: u8, waited: u8) -> AcquireRequest {
        let call = self.call(number);
        let client = &self.clients[usize::from(call.client)];
        AcquireRequest {
            name: self.name.clone(),
            lease: Self::lease(number),
            attempt: attempt.into(),
            owner: Arc::clone(client),
            ttl: TICK * u32::from(TTL),
            mode: call.mode,
            permits: call.permits,
            ticket: call.waits.then(|| Ticket {
                queue_id: Arc::clone(client),
                waited: TICK * u32::from(waited),
            }),
            share: None,
        }
    }

    fn release(&self, call: u8, revoke: bool) -> ReleaseRequest {
        ReleaseRequest {
            name: self.name.clone(),
            lease: Self::lease(call),
            min_hold: None,
            contended: false,
            revoke,
        }
    }

    fn renewal(&self, call: u8, ttl: Duration) -> Renewal {
        Renewal {
            name: self.name.clone(),
            lease: Self::lease(call),
            ttl,
            alone: false,
        }
    }
}

/// Whether leases on these terms may be live at once: all are of one mode, and either they are shared,
/// or they are no more than the permits of each of them.
pub(crate) fn compatible(terms: &[(Mode, u32)]) -> bool {
    let Some((mode, _)) = terms.first() else {
        return true;
    };
    terms.iter().all(|(other, permits)| {
        other == mode && (*mode == Mode::Shared || terms.len() <= *permits as usize)
    })
}
