//! The rules for attempts that are repeated, and for ids that are revoked.

use super::{
    conformance::{
        acquire, attempt, delete, gone, granted, granted_attempt, refused, release, released,
        renew, revoke,
    },
    fixture::{Action, Answer, Released, Slot},
    requests::{handed, queued, reads, waits},
    script::Script,
};

on_both_stores! {
    the_granted_attempt_is_kept
    the_granted_attempt_is_kept_in_a_queue
    a_revoked_lease_is_never_granted
    a_revocation_needs_no_document
    a_revocation_releases
    a_revocation_keeps_min_hold
    a_revocation_is_repeatable
    a_revocation_lasts_an_hour
    a_revocation_ends_the_queue_entry
    a_revoked_request_is_not_queued
    a_revoked_request_leaves_the_entry_of_its_client
    a_hand_over_revokes
    a_hand_over_to_a_revoked_lease_releases
    a_deleted_lock_knows_no_revocation
}

const A: Slot = Slot { name: 0, nth: 0 };
const B: Slot = Slot { name: 0, nth: 1 };
const C: Slot = Slot { name: 0, nth: 2 };
const D: Slot = Slot { name: 0, nth: 3 };
const HOUR: i64 = 60 * 60 * 1000;

fn the_granted_attempt_is_kept() -> Script {
    vec![
        (0, attempt(A, 3, 10), granted_attempt(3, 0, 0, 10)),
        (1, attempt(A, 4, 10), granted_attempt(3, 0, 0, 10)),
        (2, attempt(A, 2, 99), granted_attempt(3, 0, 0, 10)),
        (3, renew(&[(A, 10)]), gone(&[])),
        (4, attempt(A, 5, 10), granted_attempt(3, 0, 0, 13)),
        (13, attempt(A, 6, 10), granted_attempt(6, 13, 13, 23)),
    ]
}

fn the_granted_attempt_is_kept_in_a_queue() -> Script {
    vec![
        (0, acquire(A, 100), granted(0, 0, 100)),
        (
            1,
            waits(B, 1).attempt(0).request(),
            queued(A, 0, 100, 0).at(0, 1, 100),
        ),
        (2, release(A), released(true)),
        (
            3,
            waits(B, 1).attempt(1).request(),
            granted_attempt(1, 3, 3, 1003),
        ),
        (
            4,
            waits(B, 1).attempt(2).request(),
            granted_attempt(1, 3, 3, 1003),
        ),
        (
            5,
            waits(C, 2).attempt(7).instead_of(B, None),
            handed(true, granted_attempt(7, 5, 5, 1005)),
        ),
        (
            6,
            waits(C, 2).attempt(8).instead_of(B, None),
            handed(false, granted_attempt(7, 5, 5, 1005)),
        ),
    ]
}

fn a_revoked_lease_is_never_granted() -> Script {
    vec![
        (0, acquire(A, 10), granted(0, 0, 10)),
        (1, revoke(A), released(true)),
        (2, attempt(A, 1, 10), Answer::Revoked),
        (3, reads(A).request(), Answer::Revoked),
        (4, waits(A, 1).request(), Answer::Revoked),
        // A revoked id stands in the way of no other lease.
        (5, acquire(B, 10), granted(5, 5, 15)),
        (6, attempt(A, 2, 10), Answer::Revoked),
        (7, reads(A).request(), Answer::Revoked),
        (15, attempt(A, 3, 10), Answer::Revoked),
        (16, acquire(C, 10), granted(16, 16, 26)),
    ]
}

fn a_revocation_needs_no_document() -> Script {
    vec![
        (0, revoke(A), released(false)),
        (1, attempt(A, 0, 10), Answer::Revoked),
        (2, acquire(B, 10), granted(2, 2, 12)),
        (3, delete(A), Answer::Deleted(true)),
    ]
}

fn a_revocation_releases() -> Script {
    vec![
        (0, acquire(B, 10), granted(0, 0, 10)),
        (1, revoke(B), released(true)),
        (1, renew(&[(B, 10)]), gone(&[B])),
        (1, acquire(A, 10), granted(1, 1, 11)),
        // Late, it leaves the successor alone.
        (2, revoke(B), released(false)),
        (3, acquire(C, 10), refused(A, 1, 11, 1)),
    ]
}

fn a_revocation_keeps_min_hold() -> Script {
    let held = Released {
        lease: A,
        min_hold: Some(5),
        revoke: true,
    };
    vec![
        (0, acquire(A, 10), granted(0, 0, 10)),
        (1, Action::Release(held), released(true)),
        (2, attempt(A, 1, 10), Answer::Revoked),
        (4, acquire(B, 10), refused(A, 0, 5, 0)),
        (5, acquire(B, 10), granted(5, 5, 15)),
    ]
}

fn a_revocation_is_repeatable() -> Script {
    vec![
        (0, acquire(A, 10), granted(0, 0, 10)),
        (1, revoke(A), released(true)),
        (2, revoke(A), released(false)),
        (2, revoke(B), released(false)),
        (3, acquire(A, 10), Answer::Revoked),
        (3, acquire(B, 10), Answer::Revoked),
        (4, release(A), released(false)),
        (4, acquire(A, 10), Answer::Revoked),
    ]
}

fn a_revocation_lasts_an_hour() -> Script {
    vec![
        (0, revoke(A), released(false)),
        (
            HOUR - 1,
            acquire(C, 10),
            granted(HOUR - 1, HOUR - 1, HOUR + 9),
        ),
        (HOUR - 1, acquire(A, 10), Answer::Revoked),
        (HOUR, revoke(C), released(true)),
        (HOUR, acquire(A, 10), granted(HOUR, HOUR, HOUR + 10)),
        (HOUR, revoke(A), released(true)),
        // Set back, the clock does not make either last for longer than an hour from the next one.
        (-HOUR, revoke(B), released(false)),
        (-1, acquire(A, 10), Answer::Revoked),
        (0, acquire(D, 10), granted(HOUR + 1, 0, 10)),
        (10, acquire(A, 10), granted(HOUR + 2, 10, 20)),
        (20, acquire(C, 10), granted(HOUR + 3, 20, 30)),
    ]
}

fn a_revocation_ends_the_queue_entry() -> Script {
    vec![
        (0, acquire(A, 9000), granted(0, 0, 9000)),
        (
            1,
            waits(B, 1).request(),
            queued(A, 0, 9000, 0).at(0, 1, 9000),
        ),
        (2, revoke(B), released(false)),
        (3, release(A), released(true)),
        (4, acquire(C, 10), granted(4, 4, 14)),
    ]
}

fn a_revoked_request_is_not_queued() -> Script {
    vec![
        (0, acquire(A, 9000), granted(0, 0, 9000)),
        (1, revoke(B), released(false)),
        (2, waits(B, 1).request(), Answer::Revoked),
        (3, release(A), released(true)),
        (4, acquire(C, 10), granted(4, 4, 14)),
    ]
}

fn a_revoked_request_leaves_the_entry_of_its_client() -> Script {
    vec![
        (0, acquire(A, 9000), granted(0, 0, 9000)),
        (1, revoke(B), released(false)),
        // Another caller of the client.
        (
            2,
            waits(C, 1).request(),
            queued(A, 0, 9000, 0).at(0, 2, 9000),
        ),
        (3, waits(B, 1).request(), Answer::Revoked),
        (4, release(A), released(true)),
        (5, acquire(A, 10), refused(C, 2, 5002, 0)),
        (6, waits(C, 1).request(), granted(6, 6, 1006)),
    ]
}

fn a_hand_over_revokes() -> Script {
    vec![
        (0, acquire(A, 100), granted(0, 0, 100)),
        (
            1,
            waits(B, 1).instead_of_revoked(A),
            handed(true, granted(1, 1, 1001)),
        ),
        (2, release(B), released(true)),
        (3, attempt(A, 1, 100), Answer::Revoked),
        (4, acquire(C, 100), granted(4, 4, 104)),
    ]
}

fn a_hand_over_to_a_revoked_lease_releases() -> Script {
    vec![
        (0, acquire(A, 100), granted(0, 0, 100)),
        (1, revoke(B), released(false)),
        (
            2,
            waits(B, 1).instead_of(A, None),
            handed(true, Answer::Revoked),
        ),
        (3, acquire(C, 100), granted(3, 3, 103)),
    ]
}

fn a_deleted_lock_knows_no_revocation() -> Script {
    vec![
        (0, revoke(A), released(false)),
        (1, delete(A), Answer::Deleted(true)),
        (2, acquire(A, 10), granted(2, 2, 12)),
    ]
}
