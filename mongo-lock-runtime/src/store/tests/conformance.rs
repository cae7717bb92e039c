//! The rules of the protocol, which every store obeys to the millisecond. Each case is a script: the
//! time, the action, the answer.

use super::{
    fixture::{Action, Answer, Grant, Left, Refusal, Released, Renew, Slot},
    script::Script,
};

on_both_stores! {
    a_free_lock_is_granted_for_its_ttl
    a_held_lock_is_refused_with_its_holder
    a_request_sent_again_is_told_of_the_same_lease
    a_request_sent_again_after_its_lease_has_ended_is_a_new_one
    a_lease_ends_on_the_millisecond
    the_longest_lease_ends_on_the_millisecond
    names_do_not_meet
    the_token_is_the_clock_and_grows_within_a_millisecond
    the_token_grows_when_the_clock_is_set_back
    the_token_grows_when_the_document_is_deleted
    a_release_frees_at_once_and_only_once
    a_release_frees_when_the_clock_is_set_back
    a_late_release_leaves_the_successor_alone
    a_release_finds_an_expired_lease_that_was_not_taken_over
    min_hold_counts_from_the_acquisition
    min_hold_that_is_over_keeps_nothing
    min_hold_cuts_what_a_renewal_added
    what_min_hold_keeps_is_no_lease
    a_renewal_counts_from_now_and_never_shortens
    a_renewal_of_an_expired_lease_does_not_revive_it
    a_renewal_of_a_lost_lease_leaves_the_successor_alone
    a_batch_renews_what_is_there_and_names_what_is_not
    a_batch_of_many_names_is_still_exact
    a_deleted_lock_is_free_and_its_lease_gone
}

// Three under one name, and one under another.
const A: Slot = Slot { name: 0, nth: 0 };
const B: Slot = Slot { name: 0, nth: 1 };
const C: Slot = Slot { name: 0, nth: 2 };
const OTHER: Slot = Slot { name: 1, nth: 0 };

fn a_free_lock_is_granted_for_its_ttl() -> Script {
    vec![(3, acquire(A, 10), granted(3, 3, 13))]
}

fn a_held_lock_is_refused_with_its_holder() -> Script {
    vec![
        // The label of B looks like a field path, that of C like a variable.
        (0, acquire(B, 10), granted(0, 0, 10)),
        (1, acquire(A, 99), refused(B, 0, 10, 0)),
        // The refusal has changed nothing.
        (2, acquire(A, 99), refused(B, 0, 10, 0)),
        (10, acquire(C, 5), granted(10, 10, 15)),
        (12, acquire(A, 99), refused(C, 10, 15, 10)),
    ]
}

fn a_request_sent_again_is_told_of_the_same_lease() -> Script {
    vec![
        (0, acquire(A, 10), granted(0, 0, 10)),
        (5, acquire(A, 10), granted(0, 0, 10)),
        (9, acquire(A, 99), granted(0, 0, 10)),
        (9, acquire(B, 10), refused(A, 0, 10, 0)),
    ]
}

fn a_request_sent_again_after_its_lease_has_ended_is_a_new_one() -> Script {
    vec![
        (0, acquire(A, 10), granted(0, 0, 10)),
        (10, acquire(A, 10), granted(10, 10, 20)),
        (20, acquire(B, 10), granted(20, 20, 30)),
        (21, acquire(A, 10), refused(B, 20, 30, 20)),
    ]
}

fn a_lease_ends_on_the_millisecond() -> Script {
    vec![
        (0, acquire(A, 10), granted(0, 0, 10)),
        (9, acquire(B, 1), refused(A, 0, 10, 0)),
        (10, acquire(B, 1), granted(10, 10, 11)),
        (11, acquire(A, 1), granted(11, 11, 12)),
    ]
}

fn the_longest_lease_ends_on_the_millisecond() -> Script {
    let ttl = u64::try_from(crate::LockSpec::MAX_TTL.as_millis()).unwrap();
    let end = 366 * 24 * 60 * 60 * 1000;
    vec![
        (0, acquire(A, ttl), granted(0, 0, end)),
        (end - 1, acquire(B, 1), refused(A, 0, end, 0)),
        (end - 1, renew(&[(A, ttl)]), gone(&[])),
        (end, acquire(B, 1), refused(A, 0, 2 * end - 1, 0)),
        (
            2 * end - 1,
            acquire(B, 1),
            granted(2 * end - 1, 2 * end - 1, 2 * end),
        ),
    ]
}

fn names_do_not_meet() -> Script {
    vec![
        (0, acquire(A, 10), granted(0, 0, 10)),
        (1, acquire(OTHER, 10), granted(1, 1, 11)),
        (2, release(A), released(true)),
        (3, renew(&[(OTHER, 10)]), gone(&[])),
        (3, delete(A), Answer::Deleted(true)),
        (4, acquire(OTHER, 10), granted(1, 1, 13)),
    ]
}

fn the_token_is_the_clock_and_grows_within_a_millisecond() -> Script {
    vec![
        (0, acquire(A, 10), granted(0, 0, 10)),
        (0, release(A), released(true)),
        (0, acquire(B, 10), granted(1, 0, 10)),
        (0, release(B), released(true)),
        (1, acquire(C, 10), granted(2, 1, 11)),
        (11, acquire(A, 10), granted(11, 11, 21)),
    ]
}

fn the_token_grows_when_the_clock_is_set_back() -> Script {
    vec![
        (0, acquire(A, 10), granted(0, 0, 10)),
        (1, release(A), released(true)),
        (-500, acquire(B, 10), granted(1, -500, -490)),
        (-490, acquire(A, 10), granted(2, -490, -480)),
    ]
}

fn the_token_grows_when_the_document_is_deleted() -> Script {
    vec![
        (0, acquire(A, 10), granted(0, 0, 10)),
        (1, release(A), released(true)),
        (1, delete(A), Answer::Deleted(true)),
        (1, acquire(A, 10), granted(1, 1, 11)),
    ]
}

fn a_release_frees_at_once_and_only_once() -> Script {
    vec![
        (0, release(A), released(false)),
        (0, acquire(A, 10), granted(0, 0, 10)),
        (1, release(B), released(false)),
        (2, release(A), released(true)),
        (2, release(A), released(false)),
        (2, acquire(B, 10), granted(2, 2, 12)),
    ]
}

fn a_release_frees_when_the_clock_is_set_back() -> Script {
    vec![
        (0, acquire(A, 10), granted(0, 0, 10)),
        (-1, release(A), released(true)),
        (-1, acquire(B, 10), granted(1, -1, 9)),
    ]
}

fn a_late_release_leaves_the_successor_alone() -> Script {
    vec![
        (0, acquire(A, 10), granted(0, 0, 10)),
        (10, acquire(B, 10), granted(10, 10, 20)),
        (11, release(A), released(false)),
        (12, release_held(A, 50), released(false)),
        (13, acquire(C, 10), refused(B, 10, 20, 10)),
    ]
}

fn a_release_finds_an_expired_lease_that_was_not_taken_over() -> Script {
    vec![
        (0, acquire(A, 10), granted(0, 0, 10)),
        (15, release(A), released(true)),
        (15, release(A), released(false)),
    ]
}

fn min_hold_counts_from_the_acquisition() -> Script {
    vec![
        (0, acquire(A, 10), granted(0, 0, 10)),
        (2, release_held(A, 5), released(true)),
        (4, acquire(B, 10), refused(A, 0, 5, 0)),
        (5, acquire(B, 10), granted(5, 5, 15)),
    ]
}

fn min_hold_that_is_over_keeps_nothing() -> Script {
    vec![
        (0, acquire(A, 10), granted(0, 0, 10)),
        (5, release_held(A, 5), released(true)),
        (5, release_held(A, 5), released(false)),
        (5, acquire(B, 10), granted(5, 5, 15)),
    ]
}

fn min_hold_cuts_what_a_renewal_added() -> Script {
    vec![
        (0, acquire(A, 10), granted(0, 0, 10)),
        (8, renew(&[(A, 10)]), gone(&[])),
        (9, release_held(A, 10), released(true)),
        (9, acquire(B, 10), refused(A, 0, 10, 0)),
        (10, acquire(B, 10), granted(10, 10, 20)),
    ]
}

/// Neither a late renewal nor a repeated request may prolong the hold or make it a lease again.
fn what_min_hold_keeps_is_no_lease() -> Script {
    vec![
        (0, acquire(A, 10), granted(0, 0, 10)),
        (1, release_held(A, 5), released(true)),
        (2, renew(&[(A, 10)]), gone(&[A])),
        (3, release_held(A, 9), released(false)),
        (3, release(A), released(false)),
        (4, acquire(A, 10), refused(A, 0, 5, 0)),
        (5, acquire(A, 10), granted(5, 5, 15)),
    ]
}

fn a_renewal_counts_from_now_and_never_shortens() -> Script {
    vec![
        (0, acquire(A, 10), granted(0, 0, 10)),
        (5, renew(&[(A, 10)]), gone(&[])),
        (6, acquire(B, 10), refused(A, 0, 15, 0)),
        (7, renew(&[(A, 1)]), gone(&[])),
        (14, acquire(B, 10), refused(A, 0, 15, 0)),
        // An extension is a renewal with another ttl. The token and the start stay.
        (14, renew(&[(A, 100)]), gone(&[])),
        (113, acquire(B, 10), refused(A, 0, 114, 0)),
        (114, acquire(B, 10), granted(114, 114, 124)),
    ]
}

fn a_renewal_of_an_expired_lease_does_not_revive_it() -> Script {
    vec![
        (0, acquire(A, 10), granted(0, 0, 10)),
        (10, renew(&[(A, 10)]), gone(&[A])),
        (10, acquire(B, 10), granted(10, 10, 20)),
    ]
}

fn a_renewal_of_a_lost_lease_leaves_the_successor_alone() -> Script {
    vec![
        (0, renew(&[(A, 10)]), gone(&[A])),
        (0, acquire(A, 10), granted(0, 0, 10)),
        (10, acquire(B, 10), granted(10, 10, 20)),
        (15, renew(&[(A, 100)]), gone(&[A])),
        (15, acquire(C, 10), refused(B, 10, 20, 10)),
        (16, release(B), released(true)),
        (16, renew(&[(B, 100)]), gone(&[B])),
        (16, acquire(C, 10), granted(16, 16, 26)),
    ]
}

fn a_batch_renews_what_is_there_and_names_what_is_not() -> Script {
    let third = Slot { name: 2, nth: 0 };
    vec![
        (0, acquire(A, 10), granted(0, 0, 10)),
        (0, acquire(OTHER, 10), granted(0, 0, 10)),
        // One under a name that was never used, and several under one name.
        (
            5,
            renew(&[(B, 50), (A, 10), (third, 10), (OTHER, 10), (C, 10)]),
            gone(&[B, C, third]),
        ),
        (6, acquire(B, 10), refused(A, 0, 15, 0)),
        // One of them twice, with different ttls.
        (6, renew(&[(A, 30), (OTHER, 1), (A, 20)]), gone(&[])),
        (7, acquire(B, 10), refused(A, 0, 36, 0)),
        // The answer is as exact when nothing changes.
        (7, renew(&[(A, 1), (OTHER, 1)]), gone(&[])),
        (15, renew(&[(OTHER, 10), (A, 1)]), gone(&[OTHER])),
    ]
}

fn a_batch_of_many_names_is_still_exact() -> Script {
    let leases: Vec<_> = (0..210).map(|name| Slot { name, nth: 0 }).collect();
    let lost: Vec<_> = leases.iter().copied().step_by(70).collect();
    let renew_all = |ttl| renew(&leases.iter().map(|lease| (*lease, ttl)).collect::<Vec<_>>());
    let mut script: Script = leases
        .iter()
        .map(|lease| (0, acquire(*lease, 10), granted(0, 0, 10)))
        .collect();
    script.push((5, renew_all(10), gone(&[])));
    script.extend(
        lost.iter()
            .map(|lease| (12, release(*lease), released(true))),
    );
    script.push((14, renew_all(10), gone(&lost)));
    script.push((23, renew_all(1), gone(&lost)));
    script.push((24, renew_all(10), gone(&leases)));
    script
}

fn a_deleted_lock_is_free_and_its_lease_gone() -> Script {
    vec![
        (0, delete(A), Answer::Deleted(false)),
        (0, acquire(A, 10), granted(0, 0, 10)),
        (1, delete(A), Answer::Deleted(true)),
        (2, renew(&[(A, 10)]), gone(&[A])),
        (3, release(A), released(false)),
        (3, delete(A), Answer::Deleted(false)),
        (4, acquire(B, 10), granted(4, 4, 14)),
    ]
}

pub(super) fn acquire(lease: Slot, ttl: u64) -> Action {
    attempt(lease, 0, ttl)
}

pub(super) fn attempt(lease: Slot, attempt: u32, ttl: u64) -> Action {
    Action::Acquire {
        lease,
        attempt,
        ttl,
    }
}

pub(super) fn release(lease: Slot) -> Action {
    Action::Release(Released {
        lease,
        min_hold: None,
        revoke: false,
    })
}

pub(super) fn release_held(lease: Slot, min_hold: u64) -> Action {
    Action::Release(Released {
        lease,
        min_hold: Some(min_hold),
        revoke: false,
    })
}

pub(super) fn revoke(lease: Slot) -> Action {
    Action::Release(Released {
        lease,
        min_hold: None,
        revoke: true,
    })
}

pub(super) fn renew(leases: &[(Slot, u64)]) -> Action {
    let renew = |&(lease, ttl): &(Slot, u64)| Renew {
        lease,
        ttl,
        alone: false,
    };
    Action::Renew(leases.iter().map(renew).collect())
}

pub(super) fn delete(lease: Slot) -> Action {
    Action::Delete { name: lease.name }
}

pub(super) fn granted(token: i64, acquired_at: i64, expires_at: i64) -> Answer {
    granted_attempt(0, token, acquired_at, expires_at)
}

pub(super) fn granted_attempt(
    attempt: u32,
    token: i64,
    acquired_at: i64,
    expires_at: i64,
) -> Answer {
    Answer::Granted(Grant {
        attempt,
        token,
        acquired_at,
        expires_at,
    })
}

pub(super) fn refused(holder: Slot, since: i64, until: i64, token: i64) -> Answer {
    let holder = holder.owner();
    Answer::Refused(Refusal {
        holder,
        since,
        until,
        token,
    })
}

pub(super) fn released(there: bool) -> Answer {
    Answer::Released(there)
}

pub(super) fn gone(leases: &[Slot]) -> Answer {
    Answer::Renewed {
        gone: leases.iter().copied().collect(),
        left: Left::default(),
    }
}
