//! Random numbers: ids that are unique for ever, and jitter.

use mongodb::bson::Uuid;

/// A version 4 UUID.
pub(crate) fn uuid() -> Uuid {
    #[cfg(feature = "__simulation")]
    if let Some(bytes) = seeded::bytes() {
        return Uuid::from_bytes(bytes);
    }
    Uuid::new()
}

/// A number between 0 and 255.
pub(crate) fn byte() -> u8 {
    let [.., random] = uuid().bytes();
    random
}

/// A thread's random numbers by a seed, for a simulation that can be repeated.
#[cfg(feature = "__simulation")]
pub(crate) mod seeded {
    use std::cell::Cell;

    thread_local! {
        static STATE: Cell<Option<u64>> = const { Cell::new(None) };
    }

    pub(crate) fn seed(seed: u64) {
        STATE.set(Some(seed));
    }

    pub(super) fn bytes() -> Option<[u8; 16]> {
        let mut state = STATE.get()?;
        let mut bytes = [0; 16];
        for half in bytes.chunks_mut(8) {
            half.copy_from_slice(&split_mix(&mut state).to_be_bytes());
        }
        STATE.set(Some(state));
        Some(bytes)
    }

    /// `SplitMix64`: <https://prng.di.unimi.it/splitmix64.c>.
    fn split_mix(state: &mut u64) -> u64 {
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
