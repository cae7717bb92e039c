//! From a long sequence that fails to a short one.

use super::{
    fixture::{Action, Released, Terms},
    plain_generator::Step,
};

/// Shorter versions of the sequence, the greatest simplifications first.
///
/// Any part of a sequence is one, since steps name leases by their position. Each version is smaller, so
/// that going from one that fails to the next ends.
pub(super) fn simpler(steps: &[Step]) -> Vec<Vec<Step>> {
    let mut candidates = Vec::new();
    let mut length = steps.len() / 2;
    while length > 0 {
        for at in (0..=steps.len() - length).step_by(length) {
            candidates.push([&steps[..at], &steps[at + length..]].concat());
        }
        length /= 2;
    }
    for (at, step) in steps.iter().enumerate() {
        for simpler in simpler_steps(step) {
            let mut candidate = steps.to_vec();
            candidate[at] = simpler;
            candidates.push(candidate);
        }
    }
    candidates
}

fn simpler_steps(step: &Step) -> Vec<Step> {
    let mut simpler = Vec::new();
    if step.wait != 0 {
        let step = step.clone();
        simpler.push(Step { wait: 0, ..step });
    }
    let actions = match &step.action {
        Action::Release(released) => simpler_releases(*released).map(Action::Release).collect(),
        Action::General(terms) => {
            let released = terms.released.into_iter();
            let simpler = released.flat_map(|released| {
                let simpler = simpler_releases(released).map(Some);
                simpler.chain([None])
            });
            let requests = simpler.map(|released| Terms { released, ..*terms });
            requests.map(Action::General).collect()
        }
        Action::Renew(leases) if leases.len() > 1 => (0..leases.len())
            .map(|left_out| {
                let mut leases = leases.clone();
                leases.remove(left_out);
                Action::Renew(leases)
            })
            .collect(),
        _ => Vec::new(),
    };
    let wait = step.wait;
    simpler.extend(actions.into_iter().map(|action| Step { wait, action }));
    simpler
}

fn simpler_releases(released: Released) -> impl Iterator<Item = Released> {
    let without_hold = Released {
        min_hold: None,
        ..released
    };
    let without_revocation = Released {
        revoke: false,
        ..released
    };
    let hold = released.min_hold.map(|_| without_hold);
    let revocation = released.revoke.then_some(without_revocation);
    hold.into_iter().chain(revocation)
}
