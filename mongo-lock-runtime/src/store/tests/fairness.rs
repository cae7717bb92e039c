//! No kind of request is overtaken for ever.

use super::{
    conformance::{acquire, granted, refused, release, released},
    fixture::Slot,
    requests::{permits, queued, reads, waits},
    script::Script,
};

on_both_stores! {
    a_permit_does_not_overtake_a_reader
    a_reader_does_not_overtake_a_permit
    a_permit_does_not_overtake_an_exclusive_request
    a_stricter_permit_is_not_overtaken
    permits_behind_a_permit_go_together
}

const A: Slot = Slot { name: 0, nth: 0 };
const B: Slot = Slot { name: 0, nth: 1 };
const C: Slot = Slot { name: 0, nth: 2 };
const D: Slot = Slot { name: 0, nth: 3 };

fn a_permit_does_not_overtake_a_reader() -> Script {
    vec![
        (0, permits(A, 3), granted(0, 0, 1000)),
        (
            1,
            reads(B).client(1).request(),
            queued(A, 0, 1000, 0).at(0, 1, 1000),
        ),
        (2, permits(C, 3), refused(A, 0, 1000, 0)),
        (
            3,
            waits(C, 2).permits(3).request(),
            queued(A, 0, 1000, 0).at(1, 3, 5001),
        ),
        (4, release(A), released(true)),
        (5, permits(D, 3), refused(B, 1, 5001, 0)),
        (6, reads(B).client(1).request(), granted(6, 6, 1006)),
        // The first in the queue is a permit now, behind which a reader waits.
        (7, reads(D).request(), refused(B, 6, 1006, 6)),
        (8, release(B), released(true)),
        (9, waits(C, 2).permits(3).request(), granted(9, 9, 1009)),
    ]
}

fn a_reader_does_not_overtake_a_permit() -> Script {
    vec![
        (0, reads(A).request(), granted(0, 0, 1000)),
        (
            1,
            waits(B, 1).permits(3).request(),
            queued(A, 0, 1000, 0).at(0, 1, 1000),
        ),
        (2, reads(C).request(), refused(A, 0, 1000, 0)),
        (3, release(A), released(true)),
        (4, reads(C).request(), refused(B, 1, 5001, 0)),
        (5, waits(B, 1).permits(3).request(), granted(5, 5, 1005)),
    ]
}

fn a_permit_does_not_overtake_an_exclusive_request() -> Script {
    vec![
        (0, permits(A, 5), granted(0, 0, 1000)),
        (
            1,
            waits(B, 1).request(),
            queued(A, 0, 1000, 0).at(0, 1, 1000),
        ),
        (2, permits(C, 5), refused(A, 0, 1000, 0)),
        (3, release(A), released(true)),
        (4, permits(C, 5), refused(B, 1, 5001, 0)),
        (5, waits(B, 1).request(), granted(5, 5, 1005)),
    ]
}

fn a_stricter_permit_is_not_overtaken() -> Script {
    vec![
        (0, permits(A, 5), granted(0, 0, 1000)),
        (0, permits(B, 5), granted(1, 0, 1000)),
        (
            1,
            waits(C, 1).permits(2).request(),
            queued(A, 0, 1000, 0).at(0, 1, 1000),
        ),
        // With the waiter's lease there would be three, one more than it allows.
        (2, permits(D, 5), refused(A, 0, 1000, 0)),
        (3, release(B), released(true)),
        (4, permits(D, 5), refused(A, 0, 1000, 0)),
        (5, waits(C, 1).permits(2).request(), granted(5, 5, 1005)),
        (6, acquire(D, 10), refused(C, 5, 1005, 5)),
    ]
}

fn permits_behind_a_permit_go_together() -> Script {
    vec![
        (0, acquire(A, 1000), granted(0, 0, 1000)),
        (
            1,
            waits(B, 1).permits(3).request(),
            queued(A, 0, 1000, 0).at(0, 1, 1000),
        ),
        (
            2,
            waits(C, 2).permits(3).request(),
            queued(A, 0, 1000, 0).at(1, 2, 5001),
        ),
        (3, release(A), released(true)),
        (4, waits(C, 2).permits(3).request(), granted(4, 4, 1004)),
        (5, permits(D, 3), granted(5, 5, 1005)),
        (6, waits(B, 1).permits(3).request(), granted(6, 6, 1006)),
    ]
}
