//! What the examples of messages share: an id of each kind, and a time.

use kit::id::{Id, Kind};
use kit::time::Timestamp;

/// The time in examples: 2026-02-28T12:00:00Z.
pub const TIME: Timestamp = Timestamp::from_micros(1_772_280_000_000_000);

/// The id in examples.
pub fn id<K: Kind>() -> Id<K> {
    let text = format!("{}_01jd0000000000000000000000", K::PREFIX);
    Id::parse(&text).expect("a prefix and 26 digits are an id")
}
