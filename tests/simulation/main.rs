//! The simulation, for as many seeds as a test run can afford. `examples/simulate` runs more.

#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects; a failure names the line"
)]

mod sim;

use sim::{Campaign, Rules, generate, run};

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
    if let Some(failure) = campaign.run().first() {
        panic!("{failure}");
    }
}

#[test]
fn a_seed_gives_one_history() {
    for seed in 0..60 {
        let scenario = generate(seed, None);
        let histories = [(); 2].map(|()| run(&scenario, &Rules::default(), true).history);
        assert!(!histories[0].is_empty());
        assert_eq!(histories[0], histories[1], "seed {seed}");
    }
}
