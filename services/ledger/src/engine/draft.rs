//! The batch in the making.
//!
//! Promises: it can go back to a mark as the book can, so that what is taken back leaves nothing.

use std::collections::HashMap;

use ledger_core::{Entry, Now, TransactionId};

use super::Release;

/// What was decided since the last batch was handed over.
pub(super) struct Draft {
    /// The time of the batch.
    pub(super) now: Now,
    /// What will be appended.
    pub(super) entries: Vec<Entry>,
    /// The first rows of its transactions.
    pub(super) ids: HashMap<TransactionId, u64>,
    /// The same ids in the order in which they came.
    order: Vec<TransactionId>,
    /// The metadata of its entries.
    pub(super) metadata: Vec<(u64, Option<String>)>,
    /// The answers that wait for it.
    pub(super) releases: Vec<Release>,
    /// How many operations it has looked at.
    pub(super) operations: usize,
}

/// A place to go back to.
pub(super) struct DraftMark {
    entries: usize,
    ids: usize,
    metadata: usize,
}

impl Draft {
    pub(super) fn new(now: Now) -> Self {
        Self {
            now,
            entries: Vec::new(),
            ids: HashMap::new(),
            order: Vec::new(),
            metadata: Vec::new(),
            releases: Vec::new(),
            operations: 0,
        }
    }

    /// Notes where a transaction begins.
    pub(super) fn note(&mut self, id: TransactionId, sequence: u64) {
        self.ids.insert(id, sequence);
        self.order.push(id);
    }

    pub(super) fn mark(&self) -> DraftMark {
        DraftMark {
            entries: self.entries.len(),
            ids: self.order.len(),
            metadata: self.metadata.len(),
        }
    }

    /// Forgets everything since the mark but the answers, which are owed all the same.
    pub(super) fn rollback(&mut self, mark: &DraftMark) {
        self.entries.truncate(mark.entries);
        self.metadata.truncate(mark.metadata);
        for id in self.order.drain(mark.ids..) {
            self.ids.remove(&id);
        }
    }

    /// The entries since the mark.
    pub(super) fn since(&self, mark: &DraftMark) -> &[Entry] {
        &self.entries[mark.entries..]
    }
}
