//! What whoever waits or shares asks for, and what the answers are, in few words.

use super::scene::{Action, Answer, Ask, Left, Refusal, Released, Slot};

#[derive(Clone, Copy)]
pub(super) struct Asks(Ask);

/// A lease of a second, for whoever waits.
pub(super) fn waits(lease: Slot, line: u8) -> Asks {
    let ask = Ask {
        lease,
        attempt: 0,
        ttl: 1000,
        shared: false,
        permits: 1,
        line: Some((line, 0)),
        released: None,
    };
    Asks(ask)
}

pub(super) fn reads(lease: Slot) -> Asks {
    let Asks(ask) = waits(lease, 0);
    Asks(Ask {
        shared: true,
        permits: u32::MAX,
        line: None,
        ..ask
    })
}

pub(super) fn permits(lease: Slot, permits: u32) -> Action {
    let Asks(ask) = waits(lease, 0);
    Action::Ask(Ask {
        permits,
        line: None,
        ..ask
    })
}

impl Asks {
    pub(super) fn since(mut self, waited: u64) -> Self {
        self.0.line = self.0.line.map(|(line, _)| (line, waited));
        self
    }

    pub(super) fn line(mut self, line: u8) -> Self {
        self.0.line = Some((line, 0));
        self
    }

    pub(super) fn permits(mut self, permits: u32) -> Self {
        self.0.permits = permits;
        self
    }

    pub(super) fn ask(self) -> Action {
        Action::Ask(self.0)
    }

    pub(super) fn instead_of(mut self, lease: Slot, min_hold: Option<u64>) -> Action {
        self.0.released = Some(Released {
            lease,
            min_hold,
            revoke: false,
        });
        Action::Ask(self.0)
    }

    /// A hand-over after which no attempt for the other lease is granted.
    pub(super) fn instead_of_revoked(mut self, lease: Slot) -> Action {
        self.0.released = Some(Released {
            lease,
            min_hold: None,
            revoke: true,
        });
        Action::Ask(self.0)
    }

    pub(super) fn attempt(mut self, attempt: u32) -> Self {
        self.0.attempt = attempt;
        self
    }
}

pub(super) fn leave(line: u8) -> Action {
    Action::Leave { name: 0, line }
}

pub(super) struct InLine(Refusal);

pub(super) fn queued(holder: Slot, since: i64, until: i64, token: i64) -> InLine {
    InLine(Refusal {
        holder: holder.owner(),
        since,
        until,
        token,
    })
}

impl InLine {
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
