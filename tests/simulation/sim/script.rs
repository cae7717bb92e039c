//! A scenario as plain data: what the clients of a few locks do, and what goes wrong meanwhile. All
//! times are milliseconds of the simulation's clock.

/// A scenario. Running it twice gives one history.
#[derive(Debug, Clone)]
pub(crate) struct Scenario {
    pub(crate) seed: u64,
    pub(crate) profile: &'static str,
    /// The operation time limit of every client.
    pub(crate) limit: u64,
    pub(crate) clients: usize,
    /// The shortest and the longest way to the server, and back.
    pub(crate) latency: (u64, u64),
    pub(crate) calls: Vec<Call>,
    pub(crate) faults: Vec<Fault>,
    /// Whether every request comes through a router.
    pub(crate) routers: bool,
    pub(crate) sabotage: Sabotage,
}

/// A server that is broken on purpose, to see whether the oracle notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Sabotage {
    #[default]
    None,
    #[cfg_attr(not(test), expect(dead_code, reason = "for tests"))]
    ForgetsHolders,
    #[cfg_attr(not(test), expect(dead_code, reason = "for tests"))]
    IgnoresReleases,
    /// Decides by the clock of the request's router.
    RoutersDecide,
    /// Decides by a stamp, whether or not a fail-over has undone it.
    ForgetsStamps,
}

/// One call of the library, and what its caller does with the lease.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) id: usize,
    pub(crate) at: u64,
    pub(crate) client: usize,
    pub(crate) kind: Kind,
    pub(crate) terms: Terms,
    pub(crate) give_up: GiveUp,
    pub(crate) body: Body,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Try,
    /// `None`: without a limit.
    Wait(Option<u64>),
    /// As an annotated function does.
    Run(Option<u64>),
    /// So many terms of office.
    Lead(u32),
    /// The lock of the terms, and the one after it.
    Both(Option<u64>),
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Terms {
    pub(crate) name: u8,
    /// Of one call alone, so that a request tells the call for which it was sent.
    pub(crate) ttl: u64,
    pub(crate) renew: bool,
    pub(crate) max_hold: Option<u64>,
    pub(crate) min_hold: Option<u64>,
    pub(crate) shared: bool,
    pub(crate) permits: u32,
    /// Whether the body of an annotated function goes on when its lease is lost.
    pub(crate) goes_on: bool,
}

/// What becomes of the call's future before it has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GiveUp {
    Never,
    After(u64),
    /// Dropped when it has been polled so often.
    AtPoll(u32),
    /// Dropped when it is woken after so many polls.
    AtWake(u32),
    /// Polled so often, then left alone for so long, then dropped.
    Unpolled(u32, u64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Body {
    /// How long the lease is used, if it lasts.
    pub(crate) stay: u64,
    /// The pause between two steps.
    pub(crate) step: u64,
    /// When to extend the lease, and by what.
    pub(crate) extend: Option<(u64, u64)>,
    pub(crate) end: End,
    /// Whether the lock is tried again at once, and for what ttl.
    pub(crate) again: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Release,
    Drop,
    Panic,
    /// The release is polled once, and then left alone for so long.
    ReleaseUnpolled(u64),
    /// The release is dropped when it has been polled so often.
    ReleaseCancelled(u32),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// What happens to the next `count` requests of a client, sent in this time.
    Requests {
        from: u64,
        to: u64,
        client: Option<usize>,
        what: What,
        count: u32,
        fate: Fate,
    },
    /// The server does nothing, and then all of it.
    Hang {
        from: u64,
        to: u64,
    },
    /// The primary is lost, with what it alone had: `keep` thousandths of that survive.
    FailOver {
        at: u64,
        down: u64,
        keep: u32,
        clock: i64,
    },
    /// The server's clock is set.
    Clock {
        at: u64,
        by: i64,
    },
    /// No task of the client is polled.
    Pause {
        from: u64,
        to: u64,
        client: usize,
    },
    /// The client dies. Later calls are made by its successor.
    Kill {
        at: u64,
        client: usize,
    },
    Shutdown {
        at: u64,
        client: usize,
        wait: u64,
        limit: u64,
    },
    Operator {
        at: u64,
        name: u8,
        act: Act,
    },
    /// No client hears that there may be room.
    Deaf {
        from: u64,
        to: u64,
    },
}

/// The kind of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Any,
    Acquire,
    HandOver,
    Release,
    Leave,
    Renew,
    Wake,
    Confirm,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It never arrives.
    Lost,
    /// It takes effect, and no answer comes.
    Unanswered,
    /// It arrives late.
    Late(u64),
    /// The answer comes late.
    AnsweredLate(u64),
    /// It arrives again.
    Twice(u64),
    /// The connection breaks at once; it arrives so much later.
    Cut(u64),
    /// The connection breaks at once; it never arrives.
    CutLost,
    /// An error before any effect, told so much later.
    Refused(Class, u64),
    /// An error after the effect, told so much later.
    Failed(Class, u64),
}

/// What an error says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Class {
    pub(crate) transient: bool,
    /// Whether it leaves open if there was an effect.
    pub(crate) unknown: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    /// The document is deleted.
    Delete,
    /// Every lease is released by force.
    Release,
    /// The queue is emptied.
    EmptyQueue,
    /// The document is not a lock's for so long.
    Garble(u64),
}

impl Fault {
    /// When it has passed.
    pub(crate) fn over(&self) -> u64 {
        match *self {
            Self::Requests { to, .. }
            | Self::Hang { to, .. }
            | Self::Pause { to, .. }
            | Self::Deaf { to, .. } => to,
            Self::FailOver { at, down, .. } => at + down,
            Self::Clock { at, .. } | Self::Kill { at, .. } => at,
            Self::Shutdown {
                at, wait, limit, ..
            } => at + wait + limit,
            Self::Operator { at, act, .. } => match act {
                Act::Garble(time) => at + time,
                _ => at,
            },
        }
    }
}

impl What {
    pub(crate) fn covers(self, other: Self) -> bool {
        self == Self::Any || self == other
    }
}
