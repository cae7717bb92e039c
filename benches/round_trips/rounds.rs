//! Rounds: every contender once, in an order of the round's own.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::{
    contender::{ALL, Contender, Field},
    stats::{Ratio, Sorted},
};

/// The size of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    Rounds(usize),
    Time(Duration),
}

impl Size {
    pub(crate) fn warm_up(self) -> Self {
        match self {
            Self::Rounds(rounds) => Self::Rounds(rounds.div_ceil(10)),
            Self::Time(budget) => Self::Time(budget / 15),
        }
    }

    pub(crate) fn goes_on(self, rounds: usize, started: Instant) -> bool {
        match self {
            Self::Rounds(all) => rounds < all,
            // One round at least, so that there is something to show.
            Self::Time(budget) => rounds == 0 || started.elapsed() < budget,
        }
    }
}

/// The time that each contender took, in milliseconds, round by round.
#[derive(Debug, Default)]
pub(crate) struct Timings {
    of: [Vec<f64>; ALL.len()],
}

impl Timings {
    pub(crate) fn rounds(&self) -> usize {
        self.of[0].len()
    }

    pub(crate) fn sorted(&self, contender: Contender) -> Sorted {
        Sorted::new(self.of(contender).to_vec())
    }

    /// The time of `contender` over that of `other` in the same round.
    pub(crate) fn ratio(&self, contender: Contender, other: Contender) -> Ratio {
        let pairs = self.of(contender).iter().zip(self.of(other));
        Sorted::new(pairs.map(|(ours, theirs)| ours / theirs).collect()).ratio()
    }

    fn of(&self, contender: Contender) -> &[f64] {
        ALL.iter()
            .zip(&self.of)
            .find_map(|(other, times)| (*other == contender).then_some(times))
            .map_or(&[], Vec::as_slice)
    }
}

pub(crate) async fn run(field: &Field, size: Size) -> Result<Timings> {
    let mut timings = Timings::default();
    let mut order: [usize; ALL.len()] = std::array::from_fn(|index| index);
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    let started = Instant::now();
    while size.goes_on(timings.rounds(), started) {
        dice.shuffle(&mut order);
        for index in order {
            field.settle().await?;
            let start = Instant::now();
            field.run(ALL[index]).await?;
            timings.of[index].push(start.elapsed().as_secs_f64() * 1e3);
        }
    }
    Ok(timings)
}

/// Marsaglia's xorshift: equal orders in every run, in which no contender has one neighbour for long.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let high = usize::try_from(self.0 >> 40).unwrap_or_default();
        high % sides
    }

    fn shuffle(&mut self, order: &mut [usize]) {
        for last in (1..order.len()).rev() {
            order.swap(last, self.roll(last + 1));
        }
    }
}
