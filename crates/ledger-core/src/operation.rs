//! What a client asks of a book.
//!
//! Operations are well formed by their types (paths, codes, ids) and nothing more: whether they
//! are allowed is what [`crate::validate`] says.

use kit::time::{Date, Timestamp};
use money::{Commodity, CommodityCode};

use crate::account::{AccountKind, Freeze, Overdraft};
use crate::hash::Digest;
use crate::id::TransactionId;
use crate::text::{AccountPath, Reference, TransactionCode};

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Lets accounts count something new. Repeated with the same exponent it is already applied.
    AddCommodity(Commodity),
    /// Opens an account. Repeated while the account is as asked it is already applied.
    OpenAccount(OpenAccount),
    /// Changes an account. What changes nothing is already applied.
    ChangeAccount(ChangeAccount),
    /// Moves, reserves or releases money.
    Transact(Transaction),
}

/// Opens an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenAccount {
    /// Its name.
    pub path: AccountPath,
    /// Its kind, for life.
    pub kind: AccountKind,
    /// What it counts, for life.
    pub commodity: CommodityCode,
    /// How far below zero it may go.
    pub overdraft: Overdraft,
    /// What it refuses.
    pub freeze: Freeze,
    /// BLAKE3 of its metadata.
    pub metadata_digest: Option<Digest>,
}

/// Changes an account; what is `None` stays as it is.
///
/// An overdraft below the present balance is allowed: the account can then fall no further, and
/// may rise. Closing is for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeAccount {
    /// Whose.
    pub path: AccountPath,
    /// How far below zero it may go.
    pub overdraft: Option<Overdraft>,
    /// What it refuses.
    pub freeze: Option<Freeze>,
    /// BLAKE3 of its metadata; `Some(None)` for metadata that is gone.
    pub metadata_digest: Option<Option<Digest>>,
    /// Whether to close it, which needs a posted balance of zero and nothing pending.
    pub close: bool,
}

/// Moves, reserves or releases money, all of it or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// Its id, chosen by the client.
    pub id: TransactionId,
    /// What kind of business it is.
    pub code: TransactionCode,
    /// Its effective date; `None` for the book's today.
    pub date: Option<Date>,
    /// What the outside calls it.
    pub reference: Option<Reference>,
    /// BLAKE3 of its metadata.
    pub metadata_digest: Option<Digest>,
    /// What to do.
    pub action: Action,
}

/// What a transaction is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Move money.
    Post {
        /// 1 to [`crate::limits::POSTINGS_MAX`].
        postings: Vec<Posting>,
    },
    /// Reserve money.
    Hold {
        /// 1 to [`crate::limits::POSTINGS_MAX`].
        postings: Vec<Posting>,
        /// When it ends by itself: after the booking time.
        expires_at: Option<Timestamp>,
    },
    /// Move what a hold reserves.
    Capture {
        /// The hold.
        parent: TransactionId,
        /// How much of each posting.
        amounts: Amounts,
        /// Whether to release what is left after it.
        is_final: bool,
    },
    /// Release what is left of a hold.
    Void {
        /// The hold.
        parent: TransactionId,
    },
    /// Give money back, as business.
    Refund {
        /// A posted transaction or a capture.
        parent: TransactionId,
        /// How much of each posting.
        amounts: Amounts,
    },
    /// Take a transaction back, as a correction.
    Reverse {
        /// A posted transaction, a capture, or a refund. A reversal is not reversed: post again.
        parent: TransactionId,
        /// How much of each posting.
        amounts: Amounts,
    },
}

impl Action {
    /// The transaction it names.
    #[must_use]
    pub const fn parent(&self) -> Option<TransactionId> {
        match self {
            Self::Post { .. } | Self::Hold { .. } => None,
            Self::Capture { parent, .. }
            | Self::Void { parent }
            | Self::Refund { parent, .. }
            | Self::Reverse { parent, .. } => Some(*parent),
        }
    }
}

/// One debit account, one credit account, one amount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posting {
    /// The account to debit.
    pub debit: AccountPath,
    /// The account to credit.
    pub credit: AccountPath,
    /// Minor units, more than zero.
    pub amount: i64,
    /// What both accounts count.
    pub commodity: CommodityCode,
}

/// How much of each posting of a parent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Amounts {
    /// All that remains of every posting.
    All,
    /// These amounts of these postings, nothing of the others.
    Each(Vec<Portion>),
}

/// So much of one posting of a parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Portion {
    /// The number of the posting in the parent, which for a capture is its number in the hold.
    pub posting: u16,
    /// Minor units, more than zero.
    pub amount: i64,
}
