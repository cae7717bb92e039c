//! Readers that share the holder of another reader of their client.

use super::{
    conformance::{acquire, granted, refused, release, released, renew},
    documents::Lock,
    fixture::{Answer, Slot},
    requests::{none_gone, permits, queued, reads, waits},
    script::Script,
};

on_both_stores! {
    a_reader_shares_a_holder
    a_holder_that_lasts_longer_is_not_cut
    a_holder_that_has_ended_is_not_shared
    no_reader_joins_past_a_waiter
    only_readers_share
    a_clock_that_is_set_back_cuts_a_shared_holder
}

const A: Slot = Slot { name: 0, nth: 0 };
const B: Slot = Slot { name: 0, nth: 1 };
const C: Slot = Slot { name: 0, nth: 2 };
const D: Slot = Slot { name: 0, nth: 3 };

fn a_reader_shares_a_holder() -> Script {
    vec![
        (0, reads(A).request(), granted(0, 0, 1000)),
        (1, reads(C).request(), granted(1, 1, 1001)),
        (500, reads(B).sharing(A), granted(500, 500, 1500)),
        // Another attempt at the same lease, too.
        (500, reads(B).sharing(A), granted(501, 500, 1500)),
        (501, release(B), released(false)),
        (502, release(C), released(true)),
        (503, acquire(D, 10), refused(A, 0, 1500, 0)),
        (504, release(A), released(true)),
        (505, acquire(D, 10), granted(505, 505, 515)),
    ]
}

fn a_holder_that_lasts_longer_is_not_cut() -> Script {
    vec![
        (0, reads(A).request(), granted(0, 0, 1000)),
        (0, renew(&[(A, 3000)]), none_gone()),
        (10, reads(B).sharing(A), granted(10, 10, 1010)),
        (2999, acquire(D, 10), refused(A, 0, 3000, 0)),
        (3000, acquire(D, 10), granted(3000, 3000, 3010)),
    ]
}

fn a_holder_that_has_ended_is_not_shared() -> Script {
    vec![
        (0, reads(A).request(), granted(0, 0, 1000)),
        (1000, reads(B).sharing(A), granted(1000, 1000, 2000)),
        (1001, release(B), released(true)),
        (1002, reads(B).sharing(A), granted(1002, 1002, 2002)),
        (1003, release(B), released(true)),
    ]
}

fn no_reader_joins_past_a_waiter() -> Script {
    vec![
        (0, reads(A).request(), granted(0, 0, 1000)),
        (
            1,
            waits(B, 1).request(),
            queued(A, 0, 1000, 0).at(0, 1, 1000),
        ),
        (2, reads(C).sharing(A), refused(A, 0, 1000, 0)),
        (
            3,
            reads(C).client(2).sharing(A),
            queued(A, 0, 1000, 0).at(1, 3, 5001),
        ),
        (1000, waits(B, 1).request(), granted(1000, 1000, 2000)),
    ]
}

fn only_readers_share() -> Script {
    vec![
        (0, acquire(A, 1000), granted(0, 0, 1000)),
        (1, reads(B).sharing(A), refused(A, 0, 1000, 0)),
        (2, release(A), released(true)),
        (3, permits(A, 2), granted(3, 3, 1003)),
        (4, reads(B).sharing(A), refused(A, 3, 1003, 3)),
        (5, release(A), released(true)),
        (6, reads(B).sharing(A), granted(6, 6, 1006)),
        (7, release(B), released(true)),
    ]
}

fn a_clock_that_is_set_back_cuts_a_shared_holder() -> Script {
    vec![
        (5000, reads(A).request(), granted(5000, 5000, 6000)),
        (0, reads(B).sharing(A), granted(5001, 0, 1000)),
        (999, acquire(D, 10), refused(A, 5000, 1000, 5000)),
        (1000, acquire(D, 10), granted(5002, 1000, 1010)),
    ]
}

#[tokio::test]
async fn a_holder_of_an_unknown_mode_keeps_readers_from_sharing() {
    for mode in ["exclusive", "intent"] {
        let lock = Lock::start().await;
        lock.answer(0, &reads(A).request()).await;
        let mut document = lock.document().await;
        let holders = document.get_array_mut("holders").unwrap();
        let mut other = holders[0].as_document().unwrap().clone();
        other.insert("mode", mode);
        other.insert("lease", "by hand");
        holders.push(other.into());
        lock.replace(&document).await;
        let answer = lock.answer(1, &reads(B).sharing(A)).await;
        assert!(matches!(answer, Answer::Refused(_)), "{mode}: {answer:?}");
        assert_eq!(lock.document().await, document);
    }
}

#[tokio::test]
async fn another_protocol_is_left_alone() {
    let lock = Lock::start().await;
    lock.answer(0, &reads(A).request()).await;
    let mut document = lock.document().await;
    document.insert("protocol", 2);
    lock.replace(&document).await;
    let answer = lock.answer(1, &reads(B).sharing(A)).await;
    assert!(matches!(answer, Answer::Failed(_)), "{answer:?}");
    assert_eq!(lock.document().await, document);
}

/// The document grows by nothing, however many share a holder.
#[tokio::test]
async fn a_holder_is_as_large_as_before() {
    let lock = Lock::start().await;
    lock.answer(0, &reads(A).request()).await;
    let before = lock.document().await;
    let answer = lock.answer(0, &reads(B).sharing(A)).await;
    assert_eq!(answer, granted(1, 0, 1000));
    let mut expected = before.clone();
    let token = before.get_i64("token").unwrap();
    expected.insert("token", token + 1);
    assert_eq!(lock.document().await, expected);
}
