//! Where randomness comes from. The only way to it in the house: everything else is given a
//! [`Random`].
//!
//! Promises that [`SystemRandom`] is fit for keys and tokens, and that [`SeededRandom`] repeats
//! itself exactly. Does not offer numbers in a range, shuffles or distributions.

use std::sync::atomic::{AtomicU64, Ordering};

/// A source of random bytes.
pub trait Random: Send + Sync {
    /// Fills the buffer, all of it.
    fn fill(&self, buffer: &mut [u8]);
}

/// The operating system's cryptographically secure generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    /// # Panics
    ///
    /// If the operating system has no randomness to give: nothing that asks for it can go on.
    fn fill(&self, buffer: &mut [u8]) {
        getrandom::fill(buffer).expect("the operating system must give randomness");
    }
}

/// A generator that gives the same bytes for the same seed, on every machine: for tests and
/// simulations, **never for secrets**.
///
/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA
/// 2014). Every 8 bytes, or fewer at the end of a buffer, take one step. Calls from several
/// threads each get a step of their own, in the order in which they come.
#[derive(Debug)]
pub struct SeededRandom {
    state: AtomicU64,
}

/// The increment of SplitMix64: 2^64 divided by the golden ratio, made odd.
const GOLDEN_GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

impl SeededRandom {
    /// A generator that begins at `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self {
            state: AtomicU64::new(seed),
        }
    }

    fn next(&self) -> u64 {
        let state = self.state.fetch_add(GOLDEN_GAMMA, Ordering::Relaxed);
        let mixed = state.wrapping_add(GOLDEN_GAMMA);
        let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

impl Random for SeededRandom {
    fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes()[..chunk.len()]);
        }
    }
}
