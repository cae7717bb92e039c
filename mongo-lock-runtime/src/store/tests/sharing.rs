//! The rules for permits and readers, which every store obeys to the millisecond.

use super::{
    conformance::{acquire, granted, refused, release, released, renew},
    fixture::Slot,
    requests::{none_gone, permits, queued, reads, waits},
    script::Script,
};

on_both_stores! {
    as_many_as_the_permits_hold_the_lock
    the_strictest_permits_decide
    a_permit_goes_to_the_first_waiter
    readers_share
    a_writer_excludes_and_is_excluded
    a_reader_waits_behind_a_writer
    readers_in_a_row_go_together
    an_expired_holder_of_several_makes_room
}

const A: Slot = Slot { name: 0, nth: 0 };
const B: Slot = Slot { name: 0, nth: 1 };
const C: Slot = Slot { name: 0, nth: 2 };
const D: Slot = Slot { name: 0, nth: 3 };

fn as_many_as_the_permits_hold_the_lock() -> Script {
    vec![
        (0, permits(A, 2), granted(0, 0, 1000)),
        (0, permits(B, 2), granted(1, 0, 1000)),
        (1, permits(C, 2), refused(A, 0, 1000, 0)),
        (2, permits(A, 2), granted(0, 0, 1000)),
        (3, release(A), released(true)),
        (4, permits(C, 2), granted(4, 4, 1004)),
        (5, permits(A, 2), refused(B, 0, 1000, 1)),
        (6, renew(&[(B, 2000), (C, 3000)]), none_gone()),
        (7, permits(A, 2), refused(B, 0, 2006, 1)),
    ]
}

fn the_strictest_permits_decide() -> Script {
    vec![
        (0, permits(A, 3), granted(0, 0, 1000)),
        (1, permits(B, 2), granted(1, 1, 1001)),
        (2, permits(C, 3), refused(A, 0, 1000, 0)),
        (3, release(B), released(true)),
        (4, permits(C, 3), granted(4, 4, 1004)),
        (5, permits(B, 2), refused(A, 0, 1000, 0)),
        (6, acquire(B, 10), refused(C, 4, 1004, 4)),
        (7, permits(B, 3), granted(7, 7, 1007)),
    ]
}

fn a_permit_goes_to_the_first_waiter() -> Script {
    let waits = |slot, client| waits(slot, client).permits(2);
    vec![
        (0, permits(A, 2), granted(0, 0, 1000)),
        (0, permits(B, 2), granted(1, 0, 1000)),
        (
            1,
            waits(C, 1).request(),
            queued(A, 0, 1000, 0).at(0, 1, 1000),
        ),
        (
            2,
            waits(D, 2).request(),
            queued(A, 0, 1000, 0).at(1, 2, 5001),
        ),
        (3, release(A), released(true)),
        // There is one permit, and a waiter for it.
        (
            4,
            waits(D, 2).request(),
            queued(B, 0, 1000, 1).at(1, 2, 5001),
        ),
        (5, release(B), released(true)),
        // Now there is one for each, in any order.
        (6, waits(D, 2).request(), granted(6, 6, 1006)),
        (7, permits(A, 2), refused(D, 6, 1006, 6)),
        (8, waits(C, 1).request(), granted(8, 8, 1008)),
    ]
}

fn readers_share() -> Script {
    vec![
        (0, reads(A).request(), granted(0, 0, 1000)),
        (0, reads(B).request(), granted(1, 0, 1000)),
        (1, reads(C).request(), granted(2, 1, 1001)),
        (2, acquire(D, 10), refused(C, 1, 1001, 2)),
        (3, release(C), released(true)),
        (4, release(A), released(true)),
        (5, acquire(D, 10), refused(B, 0, 1000, 1)),
        (6, release(B), released(true)),
        (7, acquire(D, 10), granted(7, 7, 17)),
    ]
}

fn a_writer_excludes_and_is_excluded() -> Script {
    vec![
        (0, acquire(A, 10), granted(0, 0, 10)),
        (1, reads(B).request(), refused(A, 0, 10, 0)),
        (10, reads(B).request(), granted(10, 10, 1010)),
        (11, permits(C, 5), refused(B, 10, 1010, 10)),
        (12, release(B), released(true)),
        (13, permits(C, 5), granted(13, 13, 1013)),
        (14, reads(A).request(), refused(C, 13, 1013, 13)),
    ]
}

fn a_reader_waits_behind_a_writer() -> Script {
    vec![
        (0, reads(A).request(), granted(0, 0, 1000)),
        (
            1,
            waits(B, 1).request(),
            queued(A, 0, 1000, 0).at(0, 1, 1000),
        ),
        (2, reads(C).request(), refused(A, 0, 1000, 0)),
        (
            3,
            reads(C).client(2).request(),
            queued(A, 0, 1000, 0).at(1, 3, 5001),
        ),
        (4, release(A), released(true)),
        (
            5,
            reads(C).client(2).request(),
            queued(B, 1, 5001, 0).at(1, 3, 5001),
        ),
        (6, waits(B, 1).request(), granted(6, 6, 1006)),
        (7, release(B), released(true)),
        (8, reads(C).client(2).request(), granted(8, 8, 1008)),
    ]
}

fn readers_in_a_row_go_together() -> Script {
    vec![
        (0, acquire(A, 9000), granted(0, 0, 9000)),
        (
            1,
            reads(B).client(1).request(),
            queued(A, 0, 9000, 0).at(0, 1, 9000),
        ),
        (
            2,
            reads(C).client(2).request(),
            queued(A, 0, 9000, 0).at(1, 2, 5001),
        ),
        (3, release(A), released(true)),
        (4, reads(C).client(2).request(), granted(4, 4, 1004)),
        (5, reads(B).client(1).request(), granted(5, 5, 1005)),
    ]
}

fn an_expired_holder_of_several_makes_room() -> Script {
    vec![
        (0, permits(A, 2), granted(0, 0, 1000)),
        (500, permits(B, 2), granted(500, 500, 1500)),
        (999, permits(C, 2), refused(A, 0, 1000, 0)),
        (1000, permits(C, 2), granted(1000, 1000, 2000)),
        (1001, permits(D, 2), refused(B, 500, 1500, 500)),
    ]
}
