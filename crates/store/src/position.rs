//! Places in an outbox.
//!
//! Promises: positions are ordered as the transactions that wrote them were committed, so a reader
//! that has passed one never finds an earlier one later.

/// A place in an outbox; the default is before everything.
///
/// On PostgreSQL a transaction may commit after one that began later, so its number comes first
/// and readers stay below the oldest that still runs; on SQLite, with its one writer, it is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The number of the transaction.
    pub transaction: u64,
    /// The place within it.
    pub sequence: i64,
}
