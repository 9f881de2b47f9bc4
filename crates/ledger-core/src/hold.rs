//! Open holds: what they reserve and what is left of it.

use std::collections::{BTreeSet, HashMap};

use kit::time::Timestamp;

use crate::id::{AccountIndex, TransactionId};

/// A hold that was neither captured in whole, nor voided, nor has expired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) sequence: u64,
    pub(crate) postings: Vec<HeldPosting>,
}

impl Hold {
    /// When it ends by itself.
    #[must_use]
    pub const fn expires_at(&self) -> Option<Timestamp> {
        self.expires_at
    }

    /// Sequence of its first row.
    #[must_use]
    pub const fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Its postings, by their number.
    #[must_use]
    pub fn postings(&self) -> &[HeldPosting] {
        &self.postings
    }

    /// Whether its time is over at this booking time.
    #[must_use]
    pub fn is_due(&self, booked_at: Timestamp) -> bool {
        self.expires_at
            .is_some_and(|expires_at| expires_at <= booked_at)
    }

    /// Whether nothing is left of it.
    pub(crate) fn is_used_up(&self) -> bool {
        self.postings.iter().all(|posting| posting.remaining == 0)
    }
}

/// One posting of an open hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldPosting {
    /// The account to debit.
    pub debit: AccountIndex,
    /// The account to credit.
    pub credit: AccountIndex,
    /// What was held. Minor units.
    pub amount: i64,
    /// What was neither captured nor released of it. Minor units, 0 to `amount`.
    pub remaining: i64,
}

/// All open holds of a book, by id and by expiry.
#[derive(Clone, Debug, Default)]
pub(crate) struct Holds {
    by_id: HashMap<TransactionId, Hold>,
    /// Those that expire, soonest first; equal times in the order of their ids, so that every
    /// writer expires them in the same order.
    by_expiry: BTreeSet<(Timestamp, TransactionId)>,
}

impl Holds {
    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(crate) fn get(&self, id: TransactionId) -> Option<&Hold> {
        self.by_id.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: TransactionId) -> Option<&mut Hold> {
        self.by_id.get_mut(&id)
    }

    pub(crate) fn insert(&mut self, id: TransactionId, hold: Hold) {
        if let Some(expires_at) = hold.expires_at {
            self.by_expiry.insert((expires_at, id));
        }
        self.by_id.insert(id, hold);
    }

    pub(crate) fn remove(&mut self, id: TransactionId) -> Option<Hold> {
        let hold = self.by_id.remove(&id)?;
        if let Some(expires_at) = hold.expires_at {
            self.by_expiry.remove(&(expires_at, id));
        }
        Some(hold)
    }

    /// The hold that expires soonest.
    pub(crate) fn soonest(&self) -> Option<(Timestamp, TransactionId)> {
        self.by_expiry.first().copied()
    }

    /// All, in the order of their ids. Cost: a sort.
    pub(crate) fn sorted(&self) -> Vec<(TransactionId, &Hold)> {
        let mut holds: Vec<_> = self.by_id.iter().map(|(&id, hold)| (id, hold)).collect();
        holds.sort_unstable_by_key(|&(id, _)| id);
        holds
    }
}
