//! Numbers that a seed repeats.

use std::{ops::Range, time::Duration};

/// `SplitMix64`: a few lines, and the same numbers on every machine and in every version.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    /// Each `stream` of a seed has numbers of its own, so that one consumer's timing does not change
    /// what another one gets.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        let mut random = Self(seed ^ stream.wrapping_mul(0xA076_1D64_78BD_642F));
        random.next();
        random
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn within(&mut self, range: Range<u64>) -> u64 {
        range.start + self.next() % (range.end - range.start).max(1)
    }

    pub(crate) fn millis(&mut self, range: Range<u64>) -> Duration {
        Duration::from_millis(self.within(range))
    }

    pub(crate) fn one_in(&mut self, times: u64) -> bool {
        self.within(0..times) == 0
    }

    pub(crate) fn index(&mut self, length: usize) -> usize {
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        usize::try_from(self.within(0..length)).unwrap_or_default()
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.index(from.len())]
    }
}

/// Gives all of its cards in a random order, then all of them again: so that a short run has all
/// kinds of faults too.
#[derive(Debug)]
pub(crate) struct Deck<T> {
    cards: Vec<T>,
    given: usize,
}

impl<T: Copy> Deck<T> {
    pub(crate) fn new(cards: Vec<T>) -> Self {
        let given = cards.len();
        Self { cards, given }
    }

    pub(crate) fn next(&mut self, random: &mut Random) -> T {
        if self.given == self.cards.len() {
            self.given = 0;
            for last in (1..self.cards.len()).rev() {
                let other = random.index(last + 1);
                self.cards.swap(last, other);
            }
        }
        self.given += 1;
        self.cards[self.given - 1]
    }
}
