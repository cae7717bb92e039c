//! The holders that the readers of a client share.
//!
//! A document with a thousand holders makes each step dear, and the readers of one client need only one: the
//! first of them makes it, others join it, and the last to leave releases it. To join prolongs the holder, so
//! that it lasts for each reader as long as one of its own would, and gives the reader a fencing token of its
//! own. The server lets a reader join only where it would grant a lease: no client is in the queue.
//!
//! Readers share a holder when their ttl is equal, so that it outlives a dead client by no more than that. A
//! reader with a `min_hold`, which outlasts its release, has a holder of its own.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{name::LockName, spec::LockSpec, store::LeaseId};

/// The holders that readers of one client share.
#[derive(Default)]
pub(super) struct Readers(Mutex<State>);

#[derive(Default)]
struct State {
    /// The holders that further readers may join.
    open: HashMap<Terms, LeaseId>,
    members: HashMap<LeaseId, Members>,
}

/// The readers of one holder.
#[derive(Default)]
struct Members {
    granted: usize,
    /// Those that ask to join.
    asking: usize,
}

/// What a reader leaves behind in the holder that it shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    /// No reader: the holder is to be released.
    Last,
    /// Readers that have the lock.
    Others,
    /// Readers that ask to join, and no other.
    Asking,
}

/// What readers that share a holder have in common.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Terms {
    name: LockName,
    ttl: Duration,
}

/// One reader's part in a holder. To be given up with [`leave`](Self::leave).
#[must_use = "the holder stays until its last member has left"]
pub(super) struct Membership {
    readers: Arc<Readers>,
    terms: Terms,
    holder: LeaseId,
    granted: bool,
}

impl Readers {
    /// Counts a reader that is to ask to join a holder, if there is one that it may join.
    pub(super) fn join(self: &Arc<Self>, spec: &LockSpec) -> Option<Membership> {
        let terms = Terms::of(spec)?;
        let mut state = self.state();
        let holder = *state.open.get(&terms)?;
        state.members.entry(holder).or_default().asking += 1;
        drop(state);
        Some(self.membership(terms, holder, false))
    }

    /// Lets others join the holder of a lease that was granted, if they may.
    pub(super) fn begin(self: &Arc<Self>, spec: &LockSpec, lease: LeaseId) -> Option<Membership> {
        let terms = Terms::of(spec)?;
        let mut state = self.state();
        state.open.insert(terms.clone(), lease);
        state.members.entry(lease).or_default().granted += 1;
        drop(state);
        Some(self.membership(terms, lease, true))
    }

    fn membership(self: &Arc<Self>, terms: Terms, holder: LeaseId, granted: bool) -> Membership {
        Membership {
            readers: Arc::clone(self),
            terms,
            holder,
            granted,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code in a critical section panics.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Membership {
    pub(super) fn holder(&self) -> LeaseId {
        self.holder
    }

    /// Lets no other reader join: the server has refused one.
    pub(super) fn close(&self) {
        self.readers.state().close(&self.terms, self.holder);
    }

    /// Takes note that the server has let the reader join.
    pub(super) fn granted(mut self) -> Self {
        let mut state = self.readers.state();
        if !self.granted
            && let Some(members) = state.members.get_mut(&self.holder)
        {
            members.asking -= 1;
            members.granted += 1;
        }
        drop(state);
        self.granted = true;
        self
    }

    /// Gives the holder up. After the last reader, no other joins.
    pub(super) fn leave(self) -> Left {
        let mut state = self.readers.state();
        let Some(members) = state.members.get_mut(&self.holder) else {
            return Left::Last;
        };
        if self.granted {
            members.granted -= 1;
        } else {
            members.asking -= 1;
        }
        let left = match members {
            Members { granted: 1.., .. } => Left::Others,
            Members { asking: 1.., .. } => Left::Asking,
            _ => Left::Last,
        };
        if left == Left::Last {
            state.members.remove(&self.holder);
            state.close(&self.terms, self.holder);
        }
        left
    }
}

impl State {
    fn close(&mut self, terms: &Terms, holder: LeaseId) {
        if self.open.get(terms) == Some(&holder) {
            self.open.remove(terms);
        }
    }
}

impl Terms {
    /// `None` for a lease that shares no holder.
    fn of(spec: &LockSpec) -> Option<Self> {
        let shares = spec.shared() && spec.min_hold().is_none();
        shares.then(|| Self {
            name: spec.name().clone(),
            ttl: spec.ttl(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(ttl: u64) -> LockSpec {
        let spec = LockSpec::builder("a", Duration::from_secs(ttl)).shared(true);
        spec.build().unwrap()
    }

    const ONE: u128 = 1;

    #[test]
    fn the_last_reader_releases_the_holder() {
        let readers = Arc::new(Readers::default());
        assert!(readers.join(&reader(1)).is_none(), "there is no holder");
        let first = readers.begin(&reader(1), LeaseId::from_u128(ONE)).unwrap();
        assert!(readers.join(&reader(2)).is_none(), "another ttl");
        let second = readers.join(&reader(1)).unwrap();
        assert_eq!(second.holder(), LeaseId::from_u128(ONE));
        assert_eq!(first.leave(), Left::Asking);
        let second = second.granted();
        let third = readers.join(&reader(1)).unwrap();
        let third = third.granted();
        assert_eq!(second.leave(), Left::Others);
        assert_eq!(third.leave(), Left::Last);
        assert!(readers.join(&reader(1)).is_none(), "it is released");
        let state = readers.state();
        assert!(state.open.is_empty() && state.members.is_empty());
    }

    #[test]
    fn no_reader_joins_a_holder_of_which_the_server_has_refused_one() {
        let readers = Arc::new(Readers::default());
        let first = readers.begin(&reader(1), LeaseId::from_u128(ONE)).unwrap();
        let refused = readers.join(&reader(1)).unwrap();
        refused.close();
        assert!(readers.join(&reader(1)).is_none());
        let second = readers.begin(&reader(1), LeaseId::from_u128(2)).unwrap();
        assert_eq!(refused.leave(), Left::Others);
        let own = first.leave();
        assert_eq!(own, Left::Last, "each holder has its own last reader");
        let third = readers.join(&reader(1)).unwrap();
        assert_eq!(third.holder(), LeaseId::from_u128(2));
        assert_eq!(third.leave(), Left::Others);
        assert_eq!(second.leave(), Left::Last);
    }

    #[test]
    fn others_share_no_holder() {
        let spec = || LockSpec::builder("a", Duration::from_secs(9));
        let readers = Arc::new(Readers::default());
        for spec in [
            spec(),
            spec().permits(3),
            spec().shared(true).min_hold(Duration::from_secs(2)),
        ] {
            let spec = spec.build().unwrap();
            assert!(readers.begin(&spec, LeaseId::from_u128(ONE)).is_none());
            assert!(readers.join(&spec).is_none());
        }
    }
}
