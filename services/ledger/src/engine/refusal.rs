//! Why an operation was refused, in the words of an answer.
//!
//! Made on the writer's thread, where the book is at hand that amounts are printed with.

use kit::codes::{self, Code};
use kit::limits::BULK_ITEMS_MAX;
use ledger_core::operation::Operation;
use ledger_core::{AccountPath, Book, Place, Reject};
use money::{CommodityCode, format_wide};

use super::Item;

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The stable code.
    pub(crate) code: &'static Code,
    /// The field or posting it concerns: a JSON pointer into the operation, empty for all of it.
    pub(crate) pointer: String,
    /// What must hold, and by how much it does not.
    pub(crate) detail: String,
}

impl Refusal {
    /// The core's refusal.
    pub(super) fn of(reject: &Reject, book: &Book, item: &Item) -> Self {
        Self {
            code: reject.code(),
            pointer: reject.pointer(),
            detail: detail(reject, book, item),
        }
    }

    /// A portion is stated in another commodity than its posting moves.
    pub(super) fn currency(at: usize, expected: CommodityCode) -> Self {
        Self {
            code: &codes::COMMODITIES_MUST_MATCH,
            pointer: format!("/amounts/{at}/currency"),
            detail: format!("the posting of the parent is in {expected}"),
        }
    }

    /// The account was changed since the caller read it.
    pub(super) fn version(seen: i64, now: i64) -> Self {
        Self {
            code: &codes::VERSION_MUST_MATCH,
            pointer: String::new(),
            detail: format!("the change was made for version {seen}; the account has {now}"),
        }
    }

    /// A bulk that would write more rows than one batch takes.
    pub(super) fn rows(rows_max: usize) -> Self {
        Self {
            code: &codes::BULK_MUST_FIT_LIMIT,
            pointer: String::new(),
            detail: format!(
                "a bulk writes at most {rows_max} rows; send at most {BULK_ITEMS_MAX} items, \
                 and fewer if they have many postings"
            ),
        }
    }
}

fn detail(reject: &Reject, book: &Book, item: &Item) -> String {
    match reject {
        Reject::CommodityMustNotChange { exponent } => {
            format!("the commodity has the exponent {exponent}")
        }
        Reject::BookMustHaveRoom { of, limit } => format!("the book takes at most {limit} {of}"),
        Reject::AccountMustExist { account, .. } => format!("there is no account {account}"),
        Reject::AccountMustBeOpen { account, .. } => format!("account {account} is closed"),
        Reject::AccountMustNotBeFrozen { account, .. } => {
            format!("account {account} is frozen in this direction")
        }
        Reject::AccountMustBeEmpty { .. } => not_empty(reject, book, item),
        Reject::TransactionIdMustNotBeReused { sequence } => {
            format!("the id was accepted with other content at sequence {sequence}")
        }
        Reject::DateMustNotBeInFuture { today } => format!("today is {today} in the book's zone"),
        Reject::PostingsMustFitLimit { found } => format!(
            "a transaction has at most {} postings; this has {found}",
            ledger_core::limits::POSTINGS_MAX
        ),
        Reject::AccountCommodityMustMatch { account, .. } => {
            let counts = commodity_of(book, account).map(|(code, _)| code.to_string());
            let counts = counts.unwrap_or_else(|| "another commodity".to_owned());
            format!("account {account} counts {counts}")
        }
        Reject::FundsMustSuffice {
            account,
            needed,
            available,
            ..
        } => {
            let (code, exponent) = match commodity_of(book, account) {
                Some((code, exponent)) => (code.to_string(), exponent),
                None => ("minor units".to_owned(), 0),
            };
            let text = |minor: i128| format_wide(minor, exponent);
            format!(
                "account {account} needs {} {code} and may give {}: {} are missing",
                text(*needed),
                text(*available),
                text(needed.saturating_sub(*available))
            )
        }
        Reject::AmountMustNotExceedRemainder {
            at: Place::Portion(place, _),
            remains,
        } => format!(
            "{} remains of the posting",
            portion(*place, *remains, book, item)
        ),
        Reject::ParentMustExist { parent } => format!("there is no transaction {parent}"),
        other => other.to_string(),
    }
}

/// What an account that was to be closed still has.
fn not_empty(reject: &Reject, book: &Book, item: &Item) -> String {
    let (
        Reject::AccountMustBeEmpty {
            posted,
            pending_in,
            pending_out,
        },
        Operation::ChangeAccount(change),
    ) = (reject, &item.operation)
    else {
        return reject.to_string();
    };
    let exponent = commodity_of(book, &change.path).map_or(0, |(_, exponent)| exponent);
    let text = |minor: i128| format_wide(minor, exponent);
    format!(
        "the account must be empty; it has {} posted, {} pending in, {} pending out",
        text(*posted),
        text(*pending_in),
        text(*pending_out)
    )
}

/// What remains of a posting, in the commodity that the portion at this place was stated in.
fn portion(place: u16, remains: i64, book: &Book, item: &Item) -> String {
    let stated = item.currencies.get(usize::from(place)).copied();
    let index = stated.and_then(|code| book.find_commodity(code));
    let exponent = index.map_or(0, |index| book.commodity(index).commodity().exponent());
    format_wide(remains.into(), exponent)
}

fn commodity_of(book: &Book, account: &AccountPath) -> Option<(CommodityCode, u8)> {
    let account = book.account(book.find_account(account)?);
    let commodity = book.commodity(account.commodity()).commodity();
    Some((commodity.code(), commodity.exponent()))
}
