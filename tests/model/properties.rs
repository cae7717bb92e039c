//! The promises of the design, as properties of states, and the situations that show that the model
//! gets where the promises are hard to keep.

use stateright::Property;

use crate::{
    account::Fault,
    setup::{Setup, compatible},
    state::{Answer, CallState, State},
};

pub(crate) fn of(setup: &Setup) -> Vec<Property<Setup>> {
    let mut properties = promises();
    properties.extend(situations(setup));
    properties
}

fn promises() -> Vec<Property<Setup>> {
    vec![
        always("1: one holder, by the server's clock", |setup, state| {
            holds_together(setup, |call| state.account.is_live(call))
        }),
        always("2: no two holders rely on their leases", |setup, state| {
            holds_together(setup, |call| state.believes(call))
        }),
        always("2: a lease that is relied on is live", |setup, state| {
            let mut calls = setup.numbers();
            calls.all(|call| !state.believes(call) || state.account.is_live(call))
        }),
        always("3: tokens only grow", |_, state| {
            !state.account.has(Fault::Token)
        }),
        always("4: a release frees its own lease only", |_, state| {
            !state.account.has(Fault::Vanished)
        }),
        always("5: a dead holder costs at most its ttl", |_, state| {
            !state.account.has(Fault::Refusal)
        }),
        always("7: no lease without a call", |setup, state| {
            // Also with requests still on their way: each of them may be the last to arrive.
            setup.numbers().all(|call| {
                !state.account.is_live(call)
                    || !matches!(
                        state.call(call),
                        CallState::Idle | CallState::Over { skipped: false }
                    )
            })
        }),
        always(
            "7: no Skipped while the own lease is live",
            |setup, state| {
                setup.numbers().all(|call| {
                    !state.account.is_live(call)
                        || !matches!(state.call(call), CallState::Over { skipped: true })
                })
            },
        ),
        always("9: no grant overtakes a waiter", |_, state| {
            !state.account.has(Fault::Overtaking)
        }),
    ]
}

fn situations(setup: &Setup) -> Vec<Property<Setup>> {
    let mut properties = vec![
        sometimes("a holder relies on its lease", |setup, state| {
            setup.numbers().any(|call| state.believes(call))
        }),
        sometimes("a lease passes on after its expiry", passes_on),
        sometimes("a straggler is refused, its id revoked", |_, state| {
            state.account.stragglers != 0
        }),
        sometimes("a grant arrives after its deadline", |_, state| {
            releasing(state, |releasing| releasing.late)
        }),
    ];
    if setup.bounds.attempts > 1 {
        properties.extend([
            sometimes("an earlier attempt was granted", |_, state| {
                pending(state, |answer, awaited| {
                    matches!(answer, Answer::Granted(granted) if granted < awaited)
                })
            }),
            sometimes("a release revokes for a straggler", |_, state| {
                state.calls.iter().any(|call| {
                    matches!(call, CallState::Held(held) if held.unaccounted)
                })
            }),
            sometimes("Skipped waits for a clean-up", |_, state| {
                releasing(state, |releasing| releasing.skips)
            }),
        ]);
    }
    if setup.bounds.renewals > 0 {
        properties.push(sometimes("a renewal prolongs a lease", |_, state| {
            state.calls.iter().any(|call| {
                matches!(call, CallState::Held(held) if held.renewals > 0
                    && held.renewal.is_none() && held.deadline > crate::setup::TTL + 1)
            })
        }));
    }
    if setup.bounds.set_backs > 0 {
        let name = "a lease is live after a step of the clock back";
        properties.push(sometimes(name, |_, state| {
            state.set_backs > 0 && state.account.live != 0
        }));
    }
    if setup.calls.iter().any(|call| call.permits > 1) {
        properties.push(sometimes("leases are shared", |_, state| {
            state.account.live.count_ones() > 1
        }));
    }
    if setup.calls.iter().any(|call| call.waits) {
        let name = "a free lock is kept for a waiter";
        properties.push(sometimes(name, |_, state| {
            let free = state.account.live == 0;
            free && pending(state, |answer, _| matches!(answer, Answer::Queued))
        }));
    }
    if setup.has_hand_over() {
        properties.push(sometimes("a lease is handed over", |_, state| {
            let mut calls = state.calls.iter();
            calls.any(|call| matches!(call, CallState::Held(held) if held.handed_over))
        }));
    }
    properties
}

fn holds_together(setup: &Setup, holds: impl Fn(u8) -> bool) -> bool {
    let holders = setup.numbers().filter(|call| holds(*call));
    compatible(&holders.map(|call| setup.terms(call)).collect::<Vec<_>>())
}

/// Whether a lease has ended unreleased, and another is live since.
fn passes_on(setup: &Setup, state: &State) -> bool {
    let tokens = &state.account.tokens;
    setup.numbers().any(|dead| {
        let token = tokens[usize::from(dead)];
        let held = matches!(state.call(dead), CallState::Held(_));
        held && token > 0
            && !state.account.is_live(dead)
            && setup
                .numbers()
                .any(|call| state.account.is_live(call) && tokens[usize::from(call)] > token)
    })
}

fn releasing(state: &State, is: impl Fn(&crate::state::Releasing) -> bool) -> bool {
    let mut calls = state.calls.iter();
    calls.any(|call| matches!(call, CallState::Releasing(releasing) if is(releasing)))
}

fn pending(state: &State, is: impl Fn(Answer, u8) -> bool) -> bool {
    state.calls.iter().any(|call| {
        let CallState::Pending(pending) = call else {
            return false;
        };
        let both = pending.answer.zip(pending.awaited);
        both.is_some_and(|(answer, awaited)| is(answer, awaited))
    })
}

// With the types written out, closures need none.

fn always(name: &'static str, condition: fn(&Setup, &State) -> bool) -> Property<Setup> {
    Property::always(name, condition)
}

fn sometimes(name: &'static str, condition: fn(&Setup, &State) -> bool) -> Property<Setup> {
    Property::sometimes(name, condition)
}
