//! The steps that are possible in a state, in the words of the model checker.

use mongo_lock_runtime::simulation::Mode;
use stateright::{Model, Property};

use crate::{
    properties,
    setup::{Call, Setup},
    state::{CallState, Message, State},
};

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    Tick,
    /// The server's clock is set back.
    SetBack,
    /// A client sends the first or the next attempt of a call.
    Attempt(u8),
    /// The caller is gone before the call is answered.
    Drop(u8),
    /// The caller's time to wait is over.
    Skip(u8),
    Renew(u8),
    Release(u8),
    /// A release that takes another call of the client along.
    HandOver(u8, u8),
    /// A release whose answer was lost is sent again.
    ReleaseAgain(u8),
    /// A client without waiting calls gives up its place in the queue.
    Leave(u8),
    Deliver(Message),
    /// The network delivers a request, and keeps a copy.
    DeliverCopy(Message),
    /// An answer arrives.
    Receive(u8),
}

impl Model for Setup {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State::new(self)]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        for message in &state.requests {
            steps.push(Step::Deliver(*message));
            if state.copies < self.bounds.copies {
                steps.push(Step::DeliverCopy(*message));
            }
        }
        for call in self.numbers() {
            self.steps_of(state, call, steps);
        }
        if state.elapsed < self.bounds.ticks {
            steps.push(Step::Tick);
        }
        if state.set_backs < self.bounds.set_backs {
            steps.push(Step::SetBack);
        }
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let mut state = last.clone();
        match step {
            Step::Tick => state.tick(self),
            Step::SetBack => state.set_back(self),
            Step::Attempt(call) => state.attempt(call, self.call(call).waits),
            Step::Deliver(message) => state.deliver(self, message, false),
            Step::DeliverCopy(message) => state.deliver(self, message, true),
            Step::Receive(call) => state.receive(call),
            Step::HandOver(from, to) => state.hand_over(from, to),
            Step::Leave(client) => {
                state.left |= 1 << client;
                state.send(Message::Leave { client });
            }
            Step::Drop(call) | Step::Skip(call) => {
                let CallState::Pending(pending) = *last.call(call) else {
                    return None;
                };
                state.end_pending(call, &pending, step == Step::Skip(call));
            }
            Step::Renew(call) | Step::Release(call) => {
                let CallState::Held(held) = *last.call(call) else {
                    return None;
                };
                if step == Step::Renew(call) {
                    state.renew(call, held);
                } else {
                    state.start_release(call, held.unaccounted, false, false);
                }
            }
            Step::ReleaseAgain(call) => {
                let CallState::Releasing(releasing) = *last.call(call) else {
                    return None;
                };
                state.release_again(call, releasing);
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::of(self)
    }
}

impl Setup {
    fn steps_of(&self, state: &State, call: u8, steps: &mut Vec<Step>) {
        if state.has_answer(call) {
            steps.push(Step::Receive(call));
        }
        match state.call(call) {
            CallState::Idle => {
                if self.may_ask(state, call) {
                    steps.push(Step::Attempt(call));
                }
            }
            CallState::Pending(pending) => {
                if pending.next < self.bounds.attempts && self.may_ask(state, call) {
                    steps.push(Step::Attempt(call));
                }
                if pending.queued && pending.awaited.is_none() {
                    steps.push(Step::Skip(call));
                }
                steps.push(Step::Drop(call));
            }
            CallState::Held(held) => {
                if held.renewals < self.bounds.renewals && state.believes(call) {
                    steps.push(Step::Renew(call));
                }
                steps.push(Step::Release(call));
                if !held.unaccounted {
                    steps.extend(self.next_of(state, call).map(|to| Step::HandOver(call, to)));
                }
            }
            CallState::Releasing(releasing) => {
                // A request that is still on its way need not be sent again.
                let lost = releasing.answer.is_some() || releasing.takes.is_some();
                if lost && releasing.sent < self.bounds.releases {
                    steps.push(Step::ReleaseAgain(call));
                }
            }
            CallState::Over { .. } => {
                let client = self.call(call).client;
                if self.call(call).waits
                    && state.left & 1 << client == 0
                    && state.left.count_ones() < self.bounds.leaves
                    && self.waiting(state, client).next().is_none()
                {
                    steps.push(Step::Leave(client));
                }
            }
        }
    }

    /// The calls of a client that wait, in the order of asking.
    fn waiting<'a>(&self, state: &'a State, client: u8) -> impl Iterator<Item = u8> + use<'a, '_> {
        self.numbers().filter(move |call| {
            let waits = self.call(*call).waits && self.call(*call).client == client;
            waits && matches!(state.call(*call), CallState::Pending(_))
        })
    }

    /// Whether the client may send an attempt of a call. It does not ask for a lock that it holds
    /// itself and shares with no other; and of its calls that wait, the first one asks.
    fn may_ask(&self, state: &State, call: u8) -> bool {
        let Call { client, waits, .. } = self.call(call);
        let mut others = self.numbers().filter(|other| *other != call);
        let held = others.any(|other| {
            let alone = self.terms(other) == (Mode::Exclusive, 1);
            self.call(other).client == client && alone && state.believes(other)
        });
        let mut waiting = self.waiting(state, client);
        !held && (!waits || waiting.next().is_none_or(|first| first >= call))
    }

    /// The call that a release of this one takes along: the first that waits, unless a request for it
    /// is under way, or one that is about to wait.
    fn next_of(&self, state: &State, call: u8) -> Option<u8> {
        let client = self.call(call).client;
        let idle = || {
            self.numbers().find(|other| {
                let other_call = self.call(*other);
                let idle = matches!(state.call(*other), CallState::Idle);
                other_call.waits && other_call.client == client && idle
            })
        };
        let first = self.waiting(state, client).next().or_else(idle)?;
        let asks = match state.call(first) {
            CallState::Pending(pending) => {
                pending.awaited.is_some() || pending.next == self.bounds.attempts
            }
            _ => false,
        };
        (!asks).then_some(first)
    }
}
