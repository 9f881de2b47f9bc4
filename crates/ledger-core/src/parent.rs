//! Transactions that others name, and what remains of them.
//!
//! A book does not remember finished transactions. One that is refunded or reversed is *admitted*:
//! the caller reads its rows and those of its children from the journal, the book holds what
//! remains as long as children of it are on their way to the disk, and then lets go of it.

use crate::entry::{Entry, EntryBody, Movement, MovementKind, TransactionKind};
use crate::id::{AccountIndex, TransactionId};

/// A transaction of the journal, and what remains of each posting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parent {
    pub(crate) id: TransactionId,
    pub(crate) kind: TransactionKind,
    /// Those that moved money, by their number.
    pub(crate) postings: Vec<ParentPosting>,
    /// Sequence of the newest row that changed a remainder since it was admitted, or 0.
    pub(crate) touched: u64,
}

/// One posting of a parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParentPosting {
    /// Its number in the parent; for a capture, in the hold.
    pub posting: u16,
    /// The account it debited.
    pub debit: AccountIndex,
    /// The account it credited.
    pub credit: AccountIndex,
    /// What it moved. Minor units.
    pub amount: i64,
    /// What was not given back of it. Minor units, 0 to `amount`.
    pub remaining: i64,
}

/// Why rows do not make a parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("rows of the transaction and its children must agree")]
pub struct ParentError {
    /// The parent.
    pub id: TransactionId,
}

impl Parent {
    /// Puts a parent together from the journal.
    ///
    /// `own` are the rows of transaction `id`, in order; rows of its expiry may follow them.
    /// `children` are the rows of every transaction whose [`TransactionKind::touches`] names `id`,
    /// transaction by transaction, each in order. Entries that are not movements are passed over.
    ///
    /// # Errors
    ///
    /// [`ParentError`] if the rows are incomplete, or give back more than was moved.
    pub fn collect<'a>(
        id: TransactionId,
        own: impl IntoIterator<Item = &'a Entry>,
        children: impl IntoIterator<Item = &'a Entry>,
    ) -> Result<Self, ParentError> {
        let error = ParentError { id };
        let mut own = own.into_iter().filter_map(movement).peekable();
        let head = own
            .peek()
            .and_then(|row| row.head.as_deref())
            .ok_or(error)?;
        let (kind, rows) = (head.kind, usize::from(head.rows));
        let mut parent = Self {
            id,
            kind,
            postings: Vec::with_capacity(rows),
            touched: 0,
        };
        let mut found = 0;
        for row in own.take(rows) {
            found += 1;
            if row.transaction != id {
                return Err(error);
            }
            if matches!(row.kind, MovementKind::Post | MovementKind::Capture) {
                parent.postings.push(ParentPosting {
                    posting: row.posting,
                    debit: row.debit,
                    credit: row.credit,
                    amount: row.amount,
                    remaining: row.amount,
                });
            }
        }
        let ascending = parent
            .postings
            .is_sorted_by(|left, right| left.posting < right.posting);
        if found != rows || !ascending {
            return Err(error);
        }
        parent.take_children(children).ok_or(error)?;
        Ok(parent)
    }

    /// Takes off what children gave back. What a reversed refund restores may come before the
    /// refund, so sums are checked at the end.
    fn take_children<'a>(&mut self, children: impl IntoIterator<Item = &'a Entry>) -> Option<()> {
        let mut net: Vec<i128> = vec![0; self.postings.len()];
        let mut rows_left = 0;
        let mut kind = TransactionKind::Post;
        for row in children.into_iter().filter_map(movement) {
            if let Some(head) = row.head.as_deref().filter(|_| rows_left == 0) {
                (kind, rows_left) = (head.kind, head.rows);
            }
            // A row that was left out would leave more to give back than there is.
            rows_left = rows_left.checked_sub(1)?;
            let restores = match kind {
                TransactionKind::Refund { parent } | TransactionKind::Reversal { parent, .. }
                    if parent == self.id =>
                {
                    false
                }
                TransactionKind::Reversal { restores, .. } if restores == Some(self.id) => true,
                // Captures, voids and expiries of a hold, of which the book itself keeps account.
                _ => continue,
            };
            let at = self.find(row.posting)?;
            net[at] += i128::from(if restores { row.amount } else { -row.amount });
        }
        for (posting, net) in self.postings.iter_mut().zip(net) {
            posting.remaining = i64::try_from(i128::from(posting.amount) + net)
                .ok()
                .filter(|remaining| (0..=posting.amount).contains(remaining))?;
        }
        (rows_left == 0).then_some(())
    }

    /// Which transaction it is.
    #[must_use]
    pub const fn id(&self) -> TransactionId {
        self.id
    }

    /// What it did.
    #[must_use]
    pub const fn kind(&self) -> TransactionKind {
        self.kind
    }

    /// Its postings that moved money, in the order of their numbers.
    #[must_use]
    pub fn postings(&self) -> &[ParentPosting] {
        &self.postings
    }

    /// Where the posting of this number is.
    pub(crate) fn find(&self, posting: u16) -> Option<usize> {
        self.postings
            .binary_search_by_key(&posting, |held| held.posting)
            .ok()
    }
}

fn movement(entry: &Entry) -> Option<&Movement> {
    match &entry.body {
        EntryBody::Movement(movement) => Some(movement),
        _ => None,
    }
}
