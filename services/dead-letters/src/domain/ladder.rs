//! The ladder: how long work waits before it is sent again.
//!
//! Promises: the wait after the first failure is the first rung, and so on; after the last rung
//! the last repeats, so that how often a message is tried is one number of its configuration and
//! how long it waits is another of the platform. It does not say how often.

use std::sync::Arc;
use std::time::Duration;

/// The rungs. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ladder(Arc<[Duration]>);

impl Ladder {
    /// A ladder of these waits; without any, work is sent again at once.
    pub fn new(rungs: impl IntoIterator<Item = Duration>) -> Self {
        Self(rungs.into_iter().collect())
    }

    /// The wait after this many failures, from 1.
    pub fn wait_after(&self, failures: u32) -> Duration {
        let index = usize::try_from(failures.saturating_sub(1)).unwrap_or(usize::MAX);
        let rung = self.0.get(index).or(self.0.last());
        rung.copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_rung_repeats() {
        let seconds = Duration::from_secs;
        let check = |rungs: &[u64], failures: u32, expected: u64| {
            let ladder = Ladder::new(rungs.iter().copied().map(seconds));
            assert_eq!(ladder.wait_after(failures), seconds(expected), "{rungs:?}");
        };
        check(&[10, 15, 20], 1, 10);
        check(&[10, 15, 20], 2, 15);
        check(&[10, 15, 20], 3, 20);
        check(&[10, 15, 20], 4, 20);
        check(&[10, 15, 20], u32::MAX, 20);
        check(&[10, 15, 20], 0, 10);
        check(&[], 1, 0);
    }
}
