//! The rules for confirmations of places in a queue.

use super::{
    conformance::{acquire, granted, release, released},
    fixture::{Action, Answer, Refusal, Slot},
    requests::{queued, reads, waits},
    script::Script,
};

on_both_stores! {
    a_place_that_is_confirmed_is_kept
    a_missed_wake_up_is_found_out
    a_place_that_is_over_is_not_revived
    a_place_behind_others_is_told_when_to_look
    a_place_far_back_is_not_near
    a_confirmation_wakes_no_reader_beside_a_writer
    a_place_that_is_not_there_is_asked_for
}

const A: Slot = Slot { name: 0, nth: 0 };
const B: Slot = Slot { name: 0, nth: 1 };
const C: Slot = Slot { name: 0, nth: 2 };

fn confirm(client: u8) -> Action {
    Action::Confirm { name: 0, client }
}

/// Waits for the lock that `holder` has until `until`, and looks after `look_in`.
fn waiting(holder: Slot, until: i64, look_in: u64) -> Answer {
    Answer::Waits {
        refusal: Refusal {
            holder: holder.owner(),
            since: 0,
            until,
            token: 0,
        },
        look_in,
        near: true,
    }
}

fn a_place_that_is_confirmed_is_kept() -> Script {
    vec![
        (0, acquire(A, 9000), granted(0, 0, 9000)),
        (
            1,
            waits(B, 1).request(),
            queued(A, 0, 9000, 0).at(0, 1, 9000),
        ),
        (3000, confirm(1), waiting(A, 9000, 6000)),
        // Its rank is kept, too.
        (
            7999,
            waits(C, 2).since(7000).request(),
            queued(A, 0, 9000, 0).at(1, 7999, 8000),
        ),
    ]
}

fn a_missed_wake_up_is_found_out() -> Script {
    vec![
        (0, acquire(A, 9000), granted(0, 0, 9000)),
        (
            1,
            waits(B, 1).request(),
            queued(A, 0, 9000, 0).at(0, 1, 9000),
        ),
        (
            2,
            waits(C, 2).request(),
            queued(A, 0, 9000, 0).at(1, 2, 5001),
        ),
        (3, release(A), released(true)),
        (4, confirm(1), Answer::Ask),
        (
            5,
            confirm(2),
            Answer::Waits {
                // The lock is reserved for the first.
                refusal: Refusal {
                    holder: B.owner(),
                    since: 1,
                    until: 5004,
                    token: 0,
                },
                look_in: 4999,
                near: true,
            },
        ),
        (6, waits(B, 1).request(), granted(6, 6, 1006)),
    ]
}

fn a_place_that_is_over_is_not_revived() -> Script {
    vec![
        (0, acquire(A, 9000), granted(0, 0, 9000)),
        (
            1,
            waits(B, 1).request(),
            queued(A, 0, 9000, 0).at(0, 1, 9000),
        ),
        (5001, confirm(1), Answer::Ask),
        // Another client is first now.
        (
            5002,
            waits(C, 2).request(),
            queued(A, 0, 9000, 0).at(0, 5002, 9000),
        ),
    ]
}

fn a_place_behind_others_is_told_when_to_look() -> Script {
    vec![
        (0, acquire(A, 9000), granted(0, 0, 9000)),
        (
            1,
            waits(B, 1).request(),
            queued(A, 0, 9000, 0).at(0, 1, 9000),
        ),
        (
            2,
            waits(C, 2).request(),
            queued(A, 0, 9000, 0).at(1, 2, 5001),
        ),
        // The first has not been heard of since.
        (3000, confirm(2), waiting(A, 9000, 2001)),
        (3001, confirm(1), waiting(A, 9000, 5999)),
        (5001, confirm(2), waiting(A, 9000, 3000)),
        // A lease that ends: there is room.
        (9000, confirm(1), Answer::Ask),
    ]
}

fn a_place_far_back_is_not_near() -> Script {
    let slot = |nth| Slot { name: 0, nth };
    let mut script = vec![(0, acquire(A, 9000), granted(0, 0, 9000))];
    for nth in 1..=9 {
        let ahead = usize::from(nth) - 1;
        let at = i64::from(nth);
        let look_at = if ahead == 0 { 9000 } else { 5001 };
        let answer = queued(A, 0, 9000, 0).at(ahead, at, look_at);
        script.push((at, waits(slot(nth), nth).request(), answer));
    }
    // Others look for it when one of the first is dead. When all of them are, the last of them is over then.
    let Answer::Waits {
        refusal, look_in, ..
    } = waiting(A, 9000, 4998)
    else {
        unreachable!("it waits");
    };
    let far = Answer::Waits {
        refusal,
        look_in,
        near: false,
    };
    script.push((10, confirm(9), far));
    script.push((10, confirm(8), waiting(A, 9000, 4991)));
    script
}

fn a_confirmation_wakes_no_reader_beside_a_writer() -> Script {
    vec![
        (0, acquire(A, 9000), granted(0, 0, 9000)),
        (
            1,
            reads(B).client(1).request(),
            queued(A, 0, 9000, 0).at(0, 1, 9000),
        ),
        (2, confirm(1), waiting(A, 9000, 8998)),
        (3, release(A), released(true)),
        (4, confirm(1), Answer::Ask),
    ]
}

fn a_place_that_is_not_there_is_asked_for() -> Script {
    vec![
        (0, confirm(1), Answer::Ask),
        (1, acquire(A, 9000), granted(1, 1, 9001)),
        (2, confirm(1), Answer::Ask),
    ]
}
