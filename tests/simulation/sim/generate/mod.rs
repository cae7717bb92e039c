//! Makes a scenario of a seed.

mod calls;
mod faults;

use fastrand::Rng;

use super::{
    profile::{PROFILES, Profile},
    script::{Call, Sabotage, Scenario},
};

/// The same seed gives the same scenario. Without a profile, the seed chooses one.
pub(crate) fn generate(seed: u64, profile: Option<&'static Profile>) -> Scenario {
    let mut rng = Rng::with_seed(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let chosen = &PROFILES[rng.usize(..PROFILES.len())];
    let profile = profile.unwrap_or(chosen);
    let mut generator = Generator {
        time: rng.u64(profile.time.0..=profile.time.1),
        clients: rng.usize(profile.clients.0..=profile.clients.1),
        names: rng.u8(1..=profile.names),
        permits: rng.u32(2..=3),
        limit: *one(&mut rng, &[1000, 1000, 1000, 2000, 5000]),
        calls: Vec::new(),
        profile,
        rng,
    };
    let count = generator.rng.usize(profile.calls.0..=profile.calls.1);
    let mut calls: Vec<_> = (0..count).map(|id| generator.call(id)).collect();
    calls.sort_by_key(|call| call.at);
    generator.calls = calls;
    let faults = generator.faults();
    let latency = *one(&mut generator.rng, &[(1, 2), (1, 2), (1, 12), (3, 40)]);
    Scenario {
        seed,
        profile: profile.name,
        limit: generator.limit,
        clients: generator.clients,
        latency,
        calls: generator.calls,
        faults,
        routers: generator.rng.u8(..4) == 0,
        sabotage: Sabotage::default(),
    }
}

struct Generator {
    rng: Rng,
    profile: &'static Profile,
    time: u64,
    clients: usize,
    names: u8,
    permits: u32,
    limit: u64,
    calls: Vec<Call>,
}

fn one<'a, T>(rng: &mut Rng, of: &'a [T]) -> &'a T {
    &of[rng.usize(..of.len())]
}

impl Generator {
    fn of_ten(&mut self, count: u32) -> bool {
        self.rng.u32(..10) < count
    }

    /// Small numbers are as frequent as large ones.
    fn any(&mut self, up_to: u64) -> u64 {
        let scale = *one(&mut self.rng, &[1, 1, 4, 16, 64]);
        self.rng.u64(..=(up_to / scale).max(1))
    }
}
