//! The steps of the clients: what `PendingLease`, `OwnedLease` and the release service do, without
//! their tasks. A client may take any step at any time, or none: then it is paused, or dead.

use crate::{
    setup::TTL,
    state::{Answer, CallState, Held, MOST_ATTEMPTS, Message, Pending, Releasing, State},
};

impl State {
    /// Sends the first attempt of a call, or the next one: then the attempt before has failed, or
    /// taken too long, or was answered by a place in the queue.
    pub(crate) fn attempt(&mut self, call: u8, waits: bool) {
        let (attempt, waited) = self.count_attempt(call, waits);
        self.send(Message::Acquire {
            call,
            attempt,
            waited,
        });
    }

    fn count_attempt(&mut self, call: u8, waits: bool) -> (u8, u8) {
        let mut pending = match *self.call(call) {
            CallState::Pending(pending) => pending,
            _ => Pending {
                // Without a ticket, the time is not sent along.
                since: if waits { self.elapsed } else { 0 },
                unaccounted: [None; MOST_ATTEMPTS],
                next: 0,
                awaited: None,
                answer: None,
                queued: false,
            },
        };
        let attempt = pending.next;
        pending.unaccounted[usize::from(attempt)] = Some(self.elapsed);
        pending.next += 1;
        pending.awaited = Some(attempt);
        pending.answer = None;
        self.set(call, CallState::Pending(pending));
        let waited = if waits {
            self.elapsed - pending.since
        } else {
            0
        };
        (attempt, waited)
    }

    /// The caller is gone, or will hear `Skipped`: what may be there is released and revoked first.
    pub(crate) fn end_pending(&mut self, call: u8, pending: &Pending, skips: bool) {
        if pending.may_be_granted() {
            self.start_release(call, true, skips, false);
        } else {
            self.set(call, CallState::Over { skipped: skips });
        }
    }

    pub(crate) fn start_release(&mut self, call: u8, revoke: bool, skips: bool, late: bool) {
        let releasing = Releasing {
            revoke,
            skips,
            late,
            sent: 1,
            takes: None,
            answer: None,
        };
        self.set(call, CallState::Releasing(releasing));
        self.send(Message::Release { call, revoke });
    }

    /// Releases a lease, and asks for that of another call of the client, in one request.
    pub(crate) fn hand_over(&mut self, from: u8, to: u8) {
        let (attempt, waited) = self.count_attempt(to, true);
        let releasing = Releasing {
            revoke: false,
            skips: false,
            late: false,
            sent: 1,
            takes: Some((to, attempt)),
            answer: None,
        };
        self.set(from, CallState::Releasing(releasing));
        self.send(Message::HandOver {
            from,
            to,
            attempt,
            waited,
        });
    }

    /// Sends a release again, since its answer was lost. After a hand-over, without the other call.
    pub(crate) fn release_again(&mut self, call: u8, mut releasing: Releasing) {
        if let Some((to, attempt)) = releasing.takes.take()
            && let CallState::Pending(pending) = self.call(to)
            && pending.awaited == Some(attempt)
        {
            let awaited = None;
            let pending = Pending {
                awaited,
                ..*pending
            };
            self.set(to, CallState::Pending(pending));
        }
        releasing.answer = None;
        releasing.sent += 1;
        self.set(call, CallState::Releasing(releasing));
        let revoke = releasing.revoke;
        self.send(Message::Release { call, revoke });
    }

    pub(crate) fn renew(&mut self, call: u8, mut held: Held) {
        held.renewals += 1;
        held.renewal = Some((self.elapsed, None));
        self.set(call, CallState::Held(held));
        let sent = self.elapsed;
        self.send(Message::Renew { call, sent });
    }

    /// Whether an answer for the call is on its way.
    pub(crate) fn has_answer(&self, call: u8) -> bool {
        match self.call(call) {
            CallState::Pending(pending) => pending.answer.is_some(),
            CallState::Held(held) => matches!(held.renewal, Some((_, Some(_)))),
            CallState::Releasing(releasing) => releasing.answer.is_some(),
            CallState::Idle | CallState::Over { .. } => false,
        }
    }

    /// The answer on its way to the call arrives.
    pub(crate) fn receive(&mut self, call: u8) {
        match *self.call(call) {
            CallState::Pending(pending) => {
                let answer = pending.awaited.zip(pending.answer);
                let (attempt, answer) = answer.expect("an answer");
                self.answered(call, attempt, answer, false);
            }
            CallState::Held(mut held) => {
                if let Some((sent, Some(live))) = held.renewal.take() {
                    if !live {
                        held.deadline = 0;
                    } else if held.deadline > self.elapsed {
                        held.deadline = held.deadline.max(sent + TTL);
                    }
                }
                self.set(call, CallState::Held(held));
            }
            CallState::Releasing(releasing) => {
                let skipped = releasing.skips;
                self.set(call, CallState::Over { skipped });
                if let Some((to, attempt)) = releasing.takes
                    && let Some(answer) = releasing.answer
                    && let CallState::Pending(pending) = self.call(to)
                    && pending.awaited == Some(attempt)
                {
                    self.answered(to, attempt, answer, true);
                }
            }
            CallState::Idle | CallState::Over { .. } => {}
        }
    }

    fn answered(&mut self, call: u8, attempt: u8, answer: Answer, handed_over: bool) {
        let CallState::Pending(mut pending) = *self.call(call) else {
            return;
        };
        pending.awaited = None;
        pending.answer = None;
        // The first one's time, when the attempt that was granted is not known.
        let first = pending.unaccounted.iter().flatten().next().copied();
        let sent = match answer {
            Answer::Granted(granted) => self.account_for(call, &mut pending, granted).or(first),
            _ => None,
        };
        let answered = self.account_for(call, &mut pending, attempt);
        match answer {
            Answer::Granted(_) => {
                let sent = sent.or(answered).expect("the answered attempt was sent");
                let deadline = sent + TTL;
                if deadline <= self.elapsed {
                    self.start_release(call, pending.may_be_granted(), false, true);
                    return;
                }
                let held = Held {
                    deadline,
                    unaccounted: pending.may_be_granted(),
                    renewals: 0,
                    renewal: None,
                    handed_over,
                };
                self.set(call, CallState::Held(held));
            }
            Answer::Refused => self.end_pending(call, &pending, true),
            Answer::Queued => {
                pending.queued = true;
                self.set(call, CallState::Pending(pending));
            }
            Answer::Revoked | Answer::Released => self.end_pending(call, &pending, false),
        }
    }

    /// The attempt has a definite answer. The network has no copy of it any more: a connection is
    /// read in order, and the driver repeats no command by itself. Says when the attempt was sent.
    fn account_for(&mut self, call: u8, pending: &mut Pending, attempt: u8) -> Option<u8> {
        let this = Some((call, attempt));
        self.requests.retain(|message| message.attempt() != this);
        pending.unaccounted[usize::from(attempt)].take()
    }
}
