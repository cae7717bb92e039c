//! All locks of a store, as a pure state machine.

#![cfg_attr(
    not(feature = "__simulation"),
    allow(
        unreachable_pub,
        reason = "the feature `__simulation` exports these items"
    )
)]

use std::{collections::BTreeMap, sync::Arc};

use super::{
    super::protocol::{
        AcquireReply, AcquireRequest, ReleaseRequest, Renewal, Renewed, Reply, Request, Standing,
    },
    document::Document,
};
use crate::name::LockName;

/// The state of all locks. Each request is one step, at a time that is given; equal states give equal
/// replies.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Locks {
    documents: BTreeMap<LockName, Document>,
    /// The waiters for which the last step has made room.
    turn: Vec<Arc<str>>,
}

impl Locks {
    /// Applies a request at `now_ms` milliseconds after 1970.
    pub fn apply(&mut self, now_ms: i64, request: &Request) -> Reply {
        self.turn.clear();
        match request {
            Request::Acquire(request) => Reply::Acquire(self.acquire(now_ms, request)),
            Request::HandOver(release, request) => {
                let (there, reply) = self.hand_over(now_ms, release, request);
                Reply::HandOver(there, reply)
            }
            Request::Leave { name, queue_id } => {
                if let Some(document) = self.documents.get_mut(name) {
                    self.turn = document.leave(now_ms, queue_id);
                }
                Reply::Left
            }
            Request::Release(request) => Reply::Released(self.release(now_ms, request)),
            Request::Renew(leases) => Reply::Renewed(self.renew(now_ms, leases)),
            Request::Confirm(places) => {
                let confirmed = places.iter().map(|place| {
                    let document = self.documents.get_mut(&place.name);
                    document.map_or(Standing::Ask, |it| it.confirm(now_ms, place))
                });
                Reply::Confirmed(confirmed.collect())
            }
            // Wake-ups are no part of the locks.
            Request::Wake(_) => Reply::Woken,
        }
    }

    /// The queue ids of the waiters for which the last step has made room. The client whose step it was
    /// wakes them.
    pub fn take_turn(&mut self) -> Vec<Arc<str>> {
        std::mem::take(&mut self.turn)
    }

    /// Deletes a document, as an operator does by hand. Says whether the document was there.
    #[cfg(any(test, feature = "__simulation"))]
    pub fn delete(&mut self, name: &LockName) -> bool {
        self.documents.remove(name).is_some()
    }

    fn acquire(&mut self, now: i64, request: &AcquireRequest) -> AcquireReply {
        let document = self.documents.entry(request.name.clone()).or_default();
        if let Some(grant) = document.join(now, request) {
            return AcquireReply::Granted(grant);
        }
        let (reply, turn) = document.acquire(now, request);
        self.turn = turn;
        reply
    }

    fn hand_over(
        &mut self,
        now: i64,
        release: &ReleaseRequest,
        request: &AcquireRequest,
    ) -> (bool, AcquireReply) {
        let document = self.documents.entry(request.name.clone()).or_default();
        let there = document.has(release.lease);
        let (reply, turn) = document.step(now, Some(release), request);
        self.turn = turn;
        (there, reply)
    }

    fn release(&mut self, now: i64, request: &ReleaseRequest) -> bool {
        let document = if request.revoke {
            // A revocation makes a document where there is none.
            self.documents.entry(request.name.clone()).or_default()
        } else if let Some(document) = self.documents.get_mut(&request.name) {
            document
        } else {
            return false;
        };
        let (there, turn) = document.release(now, request);
        self.turn = turn;
        there
    }

    fn renew(&mut self, now: i64, leases: &[Renewal]) -> Renewed {
        let mut renewed = Renewed::default();
        for renewal in leases {
            let document = self.documents.get_mut(&renewal.name);
            if !document.is_some_and(|document| document.renew(now, renewal)) {
                renewed.gone.insert(renewal.lease);
            }
        }
        renewed
    }
}
