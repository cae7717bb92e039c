//! Kinds of scenarios: what is frequent in them, so that rare combinations need few seeds.

/// How often what happens, in a scenario of a kind. Weights are relative to each other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Profile {
    pub(crate) name: &'static str,
    pub(crate) calls: (usize, usize),
    /// In how much time they are made.
    pub(crate) time: (u64, u64),
    pub(crate) clients: (usize, usize),
    pub(crate) names: u8,
    pub(crate) ttls: &'static [u64],
    /// Of ten calls, so many are given up.
    pub(crate) given_up: u32,
    /// Of ten futures that are given up, so many are left unpolled before.
    pub(crate) unpolled: u32,
    /// Of ten calls, so many wait.
    pub(crate) waits: u32,
    pub(crate) renewed: u32,
    /// How many faults of each kind there are at most.
    pub(crate) requests: u32,
    /// Several requests of one client, one after the other.
    pub(crate) troubles: u32,
    /// A client is cut off from the server.
    pub(crate) partitions: u32,
    pub(crate) hangs: u32,
    pub(crate) fail_overs: u32,
    pub(crate) clocks: u32,
    /// The clock is set back under a renewed lease, and its client is cut off.
    pub(crate) cut_off: u32,
    pub(crate) pauses: u32,
    pub(crate) kills: u32,
    pub(crate) shutdowns: u32,
    pub(crate) operators: u32,
    pub(crate) deaf: u32,
    /// Whether one lock has readers, permits and exclusive holders at once.
    pub(crate) mixed_kinds: bool,
}

const QUIET: Profile = Profile {
    name: "quiet",
    calls: (3, 14),
    time: (200, 4000),
    clients: (1, 3),
    names: 2,
    ttls: &[600, 3000, 30_000, 120_000],
    given_up: 2,
    unpolled: 0,
    waits: 5,
    renewed: 3,
    requests: 0,
    troubles: 0,
    partitions: 0,
    hangs: 0,
    fail_overs: 0,
    clocks: 0,
    cut_off: 0,
    pauses: 0,
    kills: 0,
    shutdowns: 0,
    operators: 0,
    deaf: 0,
    mixed_kinds: false,
};

/// All of them. A seed chooses one.
pub(crate) const PROFILES: [Profile; 13] = [
    QUIET,
    Profile {
        name: "lossy",
        troubles: 2,
        requests: 6,
        partitions: 1,
        ..QUIET
    },
    Profile {
        name: "small-ttl",
        ttls: &[200, 300, 600],
        requests: 5,
        partitions: 1,
        deaf: 1,
        renewed: 5,
        ..QUIET
    },
    Profile {
        name: "hung",
        requests: 2,
        hangs: 2,
        waits: 7,
        time: (500, 8000),
        ..QUIET
    },
    Profile {
        name: "clocks",
        clocks: 3,
        cut_off: 1,
        partitions: 2,
        requests: 3,
        renewed: 7,
        ttls: &[600, 2000, 5000],
        ..QUIET
    },
    Profile {
        name: "crowd",
        calls: (10, 40),
        clients: (2, 4),
        names: 1,
        waits: 9,
        given_up: 1,
        deaf: 1,
        mixed_kinds: true,
        ..QUIET
    },
    Profile {
        name: "cancelled",
        troubles: 2,
        given_up: 8,
        unpolled: 1,
        requests: 4,
        waits: 7,
        ..QUIET
    },
    Profile {
        name: "operated",
        operators: 4,
        requests: 1,
        renewed: 5,
        ..QUIET
    },
    Profile {
        name: "unpolled",
        given_up: 4,
        unpolled: 7,
        requests: 1,
        waits: 7,
        ..QUIET
    },
    Profile {
        name: "fail-over",
        fail_overs: 2,
        requests: 2,
        ..QUIET
    },
    Profile {
        name: "shut-down",
        troubles: 2,
        shutdowns: 2,
        requests: 4,
        ..QUIET
    },
    Profile {
        name: "dying",
        pauses: 2,
        kills: 2,
        requests: 2,
        ..QUIET
    },
    Profile {
        name: "mixed",
        troubles: 2,
        calls: (4, 24),
        clients: (1, 4),
        names: 3,
        ttls: &[300, 600, 3000, 10_000, 120_000],
        given_up: 4,
        unpolled: 2,
        waits: 6,
        renewed: 4,
        requests: 6,
        partitions: 1,
        hangs: 1,
        fail_overs: 1,
        clocks: 1,
        pauses: 1,
        kills: 1,
        shutdowns: 1,
        operators: 1,
        deaf: 1,
        mixed_kinds: true,
        ..QUIET
    },
];

impl Profile {
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        PROFILES.iter().find(|profile| profile.name == name)
    }
}
