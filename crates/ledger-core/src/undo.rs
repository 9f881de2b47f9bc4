//! How a book goes back to a mark: what it overwrote since, newest last.
//!
//! Nothing is kept while no mark is set, so that the usual way costs nothing.

use crate::account::{AccountState, Settings, Sums};
use crate::hold::Hold;
use crate::id::{AccountIndex, CommodityIndex, TransactionId};

/// One thing that was overwritten.
#[derive(Clone, Debug)]
pub(crate) enum Undo {
    /// A commodity was added.
    Commodity,
    /// An account was opened.
    Account,
    /// An account's settings were changed.
    Settings {
        account: AccountIndex,
        settings: Settings,
        state: AccountState,
        changed: u64,
    },
    /// An account's sums were changed.
    Sums {
        account: AccountIndex,
        sums: Sums,
        newest: u64,
    },
    /// A commodity's totals were changed.
    Totals {
        commodity: CommodityIndex,
        totals: Sums,
    },
    /// A hold was opened.
    HoldOpened { hold: TransactionId },
    /// Something was captured or released of a hold.
    HoldRemaining {
        hold: TransactionId,
        posting: u16,
        remaining: i64,
    },
    /// A hold ended.
    HoldEnded { id: TransactionId, hold: Hold },
    /// A parent was admitted.
    ParentAdmitted { parent: TransactionId },
    /// What remains of a parent was changed.
    ParentRemaining {
        parent: TransactionId,
        at: usize,
        remaining: i64,
        touched: u64,
    },
}

/// A place to go back to with [`crate::Book::rollback`], or to forget with
/// [`crate::Book::release`]. Marks nest; the last one set is given back first.
#[derive(Debug)]
#[must_use = "a mark that is not given back makes the book remember for ever"]
pub struct Mark {
    pub(crate) depth: usize,
    pub(crate) length: usize,
    pub(crate) next_sequence: u64,
}

/// What was overwritten since the first mark.
#[derive(Clone, Debug, Default)]
pub(crate) struct UndoLog {
    /// How many marks are set.
    pub(crate) depth: usize,
    log: Vec<Undo>,
}

impl UndoLog {
    /// Notes what is about to be overwritten, if a mark is set.
    pub(crate) fn note(&mut self, undo: impl FnOnce() -> Undo) {
        if self.depth > 0 {
            self.log.push(undo());
        }
    }

    pub(crate) fn mark(&mut self, next_sequence: u64) -> Mark {
        self.depth += 1;
        Mark {
            depth: self.depth,
            length: self.log.len(),
            next_sequence,
        }
    }

    /// The newest note since the mark.
    pub(crate) fn pop(&mut self, mark: &Mark) -> Option<Undo> {
        if self.log.len() > mark.length {
            self.log.pop()
        } else {
            None
        }
    }

    /// Gives a mark back.
    ///
    /// # Panics
    ///
    /// If a later one is still set.
    pub(crate) fn give_back(&mut self, mark: &Mark) {
        assert_eq!(
            mark.depth, self.depth,
            "the last mark set must be given back first"
        );
        self.depth -= 1;
        if self.depth == 0 {
            self.log.clear();
        }
    }
}
