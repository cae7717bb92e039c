//! Random numbers that are equal in every run.

/// Marsaglia's xorshift.
pub(crate) struct Dice(u64);

impl Default for Dice {
    fn default() -> Self {
        Self(0x9E37_79B9_7F4A_7C15)
    }
}

impl Dice {
    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 24) % sides
    }

    pub(crate) fn shuffle<T>(&mut self, order: &mut [T]) {
        let mut left = order;
        while let [_, rest @ ..] = left {
            let sides = rest.len() as u64 + 1;
            let other = usize::try_from(self.roll(sides)).unwrap_or_default();
            left.swap(0, other);
            left = &mut left[1..];
        }
    }
}
