//! How requests and answers read in the history.

use mongo_lock_runtime::LockName;

use super::{
    api::{self, AcquireReply, Answer, AttemptError, Reply, Request, millis},
    oracle::Oracle,
    script::What,
};

pub(crate) fn what(request: &Request) -> What {
    match request {
        Request::Acquire(_) => What::Acquire,
        Request::HandOver(..) => What::HandOver,
        Request::Leave { .. } => What::Leave,
        Request::Release(_) => What::Release,
        Request::Renew(_) => What::Renew,
        Request::Wake(_) => What::Wake,
        Request::Confirm(_) => What::Confirm,
    }
}

/// The locks that it is about.
pub(crate) fn names(request: &Request) -> Vec<LockName> {
    match request {
        Request::Acquire(request) => vec![request.name.clone()],
        Request::HandOver(release, _) | Request::Release(release) => vec![release.name.clone()],
        Request::Leave { name, .. } => vec![name.clone()],
        // A hint: an error of it excuses nothing.
        Request::Wake(_) => Vec::new(),
        Request::Confirm(places) => places.iter().map(|it| it.name.clone()).collect(),
        Request::Renew(leases) => leases.iter().map(|it| it.name.clone()).collect(),
    }
}

pub(crate) fn request(request: &Request, oracle: &Oracle) -> String {
    let call = |lease| {
        let call = oracle.call_of(lease);
        call.map_or_else(
            || "an unknown call".to_owned(),
            |call| format!("call {call}"),
        )
    };
    let acquire = |request: &api::AcquireRequest| {
        let call = oracle.call_with(millis(request.ttl), &request.name);
        let place = api::place(request);
        let place = place.map_or_else(String::new, |(_, waited)| format!(", waiting for {waited}"));
        format!("acquire `{}` for call {call}{place}", request.name)
    };
    match request {
        Request::Acquire(request) => acquire(request),
        Request::HandOver(release, request) => {
            format!(
                "release that of {}, and {}",
                call(release.lease),
                acquire(request)
            )
        }
        Request::Leave { name, .. } => format!("leave the queue of `{name}`"),
        Request::Release(release) => {
            format!("release `{}` of {}", release.name, call(release.lease))
        }
        Request::Renew(leases) => {
            let calls: Vec<_> = leases.iter().map(|it| call(it.lease)).collect();
            format!("renew {}", calls.join(", "))
        }
        Request::Wake(wakeup) => format!("wake waiters for `{}`", wakeup.lock),
        Request::Confirm(places) => {
            let names: Vec<_> = places.iter().map(|it| it.name.to_string()).collect();
            format!("confirm places for {}", names.join(", "))
        }
    }
}

pub(crate) fn effect(reply: &Reply, oracle: &Oracle) -> String {
    match reply {
        Reply::Acquire(reply) => acquire(reply),
        Reply::HandOver(freed, reply) => {
            let freed = if *freed { "released" } else { "was gone" };
            format!("{freed}, and {}", acquire(reply))
        }
        Reply::Left => "left".into(),
        Reply::Woken => "woken".into(),
        Reply::Confirmed(standings) => {
            let asks = standings.iter().filter(|it| **it == api::Standing::Ask);
            format!(
                "confirmed, {} of {} are to ask",
                asks.count(),
                standings.len()
            )
        }
        Reply::Released(true) => "released".into(),
        Reply::Released(false) => "was gone".into(),
        Reply::Renewed(renewed) => {
            let mut gone: Vec<_> = renewed
                .gone
                .iter()
                .filter_map(|it| oracle.call_of(*it))
                .collect();
            gone.sort_unstable();
            let mut left: Vec<_> = renewed
                .left
                .iter()
                .map(|(lease, (_, left))| (oracle.call_of(*lease), millis(*left)))
                .collect();
            left.sort_unstable();
            format!("renewed, but for {gone:?}; left: {left:?}")
        }
    }
}

fn acquire(reply: &AcquireReply) -> String {
    match api::answer(reply) {
        Answer::Granted {
            token, expires_at, ..
        } => format!("granted with token {token} until {expires_at}"),
        Answer::Revoked => "refused, since it was revoked".into(),
        Answer::Refused => "refused".into(),
        Answer::Queued { .. } => "queued".into(),
    }
}

pub(crate) fn error(error: &AttemptError) -> String {
    let transient = if error.is_transient() {
        "transient"
    } else {
        "lasting"
    };
    let unknown = if error.is_effect_unknown() {
        "perhaps with effect"
    } else {
        "without effect"
    };
    format!("{error} ({transient}, {unknown})")
}
