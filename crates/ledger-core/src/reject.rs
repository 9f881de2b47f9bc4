//! Why a book refuses an operation.
//!
//! A refused operation leaves nothing behind, and its id may be sent again. Every refusal has its
//! stable code, the field it concerns, and by how much a limit was missed.

use kit::codes::{self, Code};
use kit::time::Date;

use crate::id::TransactionId;
use crate::text::AccountPath;

/// Which field of an operation is meant, in the names of [`crate::operation`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// None in particular.
    Operation,
    /// A field of the operation itself.
    Field(&'static str),
    /// A field of a posting: its number from 0, and the field.
    Posting(u16, &'static str),
    /// A field of a portion: its place in the list from 0, and the field.
    Portion(u16, &'static str),
}

impl Place {
    /// As a JSON pointer (RFC 6901): `/postings/3/debit`; empty for the whole operation.
    #[must_use]
    pub fn pointer(self) -> String {
        match self {
            Self::Operation => String::new(),
            Self::Field(field) => format!("/{field}"),
            Self::Posting(number, field) => format!("/postings/{number}/{field}"),
            Self::Portion(number, field) => format!("/amounts/{number}/{field}"),
        }
    }
}

/// Why an operation was refused, by what must hold. Amounts are minor units.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reject {
    /// The commodity is there with another exponent.
    #[error("commodity must keep its exponent")]
    CommodityMustNotChange {
        /// The exponent it has.
        exponent: u8,
    },
    /// The book does not have the commodity.
    #[error("commodity must exist")]
    CommodityMustExist {
        /// Where it was named.
        at: Place,
    },
    /// A [`crate::limits::Limits`] is reached.
    #[error("book must have room")]
    BookMustHaveRoom {
        /// For what: `accounts`, `commodities`, `open_holds`.
        of: &'static str,
        /// The limit.
        limit: u32,
    },
    /// There is an account of this name, and it is not as asked.
    #[error("account must not exist with other properties")]
    AccountMustNotExist,
    /// There is no account of this name.
    #[error("account must exist")]
    AccountMustExist {
        /// The name.
        account: AccountPath,
        /// Where it was named.
        at: Place,
    },
    /// A limit of zero is [`crate::Overdraft::None`], and there are no negative ones.
    #[error("overdraft limit must be positive")]
    OverdraftLimitMustBePositive,
    /// Closing needs a posted balance of zero and nothing pending.
    #[error("account must be empty")]
    AccountMustBeEmpty {
        /// The posted balance, positive on the normal side.
        posted: i128,
        /// What open holds would add.
        pending_in: i128,
        /// What open holds would take.
        pending_out: i128,
    },
    /// The account is closed, for good.
    #[error("account must be open")]
    AccountMustBeOpen {
        /// Which.
        account: AccountPath,
        /// Where it comes from.
        at: Place,
    },
    /// The account refuses movements in this direction.
    #[error("account must not be frozen")]
    AccountMustNotBeFrozen {
        /// Which.
        account: AccountPath,
        /// Where it comes from.
        at: Place,
    },
    /// The id was accepted before, with other content.
    #[error("transaction id must not be reused")]
    TransactionIdMustNotBeReused {
        /// The sequence of what was accepted.
        sequence: u64,
    },
    /// The effective date is after today.
    #[error("effective date must not be in the future")]
    DateMustNotBeInFuture {
        /// Today in the book's zone.
        today: Date,
    },
    /// The effective date is before [`crate::DATE_MIN`].
    #[error("effective date must be in range")]
    DateMustBeInRange,
    /// A transaction without postings or portions.
    #[error("transaction must have postings")]
    TransactionMustHavePostings {
        /// The empty list.
        at: Place,
    },
    /// More than [`crate::limits::POSTINGS_MAX`].
    #[error("postings must fit the limit")]
    PostingsMustFitLimit {
        /// How many there are.
        found: usize,
    },
    /// An amount of zero or less.
    #[error("amount must be positive")]
    AmountMustBePositive {
        /// Which.
        at: Place,
    },
    /// A posting from an account to itself.
    #[error("accounts must differ")]
    AccountsMustDiffer {
        /// The posting.
        at: Place,
    },
    /// An account counts something else than the posting moves.
    #[error("account commodity must match")]
    AccountCommodityMustMatch {
        /// Which account.
        account: AccountPath,
        /// Where it was named.
        at: Place,
    },
    /// The whole transaction would take more from an account than it has and may overdraw.
    #[error("funds must suffice")]
    FundsMustSuffice {
        /// Which account.
        account: AccountPath,
        /// The first posting that takes from it.
        at: Place,
        /// What the transaction takes, net.
        needed: i128,
        /// What may be taken: what is available plus the overdraft; below zero where the
        /// overdraft was lowered under the balance.
        available: i128,
    },
    /// A hold that would end at or before the booking time.
    #[error("hold expiry must be in the future")]
    HoldExpiryMustBeInFuture,
    /// The hold was captured, voided, or its time is over.
    #[error("hold must be open")]
    HoldMustBeOpen,
    /// There is no such transaction.
    #[error("parent must exist")]
    ParentMustExist {
        /// Which.
        parent: TransactionId,
    },
    /// A transaction that names itself.
    #[error("parent must be another transaction")]
    ParentMustBeAnother,
    /// Only holds are captured and voided; only what moved money is refunded or reversed; a
    /// refund is reversed, not refunded; a reversal is neither: post again.
    #[error("parent must allow the link")]
    ParentMustAllowLink {
        /// The parent.
        parent: TransactionId,
    },
    /// The parent has no posting of this number.
    #[error("posting must exist in the parent")]
    PostingMustExistInParent {
        /// Which portion.
        at: Place,
    },
    /// Two portions of one posting.
    #[error("posting must be named once")]
    PostingMustBeNamedOnce {
        /// The second of them.
        at: Place,
    },
    /// More than is left of a posting, or of the whole parent.
    #[error("amount must not exceed the remainder")]
    AmountMustNotExceedRemainder {
        /// Which portion; the parent where nothing is left of it at all.
        at: Place,
        /// What is left.
        remains: i64,
    },
}

impl Reject {
    /// The platform's code for it.
    #[must_use]
    pub const fn code(&self) -> &'static Code {
        use codes::ledger as code;
        match self {
            Self::CommodityMustNotChange { .. } => &code::COMMODITY_MUST_NOT_CHANGE,
            Self::CommodityMustExist { .. } => &code::COMMODITY_MUST_EXIST,
            Self::BookMustHaveRoom { .. } => &code::BOOK_MUST_HAVE_ROOM,
            Self::AccountMustNotExist => &code::ACCOUNT_MUST_NOT_EXIST,
            Self::AccountMustExist { .. } => &code::ACCOUNT_MUST_EXIST,
            Self::OverdraftLimitMustBePositive => &code::OVERDRAFT_LIMIT_MUST_BE_POSITIVE,
            Self::AccountMustBeEmpty { .. } => &code::ACCOUNT_MUST_BE_EMPTY,
            Self::AccountMustBeOpen { .. } => &code::ACCOUNT_MUST_BE_OPEN,
            Self::AccountMustNotBeFrozen { .. } => &code::ACCOUNT_MUST_NOT_BE_FROZEN,
            Self::TransactionIdMustNotBeReused { .. } => &code::TRANSACTION_ID_MUST_NOT_BE_REUSED,
            Self::DateMustNotBeInFuture { .. } => &code::EFFECTIVE_DATE_MUST_NOT_BE_IN_FUTURE,
            Self::DateMustBeInRange => &code::EFFECTIVE_DATE_MUST_BE_IN_RANGE,
            Self::TransactionMustHavePostings { .. } => &code::TRANSACTION_MUST_HAVE_POSTINGS,
            Self::PostingsMustFitLimit { .. } => &code::POSTINGS_MUST_FIT_LIMIT,
            Self::AmountMustBePositive { .. } => &codes::money::AMOUNT_MUST_BE_POSITIVE,
            Self::AccountsMustDiffer { .. } => &code::ACCOUNTS_MUST_DIFFER,
            Self::AccountCommodityMustMatch { .. } => &code::ACCOUNT_COMMODITY_MUST_MATCH,
            Self::FundsMustSuffice { .. } => &code::FUNDS_MUST_SUFFICE,
            Self::HoldExpiryMustBeInFuture => &code::HOLD_EXPIRY_MUST_BE_IN_FUTURE,
            Self::HoldMustBeOpen => &code::HOLD_MUST_BE_OPEN,
            Self::ParentMustExist { .. } => &code::TRANSACTION_MUST_EXIST,
            Self::ParentMustBeAnother => &code::PARENT_MUST_BE_ANOTHER,
            Self::ParentMustAllowLink { .. } => &code::PARENT_MUST_ALLOW_LINK,
            Self::PostingMustExistInParent { .. } => &code::POSTING_MUST_EXIST_IN_PARENT,
            Self::PostingMustBeNamedOnce { .. } => &code::POSTING_MUST_BE_NAMED_ONCE,
            Self::AmountMustNotExceedRemainder { .. } => &code::AMOUNT_MUST_NOT_EXCEED_REMAINDER,
        }
    }

    /// The field or posting it concerns, as a JSON pointer into the operation.
    #[must_use]
    pub fn pointer(&self) -> String {
        self.place().pointer()
    }

    /// The field or posting it concerns.
    #[must_use]
    pub const fn place(&self) -> Place {
        match *self {
            Self::CommodityMustExist { at }
            | Self::AccountMustExist { at, .. }
            | Self::AccountMustBeOpen { at, .. }
            | Self::AccountMustNotBeFrozen { at, .. }
            | Self::TransactionMustHavePostings { at }
            | Self::AmountMustBePositive { at }
            | Self::AccountsMustDiffer { at }
            | Self::AccountCommodityMustMatch { at, .. }
            | Self::FundsMustSuffice { at, .. }
            | Self::PostingMustExistInParent { at }
            | Self::PostingMustBeNamedOnce { at }
            | Self::AmountMustNotExceedRemainder { at, .. } => at,
            Self::CommodityMustNotChange { .. } => Place::Field("exponent"),
            Self::BookMustHaveRoom { .. } => Place::Operation,
            Self::AccountMustNotExist => Place::Field("path"),
            Self::OverdraftLimitMustBePositive => Place::Field("overdraft"),
            Self::AccountMustBeEmpty { .. } => Place::Field("close"),
            Self::TransactionIdMustNotBeReused { .. } => Place::Field("id"),
            Self::DateMustNotBeInFuture { .. } | Self::DateMustBeInRange => Place::Field("date"),
            Self::PostingsMustFitLimit { .. } => Place::Field("postings"),
            Self::HoldExpiryMustBeInFuture => Place::Field("expires_at"),
            Self::HoldMustBeOpen
            | Self::ParentMustExist { .. }
            | Self::ParentMustBeAnother
            | Self::ParentMustAllowLink { .. } => Place::Field("parent"),
        }
    }

    /// By how many minor units a limit was missed, where it is a matter of amounts.
    #[must_use]
    pub const fn short_by(&self) -> Option<i128> {
        match *self {
            Self::FundsMustSuffice {
                needed, available, ..
            } => Some(needed - available),
            _ => None,
        }
    }
}
