//! The rules for a server clock that is set back: no claim is longer than its ttl from then.

use super::{
    conformance::{acquire, gone, granted, refused, release, release_held, released, renew},
    fixture::Slot,
    requests::{handed, permits, queued, reads, waits},
    script::Script,
};

on_both_stores! {
    a_dead_holder_costs_one_ttl
    a_dead_reader_costs_one_ttl
    a_renewal_claims_no_more_than_the_ttl
    an_extension_raises_the_ttl
    min_hold_claims_no_more_than_the_ttl
    a_hand_over_cuts_the_other_holders
    a_dead_waiter_costs_its_entry
    a_live_waiter_keeps_its_entry
}

const A: Slot = Slot { name: 0, nth: 0 };
const B: Slot = Slot { name: 0, nth: 1 };
const C: Slot = Slot { name: 0, nth: 2 };
const D: Slot = Slot { name: 0, nth: 3 };

fn a_dead_holder_costs_one_ttl() -> Script {
    vec![
        (5000, acquire(A, 100), granted(5000, 5000, 5100)),
        (0, acquire(B, 10), refused(A, 5000, 100, 5000)),
        (99, acquire(B, 10), refused(A, 5000, 100, 5000)),
        (100, acquire(B, 10), granted(5001, 100, 110)),
    ]
}

fn a_dead_reader_costs_one_ttl() -> Script {
    vec![
        (5000, reads(A).request(), granted(5000, 5000, 6000)),
        (
            0,
            waits(B, 1).request(),
            queued(A, 5000, 1000, 5000).at(0, 0, 1000),
        ),
        (
            999,
            waits(B, 1).request(),
            queued(A, 5000, 1000, 5000).at(0, 0, 1000),
        ),
        (1000, waits(B, 1).request(), granted(5001, 1000, 2000)),
    ]
}

fn a_renewal_claims_no_more_than_the_ttl() -> Script {
    vec![
        (5000, acquire(A, 100), granted(5000, 5000, 5100)),
        (0, renew(&[(A, 50)]), gone(&[])),
        (90, acquire(B, 10), refused(A, 5000, 100, 5000)),
        (100, acquire(B, 10), granted(5001, 100, 110)),
    ]
}

fn an_extension_raises_the_ttl() -> Script {
    vec![
        (0, acquire(A, 10), granted(0, 0, 10)),
        (5, renew(&[(A, 100)]), gone(&[])),
        (6, acquire(B, 10), refused(A, 0, 105, 0)),
        (-1000, acquire(B, 10), refused(A, 0, -900, 0)),
        (-950, renew(&[(A, 10)]), gone(&[])),
        (-900, acquire(B, 10), granted(1, -900, -890)),
    ]
}

fn min_hold_claims_no_more_than_the_ttl() -> Script {
    vec![
        (5000, acquire(A, 100), granted(5000, 5000, 5100)),
        (0, release_held(A, 50), released(true)),
        (99, acquire(B, 10), refused(A, 5000, 100, 5000)),
        (100, acquire(B, 10), granted(5001, 100, 110)),
    ]
}

fn a_hand_over_cuts_the_other_holders() -> Script {
    vec![
        (5000, permits(A, 2), granted(5000, 5000, 6000)),
        (5000, permits(B, 2), granted(5001, 5000, 6000)),
        (
            0,
            waits(C, 1).permits(2).instead_of(A, None),
            handed(true, granted(5002, 0, 1000)),
        ),
        (999, permits(D, 2), refused(B, 5000, 1000, 5001)),
        (1000, permits(D, 2), granted(5003, 1000, 2000)),
    ]
}

fn a_dead_waiter_costs_its_entry() -> Script {
    vec![
        (9000, acquire(A, 9000), granted(9000, 9000, 18000)),
        (
            9000,
            waits(B, 1).request(),
            queued(A, 9000, 18000, 9000).at(0, 9000, 18000),
        ),
        (0, release(A), released(true)),
        (4999, acquire(C, 10), refused(B, 0, 5000, 9000)),
        (5000, acquire(C, 10), granted(9001, 5000, 5010)),
    ]
}

fn a_live_waiter_keeps_its_entry() -> Script {
    vec![
        (9000, acquire(A, 9000), granted(9000, 9000, 18000)),
        (
            9000,
            waits(B, 1).request(),
            queued(A, 9000, 18000, 9000).at(0, 9000, 18000),
        ),
        // An entry that was seen in the future was not seen lately.
        (
            0,
            waits(B, 1).request(),
            queued(A, 9000, 9000, 9000).at(0, 0, 9000),
        ),
        (
            1499,
            waits(B, 1).request(),
            queued(A, 9000, 9000, 9000).at(0, 0, 9000),
        ),
        (
            4999,
            waits(B, 1).request(),
            queued(A, 9000, 9000, 9000).at(0, 4999, 9000),
        ),
        (5000, release(A), released(true)),
        (5001, acquire(C, 10), refused(B, 0, 9999, 9000)),
        (5002, waits(B, 1).request(), granted(9001, 5002, 6002)),
    ]
}
