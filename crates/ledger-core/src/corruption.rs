//! What is wrong with a journal that cannot be replayed.

use crate::id::TransactionId;

/// A journal that contradicts itself, with the entry where it was noticed.
///
/// The book that found it is between two states and must be dropped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("journal must be intact")]
pub struct Corruption {
    /// The sequence of the entry, or the first sequence of the batch.
    pub sequence: u64,
    /// What must hold and does not.
    #[source]
    pub fault: Fault,
}

/// What must hold of a journal and does not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// A sequence was left out, repeated, or is beyond 64 bits.
    #[error("sequence must follow the one before")]
    SequenceMustFollow,
    /// A batch header names a format this program does not know.
    #[error("format must be known")]
    FormatMustBeKnown,
    /// A batch header's sequences are not those of its entries.
    #[error("batch must hold the entries its header names")]
    BatchMustHoldItsEntries,
    /// The Merkle root of the entries is not that of the header.
    #[error("entries must hash to the root in the header")]
    RootMustMatch,
    /// The header does not continue the chain.
    #[error("header must name the hash of the header before")]
    PreviousHashMustMatch,
    /// The booking time went back.
    #[error("booking time must not go back")]
    BookedAtMustNotGoBack,
    /// The writer's epoch went back.
    #[error("epoch must not go back")]
    EpochMustNotGoBack,
    /// A commodity or account that is not the next one.
    #[error("index must be the next")]
    IndexMustBeNext,
    /// A commodity code or account path that is there already.
    #[error("name must be new")]
    NameMustBeNew,
    /// An index of nothing.
    #[error("account and commodity must exist")]
    IndexMustExist,
    /// A change of a closed account, or a movement on one.
    #[error("account must be open")]
    AccountMustBeOpen,
    /// A closed account with something on it.
    #[error("closed account must be empty")]
    ClosedAccountMustBeEmpty,
    /// A row without head where no transaction is open, or a row of another transaction.
    #[error("row must belong to the open transaction")]
    RowMustBelong,
    /// Something else begins before all rows of a transaction came.
    #[error("transaction must be complete")]
    TransactionMustBeComplete,
    /// Rows that are out of order, or of a kind their transaction cannot have.
    #[error("row must fit its transaction")]
    RowMustFit,
    /// An amount of zero or less.
    #[error("amount must be positive")]
    AmountMustBePositive,
    /// A row with one account on both sides, or with two commodities.
    #[error("accounts must differ and share their commodity")]
    AccountsMustFit,
    /// A chain pointer that is not the newest movement of its account.
    #[error("row must name the movement before it on its account")]
    PreviousMustMatch,
    /// A balance that is not the balance before plus the amount.
    #[error("balance must follow from the one before")]
    BalanceMustMatch,
    /// A sum beyond 128 bits, or a pending sum below zero.
    #[error("sums must stay in range")]
    SumsMustFit,
    /// Debits and credits of a commodity differ.
    #[error("debits must equal credits")]
    DebitsMustEqualCredits,
    /// A hold of an id that is open already.
    #[error("hold must be new")]
    HoldMustBeNew,
    /// A capture or release without its open hold.
    #[error("hold must be open")]
    HoldMustBeOpen,
    /// A capture or release of more than is left, or a hold that ends with something left.
    #[error("hold must keep its remainder")]
    HoldMustKeepRemainder,
    /// Refunds and reversals of more than was moved, or between other accounts.
    #[error("parent must keep its remainder")]
    ParentMustKeepRemainder {
        /// Which.
        parent: TransactionId,
    },
}

impl Fault {
    /// At this sequence.
    pub(crate) const fn at(self, sequence: u64) -> Corruption {
        Corruption {
            sequence,
            fault: self,
        }
    }
}
