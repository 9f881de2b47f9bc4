//! What the journal says: outcomes, one entry per row.
//!
//! An entry states what happened, with the balances after it; it never states why that was allowed.
//! Replay applies entries and decides nothing, so old journals stay valid when rules change.

use kit::time::{Date, Timestamp};
use money::Commodity;

use crate::account::{AccountKind, AccountState, Settings};
use crate::hash::Digest;
use crate::id::{AccountIndex, CommodityIndex, TransactionId};
use crate::text::{AccountPath, Reference, TransactionCode};

/// One row of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its place: consecutive in a book, from 1.
    pub sequence: u64,
    /// What happened.
    pub body: EntryBody,
}

/// What happened, without its place in the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryBody {
    /// A commodity came into being.
    CommodityAdded(CommodityAdded),
    /// An account came into being.
    AccountOpened(AccountOpened),
    /// An account's settings became these.
    AccountChanged(AccountChanged),
    /// Money moved, or was reserved, or was let go.
    Movement(Movement),
}

/// A commodity came into being.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommodityAdded {
    /// Its place: the next in the book.
    pub index: CommodityIndex,
    /// Code and exponent.
    pub commodity: Commodity,
}

/// An account came into being, open, with nothing on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountOpened {
    /// Its place: the next in the book.
    pub index: AccountIndex,
    /// Its name.
    pub path: AccountPath,
    /// Its kind, for life.
    pub kind: AccountKind,
    /// What it counts, for life.
    pub commodity: CommodityIndex,
    /// What it begins with.
    pub settings: Settings,
}

/// An account's settings became these: all of them, changed or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountChanged {
    /// Whose.
    pub account: AccountIndex,
    /// What they are now.
    pub settings: Settings,
    /// Whether it is still open.
    pub state: AccountState,
}

/// What a movement does to the sums of its two accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MovementKind {
    /// Posted grows.
    Post,
    /// Pending grows.
    Hold,
    /// Pending shrinks and posted grows.
    Capture,
    /// Pending shrinks: by a void, an expiry, or what a final capture leaves.
    Release,
}

/// One row of a transaction.
///
/// The rows of a transaction are consecutive; the first carries the [`Head`]. Within it they are
/// ordered by posting, and by kind within a posting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Movement {
    /// What it does.
    pub kind: MovementKind,
    /// Of which transaction it is a row. An expiry's rows belong to the hold that expires: nobody
    /// chose an id for it, and a derived one could be taken by someone first.
    pub transaction: TransactionId,
    /// Of which posting: from 0. With a parent it is the number of the parent's posting.
    pub posting: u16,
    /// The debited account.
    pub debit: AccountIndex,
    /// The credited account, another one, of the same commodity.
    pub credit: AccountIndex,
    /// Minor units, more than zero.
    pub amount: i64,
    /// Sequence of the movement before this one on the debited account, 0 for none.
    pub debit_previous: u64,
    /// Sequence of the movement before this one on the credited account, 0 for none.
    pub credit_previous: u64,
    /// Posted debits less posted credits of the debited account, after this row.
    pub debit_balance: i128,
    /// Posted debits less posted credits of the credited account, after this row.
    pub credit_balance: i128,
    /// What is true of the whole transaction, on its first row.
    pub head: Option<Box<Head>>,
}

/// What is true of a whole transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// What kind of business it is.
    pub code: TransactionCode,
    /// Its effective date.
    pub date: Date,
    /// What the outside calls it.
    pub reference: Option<Reference>,
    /// What it does in the ledger, and to which parent.
    pub kind: TransactionKind,
    /// BLAKE3 of its metadata, which the service keeps.
    pub metadata_digest: Option<Digest>,
    /// Hash of the normalised request, by which a repeat is known; zero for an expiry.
    pub request_hash: Digest,
    /// How many rows it has, this one included: 1 or more.
    pub rows: u16,
}

/// What a transaction does, and to which parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransactionKind {
    /// Moves money.
    Post,
    /// Reserves money.
    Hold {
        /// When it ends by itself.
        expires_at: Option<Timestamp>,
    },
    /// Moves what a hold reserved.
    Capture {
        /// The hold.
        parent: TransactionId,
        /// Whether what is left after it was released.
        is_final: bool,
    },
    /// Releases what is left of a hold, on request.
    Void {
        /// The hold.
        parent: TransactionId,
    },
    /// Releases what is left of a hold, because its time is over.
    Expiry {
        /// The hold, which is also the transaction these rows belong to.
        parent: TransactionId,
    },
    /// Gives money back, as business.
    Refund {
        /// The posted transaction or the capture.
        parent: TransactionId,
    },
    /// Takes a transaction back, as a correction.
    Reversal {
        /// The posted transaction, the capture, or the refund.
        parent: TransactionId,
        /// Where the parent is a refund: *its* parent, of which as much remains again.
        restores: Option<TransactionId>,
    },
}

impl TransactionKind {
    /// The transaction it names.
    #[must_use]
    pub const fn parent(&self) -> Option<TransactionId> {
        match *self {
            Self::Post | Self::Hold { .. } => None,
            Self::Capture { parent, .. }
            | Self::Void { parent }
            | Self::Expiry { parent }
            | Self::Refund { parent }
            | Self::Reversal { parent, .. } => Some(parent),
        }
    }

    /// The transactions whose remainder it changes: the parent, and what a reversal of a refund
    /// restores. A store must find it by each of them, see [`crate::Parent::collect`].
    pub fn touches(&self) -> impl Iterator<Item = TransactionId> + use<> {
        let restores = match *self {
            Self::Reversal { restores, .. } => restores,
            _ => None,
        };
        self.parent().into_iter().chain(restores)
    }
}
