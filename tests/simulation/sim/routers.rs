//! Routers, whose clocks differ by a minute: a request writes the server's time into its documents first, and
//! goes by what stands there when it takes effect.

use std::collections::BTreeMap;

use mongo_lock_runtime::LockName;

use super::{
    api::{Renewed, Reply, Request},
    history,
    script::Sabotage,
    server::Server,
};

/// The time in each document.
#[derive(Debug, Clone, Default)]
pub(crate) struct Clocks(BTreeMap<LockName, i64>);

/// The stamps of one request.
pub(crate) type Stamps = Vec<(LockName, i64)>;

/// How far a router's clock is off.
const OFF: i64 = 30_000;

impl Clocks {
    pub(crate) fn forget(&mut self, name: &LockName) {
        self.0.remove(name);
    }

    fn reached(&self, (name, stamp): &(LockName, i64)) -> bool {
        self.0.get(name).is_some_and(|time| time >= stamp)
    }
}

impl Server {
    /// Writes the time into the documents of a request.
    pub(crate) fn stamp(&mut self, at: u64, request: &Request) -> Stamps {
        let now = self.now(at);
        let Some(clocks) = self.clocks() else {
            return Vec::new();
        };
        let names = history::names(request).into_iter();
        let stamps: Stamps = names.map(|name| (name, now)).collect();
        clocks.0.extend(stamps.iter().cloned());
        stamps
    }

    /// Whether the documents have reached these stamps: a fail-over may have undone them.
    pub(crate) fn reached(&mut self, stamps: &Stamps) -> bool {
        if self.sabotage == Sabotage::ForgetsStamps {
            return true;
        }
        let clocks = self.clocks();
        clocks.is_none_or(|clocks| stamps.iter().all(|stamp| clocks.reached(stamp)))
    }

    /// The time by which a request of `who` about one lock is decided.
    pub(crate) fn time(&mut self, at: u64, who: usize, name: &LockName) -> i64 {
        let now = self.now(at);
        let sabotage = self.sabotage;
        let Some(clocks) = self.clocks() else {
            return now;
        };
        if sabotage == Sabotage::RoutersDecide {
            return if who.is_multiple_of(2) {
                now + OFF
            } else {
                now - OFF
            };
        }
        clocks.0.get(name).copied().unwrap_or(now)
    }
}

/// The parts of a request that are decided one by one.
pub(crate) fn parts(request: &Request) -> Vec<Request> {
    match request {
        Request::Renew(leases) => {
            let leases = leases.iter();
            leases.map(|it| Request::Renew(vec![it.clone()])).collect()
        }
        Request::Confirm(places) => {
            let places = places.iter();
            places
                .map(|it| Request::Confirm(vec![it.clone()]))
                .collect()
        }
        other => vec![other.clone()],
    }
}

/// The reply to a request, of the replies to its parts.
pub(crate) fn whole(replies: Vec<Reply>) -> Reply {
    let mut replies = replies.into_iter();
    let Some(mut whole) = replies.next() else {
        return Reply::Renewed(Renewed::default());
    };
    for reply in replies {
        match (&mut whole, reply) {
            (Reply::Renewed(whole), Reply::Renewed(part)) => whole.gone.extend(part.gone),
            (Reply::Confirmed(whole), Reply::Confirmed(part)) => whole.extend(part),
            (whole, other) => *whole = other,
        }
    }
    whole
}
