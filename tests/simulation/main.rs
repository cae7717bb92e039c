//! The simulation, for as many seeds as a test run can afford. `examples/simulate` runs more.

#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects; a failure names the line"
)]

mod sim;

use sim::{Campaign, Failure, Profile, Rules, Sabotage, Scenario, generate, run};

const SEEDS: u64 = 2000;

#[test]
fn no_promise_is_broken() {
    let campaign = Campaign {
        first: 0,
        seeds: SEEDS,
        threads: std::thread::available_parallelism().map_or(2, usize::from),
        profile: None,
        rules: Rules::default(),
        all: false,
    };
    let failures: Vec<Failure> = campaign.run();
    if let Some(failure) = failures.first() {
        panic!("{failure}");
    }
}

#[test]
fn a_seed_gives_one_history() {
    for seed in 0..300 {
        let scenario = generate(seed, None);
        let histories = [(); 2].map(|()| run(&scenario, &Rules::default(), true).history);
        assert!(!histories[0].is_empty());
        // Not `assert_eq!`: it would print both.
        assert!(histories[0] == histories[1], "seed {seed}");
    }
}

#[test]
fn a_store_that_forgets_its_holders_is_noticed() {
    assert_noticed(Sabotage::ForgetsHolders, "P1 one holder in the store");
}

#[test]
fn a_store_that_ignores_releases_is_noticed() {
    assert_noticed(Sabotage::IgnoresReleases, "P5 a free lock is granted");
}

/// The clocks of two routers are a minute apart.
#[test]
fn the_clock_of_a_router_is_noticed() {
    assert_noticed_in(
        "quiet",
        true,
        Sabotage::RoutersDecide,
        "P1 one body at a time",
    );
}

#[test]
fn a_stamp_that_a_fail_over_has_undone_is_noticed() {
    assert_noticed_in(
        "fail-over",
        true,
        Sabotage::ForgetsStamps,
        "P5 a lease lasts a ttl",
    );
}

fn assert_noticed(sabotage: Sabotage, rule: &str) {
    assert_noticed_in("quiet", false, sabotage, rule);
}

fn assert_noticed_in(profile: &str, routers: bool, sabotage: Sabotage, rule: &str) {
    let rules = Rules::only(rule);
    let noticed = (0..2000).any(|seed| {
        let scenario = Scenario {
            routers,
            sabotage,
            ..generate(seed, Profile::named(profile))
        };
        run(&scenario, &rules, false).violation.is_some()
    });
    assert!(noticed, "{rule}");
}
