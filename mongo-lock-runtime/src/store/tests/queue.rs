//! The rules for requests that wait in a queue, which every store obeys to the millisecond.

use super::{
    conformance::{acquire, delete, granted, refused, release, released, renew},
    fixture::{Answer, Slot},
    requests::{gone_alone, handed, leave, queued, waits},
    script::Script,
};

on_both_stores! {
    a_waiter_is_queued_and_granted_when_it_asks_again
    entries_are_in_the_order_of_asking
    a_request_that_does_not_wait_is_behind_the_queue
    an_entry_is_kept_for_five_seconds
    an_entry_that_is_refreshed_keeps_its_rank
    of_two_who_came_together_one_is_first
    one_client_has_one_entry
    an_entry_is_given_up
    a_hand_over_is_one_step
    a_hand_over_does_not_overtake
    a_hand_over_of_a_lease_that_is_gone_says_so
    a_hand_over_keeps_min_hold
}

const A: Slot = Slot { name: 0, nth: 0 };
const B: Slot = Slot { name: 0, nth: 1 };
const C: Slot = Slot { name: 0, nth: 2 };
const D: Slot = Slot { name: 0, nth: 3 };

fn a_waiter_is_queued_and_granted_when_it_asks_again() -> Script {
    vec![
        (0, acquire(A, 100), granted(0, 0, 100)),
        (1, waits(B, 1).request(), queued(A, 0, 100, 0).at(0, 1, 100)),
        (2, release(A), released(true)),
        (3, waits(B, 1).request(), granted(3, 3, 1003)),
        (4, acquire(C, 10), refused(B, 3, 1003, 3)),
        (5, release(B), released(true)),
        (6, acquire(C, 10), granted(6, 6, 16)),
    ]
}

fn entries_are_in_the_order_of_asking() -> Script {
    vec![
        (0, acquire(A, 9000), granted(0, 0, 9000)),
        (
            10,
            waits(B, 1).request(),
            queued(A, 0, 9000, 0).at(0, 10, 9000),
        ),
        // This caller has waited for longer.
        (
            11,
            waits(C, 2).since(8).request(),
            queued(A, 0, 9000, 0).at(0, 11, 9000),
        ),
        (
            12,
            waits(D, 3).request(),
            queued(A, 0, 9000, 0).at(2, 12, 5010),
        ),
        (
            13,
            waits(B, 1).since(3).request(),
            queued(A, 0, 9000, 0).at(1, 10, 5011),
        ),
        (14, release(A), released(true)),
        (
            15,
            waits(B, 1).since(5).request(),
            queued(C, 3, 5011, 0).at(1, 10, 5011),
        ),
        (16, waits(C, 2).since(13).request(), granted(16, 16, 1016)),
    ]
}

fn a_request_that_does_not_wait_is_behind_the_queue() -> Script {
    vec![
        (0, acquire(A, 100), granted(0, 0, 100)),
        (1, waits(B, 1).request(), queued(A, 0, 100, 0).at(0, 1, 100)),
        (2, acquire(C, 100), refused(A, 0, 100, 0)),
        (3, release(A), released(true)),
        (4, acquire(C, 100), refused(B, 1, 5001, 0)),
        // A client that has just released the lock, too.
        (4, acquire(A, 100), refused(B, 1, 5001, 0)),
        (5, waits(B, 1).request(), granted(5, 5, 1005)),
    ]
}

fn an_entry_is_kept_for_five_seconds() -> Script {
    vec![
        (0, acquire(A, 100), granted(0, 0, 100)),
        (1, waits(B, 1).request(), queued(A, 0, 100, 0).at(0, 1, 100)),
        (5000, acquire(C, 10), refused(B, 1, 5001, 0)),
        (5001, acquire(C, 10), granted(5001, 5001, 5011)),
        // The client comes back, as a new waiter.
        (
            5002,
            waits(B, 1).since(5001).request(),
            queued(C, 5001, 5011, 5001).at(0, 5002, 5011),
        ),
    ]
}

fn an_entry_that_is_refreshed_keeps_its_rank() -> Script {
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
        // Too soon for a write.
        (
            1500,
            waits(B, 1).request(),
            queued(A, 0, 9000, 0).at(0, 1, 9000),
        ),
        (
            1501,
            waits(B, 1).request(),
            queued(A, 0, 9000, 0).at(0, 1501, 9000),
        ),
        (
            1502,
            waits(C, 2).request(),
            queued(A, 0, 9000, 0).at(1, 1502, 6501),
        ),
        (
            6000,
            waits(C, 2).request(),
            queued(A, 0, 9000, 0).at(1, 6000, 6501),
        ),
        (
            6501,
            waits(C, 2).request(),
            queued(A, 0, 9000, 0).at(0, 6000, 9000),
        ),
    ]
}

fn of_two_who_came_together_one_is_first() -> Script {
    vec![
        (0, acquire(A, 9000), granted(0, 0, 9000)),
        (
            1,
            waits(C, 2).request(),
            queued(A, 0, 9000, 0).at(0, 1, 9000),
        ),
        (
            1,
            waits(B, 1).request(),
            queued(A, 0, 9000, 0).at(0, 1, 9000),
        ),
        (2, release(A), released(true)),
        // Behind both, though they came in this very millisecond.
        (1, acquire(D, 10), refused(B, 1, 5001, 0)),
        (
            3,
            waits(C, 2).request(),
            queued(B, 1, 5001, 0).at(1, 1, 5001),
        ),
        (3, waits(B, 1).request(), granted(3, 3, 1003)),
    ]
}

fn one_client_has_one_entry() -> Script {
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
        // Another caller of that client, in place of the first.
        (
            3,
            waits(D, 1).request(),
            queued(A, 0, 9000, 0).at(1, 3, 5002),
        ),
        (4, release(A), released(true)),
        (
            5,
            waits(D, 1).request(),
            queued(C, 2, 5002, 0).at(1, 3, 5002),
        ),
        (6, waits(C, 2).request(), granted(6, 6, 1006)),
    ]
}

fn an_entry_is_given_up() -> Script {
    vec![
        (0, acquire(A, 9000), granted(0, 0, 9000)),
        (
            1,
            waits(B, 1).request(),
            queued(A, 0, 9000, 0).at(0, 1, 9000),
        ),
        (2, leave(1), Answer::Left),
        (2, leave(1), Answer::Left),
        (3, release(A), released(true)),
        (4, acquire(C, 10), granted(4, 4, 14)),
        (4, leave(1), Answer::Left),
    ]
}

fn a_hand_over_is_one_step() -> Script {
    vec![
        (0, acquire(A, 100), granted(0, 0, 100)),
        (
            1,
            waits(B, 1).instead_of(A, None),
            handed(true, granted(1, 1, 1001)),
        ),
        // Sent again.
        (
            2,
            waits(B, 1).instead_of(A, None),
            handed(false, granted(1, 1, 1001)),
        ),
        (3, renew(&[(A, 10)]), gone_alone(A)),
        (4, release(A), released(false)),
    ]
}

fn a_hand_over_does_not_overtake() -> Script {
    vec![
        (0, acquire(A, 100), granted(0, 0, 100)),
        (5, waits(C, 2).request(), queued(A, 0, 100, 0).at(0, 5, 100)),
        (
            6,
            waits(B, 1).instead_of(A, None),
            handed(true, queued(C, 5, 5005, 0).at(1, 6, 5005)),
        ),
        (7, waits(C, 2).request(), granted(7, 7, 1007)),
        // This one has waited for longer.
        (
            8,
            waits(D, 3).request(),
            queued(C, 7, 1007, 7).at(1, 8, 5006),
        ),
        (
            9,
            waits(B, 1).since(3).instead_of(C, None),
            handed(true, granted(9, 9, 1009)),
        ),
    ]
}

fn a_hand_over_of_a_lease_that_is_gone_says_so() -> Script {
    vec![
        (0, acquire(A, 10), granted(0, 0, 10)),
        (10, acquire(C, 100), granted(10, 10, 110)),
        (
            11,
            waits(B, 1).instead_of(A, None),
            handed(false, queued(C, 10, 110, 10).at(0, 11, 110)),
        ),
        (12, delete(A), Answer::Deleted(true)),
        (
            13,
            waits(B, 1).instead_of(C, None),
            handed(false, granted(13, 13, 1013)),
        ),
    ]
}

fn a_hand_over_keeps_min_hold() -> Script {
    vec![
        (0, acquire(A, 100), granted(0, 0, 100)),
        (
            1,
            waits(B, 1).instead_of(A, Some(50)),
            handed(true, queued(A, 0, 50, 0).at(0, 1, 50)),
        ),
        (49, waits(B, 1).request(), queued(A, 0, 50, 0).at(0, 1, 50)),
        (50, waits(B, 1).request(), granted(50, 50, 1050)),
        (
            60,
            waits(C, 2).instead_of(B, Some(10)),
            handed(true, granted(60, 60, 1060)),
        ),
    ]
}
