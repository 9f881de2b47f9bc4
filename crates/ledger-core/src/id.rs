//! What transactions, accounts and commodities are called inside a book.
//!
//! Promises that a [`TransactionId`] is never zero. Does not make ids: clients choose them.

use std::fmt;
use std::num::NonZeroU128;

use kit::id::{Id, Kind};
use uuid::Uuid;

use crate::text::TextError;

/// Length of a UUID written with its hyphens (RFC 9562, section 4).
const HYPHENATED_BYTES: usize = 36;

/// The id of a transaction: any 128 bits the client chose but zero, unique for the life of a book.
///
/// As text it is a `txn_` id; a hyphenated UUID is read too. UUIDv7 is the fast path of the store
/// beneath, every other value is as right.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransactionId(NonZeroU128);

/// The kind behind the prefix `txn_`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Transaction;

impl Kind for Transaction {
    const PREFIX: &'static str = "txn";
}

impl TransactionId {
    /// The id with these bits; `None` for zero.
    #[must_use]
    pub const fn from_u128(bits: u128) -> Option<Self> {
        match NonZeroU128::new(bits) {
            Some(bits) => Some(Self(bits)),
            None => None,
        }
    }

    /// Reads `txn_…` or a hyphenated UUID.
    ///
    /// # Errors
    ///
    /// [`TextError::TransactionIdMustBeWellFormed`] for other text and for the id of all zeros.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        let uuid = if text.len() == HYPHENATED_BYTES {
            Uuid::try_parse(text).ok()
        } else {
            Id::<Transaction>::parse(text).ok().map(|id| id.uuid())
        };
        uuid.and_then(|uuid| Self::from_u128(uuid.as_u128()))
            .ok_or(TextError::TransactionIdMustBeWellFormed)
    }

    /// The bits, never zero. Their big-endian bytes are the UUID's.
    #[must_use]
    pub const fn bits(self) -> u128 {
        self.0.get()
    }
}

impl fmt::Display for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = Id::<Transaction>::from_uuid(Uuid::from_u128(self.bits()));
        fmt::Display::fmt(&id, f)
    }
}

impl fmt::Debug for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The place of an account in its book: the n-th account opened, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountIndex(pub u32);

/// The place of a commodity in its book: the n-th commodity added, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommodityIndex(pub u32);

impl AccountIndex {
    /// The same number, to index memory with.
    pub(crate) fn at(self) -> usize {
        usize::try_from(self.0).expect("machines below 32 bits cannot hold a book")
    }
}

impl CommodityIndex {
    /// The same number, to index memory with.
    pub(crate) fn at(self) -> usize {
        usize::try_from(self.0).expect("machines below 32 bits cannot hold a book")
    }
}
