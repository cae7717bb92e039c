//! The steps after which the store in memory has waiters woken: only those that have made room for the first.

use super::{
    START,
    conformance::{release, revoke},
    fixture::{Action, Fixture, Slot},
    requests::{leave, permits, reads, waits},
};
use crate::store::memory::locks::Locks;

const A: Slot = Slot { name: 0, nth: 0 };
const B: Slot = Slot { name: 0, nth: 1 };
const C: Slot = Slot { name: 0, nth: 2 };

/// Takes the steps, each a millisecond after the one before, and gives those that wake.
fn waking(steps: &[Action]) -> Vec<usize> {
    let (fixture, mut locks) = (Fixture::new(), Locks::default());
    let mut waking = Vec::new();
    for (step, action) in steps.iter().enumerate() {
        let now = START + i64::try_from(step).unwrap();
        fixture.answer_in_memory(&mut locks, now, action);
        if !locks.take_turn().is_empty() {
            waking.push(step);
        }
        assert!(locks.take_turn().is_empty(), "twice after step {step}");
    }
    waking
}

#[test]
fn a_release_wakes_the_first_waiter() {
    let (a, b, c) = (waits(A, 0), waits(B, 1), waits(C, 2));
    let steps = [a.request(), b.request(), c.request(), release(A)];
    assert_eq!(waking(&steps), [3]);
    // A release of what is not there makes no room.
    let steps = [a.request(), b.request(), release(C), release(A)];
    assert_eq!(waking(&steps), [3]);
    let steps = [a.request(), release(A), release(A)];
    assert!(waking(&steps).is_empty());
}

#[test]
fn a_waiter_whose_turn_it_is_wakes_no_other() {
    let (a, b, c) = (waits(A, 0), waits(B, 1), waits(C, 2));
    let steps = [
        a.request(),
        b.request(),
        c.request(),
        release(A),
        b.request(),
    ];
    assert_eq!(waking(&steps), [3]);
}

#[test]
fn a_request_of_another_does_not_wake_the_first_waiter_again() {
    let (a, b, c) = (waits(A, 0), waits(B, 1), waits(C, 2));
    let steps = [a.request(), b.request(), release(A), c.request()];
    assert_eq!(waking(&steps), [2]);
}

#[test]
fn a_hand_over_wakes_those_that_share_with_the_next_holder() {
    let next = reads(B).client(1);
    let steps = [
        waits(A, 0).request(),
        next.request(),
        reads(C).client(2).request(),
        next.instead_of(A, None),
    ];
    assert_eq!(waking(&steps), [3]);
    let next = waits(B, 1);
    let steps = [
        waits(A, 0).request(),
        next.request(),
        waits(C, 2).request(),
        next.instead_of(A, None),
    ];
    assert!(waking(&steps).is_empty());
}

#[test]
fn a_permit_that_comes_free_wakes_the_first_waiter() {
    let steps = [
        permits(A, 2),
        permits(B, 2),
        waits(C, 1).permits(2).request(),
        release(A),
    ];
    assert_eq!(waking(&steps), [3]);
}

#[test]
fn a_place_that_is_given_up_wakes_the_next_waiter() {
    let steps = [
        reads(A).client(0).request(),
        waits(B, 1).request(),
        reads(C).client(2).request(),
        leave(1),
    ];
    assert_eq!(waking(&steps), [3]);
    let steps = [
        reads(A).client(0).request(),
        waits(B, 1).request(),
        reads(C).client(2).request(),
        revoke(B),
    ];
    assert_eq!(waking(&steps), [3]);
    let steps = [waits(A, 0).request(), waits(B, 1).request(), leave(1)];
    assert!(waking(&steps).is_empty());
}
