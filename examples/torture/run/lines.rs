//! The lines that more than one kind of process writes.

use mongo_lock_runtime::{Lease, SkipReason, Skipped};

use super::{
    clock::{Micros, micros, now, span},
    jobs::Kind,
    ledger::Ledger,
};

/// A call of a job is about to ask for its lock.
pub(crate) fn asked(ledger: &Ledger, call: u64, name: &str, kind: Kind) {
    ledger.write(
        "asked",
        format_args!(
            "call={call} name={name} job={kind:?} waits={}",
            kind.terms().wait.is_some()
        ),
    );
}

/// It has it.
pub(crate) fn began(ledger: &Ledger, call: u64, kind: Kind, lease: &Lease, polled: Micros) {
    let terms = kind.terms();
    let optional = |time: Option<_>| time.map_or(0, span);
    // The line's time is from before the look at what is left: so the end that they add up to is
    // never later than the one that the holder was told.
    let at = now();
    ledger.write_at(
        at,
        "began",
        format_args!(
            "call={call} name={} job={kind:?} token={} acquired_at={} ttl={} longest={} renew={} \
             max_hold={} min_hold={} shared={} polled={polled} left={}",
            lease.name(),
            lease.token(),
            micros(lease.acquired_at()),
            span(terms.ttl),
            span(terms.longest),
            terms.renew,
            optional(terms.max_hold),
            optional(terms.min_hold),
            terms.shared,
            span(lease.time_left()),
        ),
    );
}

/// The call was refused.
pub(crate) fn skipped(ledger: &Ledger, call: u64, skipped: &Skipped) {
    let (owner, token, since, until) = match &skipped.reason {
        SkipReason::Held(it) => (&it.owner, it.token, it.since, it.until),
        SkipReason::Reserved(it) => (&it.owner, it.last_token, it.waiting_since, it.kept_until),
        other => panic!("the evidence has no form for {other:?}"),
    };
    ledger.write(
        "skipped",
        format_args!(
            "call={call} name={} holder={owner} token={token} since={} until={} waiting={}",
            skipped.name,
            micros(since),
            micros(until),
            skipped.reservation().is_some(),
        ),
    );
}
