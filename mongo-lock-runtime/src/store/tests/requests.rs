//! Requests that wait or share a lock, and the answers to them, in few words.

use super::fixture::{Action, Answer, Left, Refusal, Released, Slot, Terms};

#[derive(Clone, Copy)]
pub(super) struct RequestBuilder(Terms);

/// A request for a lease of a second, which waits in the queue.
pub(super) fn waits(lease: Slot, client: u8) -> RequestBuilder {
    let terms = Terms {
        lease,
        attempt: 0,
        ttl: 1000,
        shared: false,
        permits: 1,
        client: Some((client, 0)),
        released: None,
        share: None,
    };
    RequestBuilder(terms)
}

pub(super) fn reads(lease: Slot) -> RequestBuilder {
    let RequestBuilder(terms) = waits(lease, 0);
    RequestBuilder(Terms {
        shared: true,
        permits: u32::MAX,
        client: None,
        ..terms
    })
}

pub(super) fn permits(lease: Slot, permits: u32) -> Action {
    let RequestBuilder(terms) = waits(lease, 0);
    Action::General(Terms {
        permits,
        client: None,
        ..terms
    })
}

impl RequestBuilder {
    pub(super) fn since(mut self, waited: u64) -> Self {
        self.0.client = self.0.client.map(|(client, _)| (client, waited));
        self
    }

    pub(super) fn client(mut self, client: u8) -> Self {
        self.0.client = Some((client, 0));
        self
    }

    pub(super) fn permits(mut self, permits: u32) -> Self {
        self.0.permits = permits;
        self
    }

    pub(super) fn request(self) -> Action {
        Action::General(self.0)
    }

    pub(super) fn instead_of(mut self, lease: Slot, min_hold: Option<u64>) -> Action {
        self.0.released = Some(Released {
            lease,
            min_hold,
            revoke: false,
        });
        Action::General(self.0)
    }

    /// A hand-over after which no attempt for the other lease is granted.
    pub(super) fn instead_of_revoked(mut self, lease: Slot) -> Action {
        self.0.released = Some(Released {
            lease,
            min_hold: None,
            revoke: true,
        });
        Action::General(self.0)
    }

    /// The lease shares the holder of this one, if it can.
    pub(super) fn sharing(mut self, lease: Slot) -> Action {
        self.0.share = Some(lease);
        Action::General(self.0)
    }

    pub(super) fn attempt(mut self, attempt: u32) -> Self {
        self.0.attempt = attempt;
        self
    }
}

pub(super) fn leave(client: u8) -> Action {
    Action::Leave { name: 0, client }
}

pub(super) struct QueuedAnswer(Refusal);

pub(super) fn queued(holder: Slot, since: i64, until: i64, token: i64) -> QueuedAnswer {
    QueuedAnswer(Refusal {
        holder: holder.owner(),
        since,
        until,
        token,
    })
}

impl QueuedAnswer {
    pub(super) fn at(self, ahead: usize, seen_at: i64, look_at: i64) -> Answer {
        Answer::Queued {
            refusal: self.0,
            ahead,
            seen_at,
            look_at,
        }
    }
}

pub(super) fn handed(there: bool, answer: Answer) -> Answer {
    Answer::HandedOver(there, Box::new(answer))
}

pub(super) fn none_gone() -> Answer {
    Answer::Renewed {
        gone: [].into(),
        left: Left::default(),
    }
}

pub(super) fn gone_alone(lease: Slot) -> Answer {
    Answer::Renewed {
        gone: [lease].into(),
        left: Left::default(),
    }
}
