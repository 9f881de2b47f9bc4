//! Answers as they go over the wire; they are made in `view`.
//!
//! Promises: amounts are decimal text with exactly their currency's decimals; ids are `txn_` ids;
//! every answer has the `sequence` it is as of.

use kit::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::wire::{AccountType, Freeze};

/// Money: `{"amount":"12.50","currency":"EUR"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Money {
    /// Decimal text with exactly the currency's decimals.
    #[schema(example = "12.50")]
    pub(crate) amount: String,
    /// The code of the currency or other commodity.
    #[schema(example = "EUR")]
    pub(crate) currency: String,
}

/// A book.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BookView {
    /// Its name.
    pub(crate) name: String,
    /// Its zone.
    pub(crate) zone: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) created_at: Timestamp,
    /// The last durable sequence.
    pub(crate) sequence: u64,
    /// Whether it answers: its journal was replayed, and nothing has stopped it.
    pub(crate) running: bool,
    /// Whether it was there already; in answers to a write.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) already_applied: Option<bool>,
}

/// A commodity of a book.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CommodityView {
    /// Its code.
    pub(crate) code: String,
    /// How many decimals its amounts have.
    pub(crate) exponent: u8,
}

/// What an account has.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BalanceView {
    /// Its path.
    pub(crate) account: String,
    /// Its kind.
    #[serde(rename = "type")]
    pub(crate) kind: AccountType,
    /// Posted, positive on the account's normal side.
    pub(crate) posted: Money,
    /// What open holds would add.
    pub(crate) pending_in: Money,
    /// What open holds would take.
    pub(crate) pending_out: Money,
    /// What may leave without an overdraft: posted less pending out.
    pub(crate) available: Money,
}

/// An account as it is now.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AccountView {
    /// What it has.
    #[serde(flatten)]
    pub(crate) balance: BalanceView,
    /// What it counts.
    pub(crate) currency: String,
    /// `none`, `unlimited`, or an amount.
    pub(crate) overdraft: String,
    /// Which movements it refuses.
    pub(crate) freeze: Freeze,
    /// Whether it was closed.
    pub(crate) closed: bool,
    /// What else is remembered; left out in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub(crate) metadata: Option<Value>,
}

/// What an import did.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct ImportView {
    /// The last sequence of the book after it.
    pub(crate) sequence: u64,
    /// Whether all of it was there already.
    pub(crate) already_applied: bool,
    /// Whether nothing was written because only an answer was asked for.
    pub(crate) dry_run: bool,
    /// Commodities that are new.
    pub(crate) commodities_added: usize,
    /// Accounts that are new.
    pub(crate) accounts_opened: usize,
    /// Transactions that are new.
    pub(crate) transactions_posted: usize,
    /// Transactions that were there already.
    pub(crate) transactions_already_applied: usize,
}

/// One row of a transaction.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RowView {
    /// Its sequence in the journal.
    pub(crate) sequence: u64,
    /// What it does: `post`, `hold`, `capture` or `release`.
    #[schema(example = "post")]
    pub(crate) movement: &'static str,
    /// The number of its posting.
    pub(crate) posting: u16,
    /// The debited account.
    pub(crate) debit: String,
    /// The credited account.
    pub(crate) credit: String,
    /// Decimal text.
    #[schema(example = "12.50")]
    pub(crate) amount: String,
    /// What it is an amount of.
    #[schema(example = "EUR")]
    pub(crate) currency: String,
}

/// A transaction as the journal has it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TransactionView {
    /// Its id; an expiry has the id of its hold.
    pub(crate) id: String,
    /// `post`, `hold`, `capture`, `void`, `expiry`, `refund` or `reversal`.
    #[schema(example = "post")]
    pub(crate) kind: &'static str,
    /// What kind of business it is.
    pub(crate) code: String,
    /// Its effective date.
    #[schema(format = Date)]
    pub(crate) date: String,
    /// What the outside calls it.
    pub(crate) reference: Option<String>,
    /// The transaction it is about.
    pub(crate) parent: Option<String>,
    /// When a hold ends by itself.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) expires_at: Option<Timestamp>,
    /// Whether a capture was the last of its hold.
    #[serde(rename = "final")]
    pub(crate) is_final: Option<bool>,
    /// Its rows.
    pub(crate) postings: Vec<RowView>,
    /// What else is remembered.
    #[schema(value_type = Option<Object>)]
    pub(crate) metadata: Option<Value>,
    /// The sequence of its first row.
    pub(crate) sequence: u64,
    /// When it was booked.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) booked_at: Timestamp,
}

/// What is left of one posting of an open hold.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RemainingView {
    /// The number of the posting.
    pub(crate) posting: u16,
    /// What was neither captured nor released of it.
    #[serde(flatten)]
    pub(crate) remaining: Money,
}

/// The answer to a single transaction.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TransactionAnswer {
    /// The sequence of its first row.
    pub(crate) sequence: u64,
    /// Whether it was done before.
    pub(crate) already_applied: bool,
    /// Whether nothing was written because only an answer was asked for.
    pub(crate) dry_run: bool,
    /// The transaction.
    pub(crate) transaction: TransactionView,
    /// What its accounts would have; in answers to a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) balances: Option<Vec<BalanceView>>,
}

/// A transaction that was asked for.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TransactionFound {
    /// The last sequence of the book when it was looked up.
    pub(crate) sequence: u64,
    /// The transaction.
    pub(crate) transaction: TransactionView,
    /// What is left of it, if it is an open hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) open_hold: Option<Vec<RemainingView>>,
}

/// What came of one transaction of a bulk.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BulkResult {
    /// Its id as it was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<String>,
    /// The sequence of its first row, if it was accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sequence: Option<u64>,
    /// Whether it was done before, if it was accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) already_applied: Option<bool>,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<web::FieldError>,
}

/// The answer to a bulk.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BulkAnswer {
    /// The last sequence of the book after it.
    pub(crate) sequence: u64,
    /// Whether every transaction was done before.
    pub(crate) already_applied: bool,
    /// Whether nothing was written because only an answer was asked for.
    pub(crate) dry_run: bool,
    /// One result for each transaction, in order.
    pub(crate) results: Vec<BulkResult>,
    /// What the accounts would have; in answers to a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) balances: Option<Vec<BalanceView>>,
}

/// The answer to a change of accounts.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AccountAnswer {
    /// The sequence of the entry, or of the one that did the same before.
    pub(crate) sequence: u64,
    /// Whether the account was so already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) already_applied: Option<bool>,
    /// Whether nothing was written because only an answer was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dry_run: Option<bool>,
    /// The account; left out of a dry run that would open it.
    #[serde(flatten)]
    pub(crate) account: Option<AccountView>,
}

/// The answer to a new commodity.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CommodityAnswer {
    /// The sequence of the entry that added it.
    pub(crate) sequence: u64,
    /// Whether it was there already.
    pub(crate) already_applied: bool,
    /// Whether nothing was written because only an answer was asked for.
    pub(crate) dry_run: bool,
    /// The commodity.
    #[serde(flatten)]
    pub(crate) commodity: CommodityView,
}

/// What an account has, and as of when.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BalanceAnswer {
    /// The last sequence of the book when it was read.
    pub(crate) sequence: u64,
    /// What the account has.
    #[serde(flatten)]
    pub(crate) balance: BalanceView,
}

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Listed<T> {
    /// The last sequence of the book when the page was read.
    pub(crate) sequence: u64,
    /// The items, in the order of the list.
    pub(crate) items: Vec<T>,
    /// Pass it as `cursor` for the next page; null on the last page.
    pub(crate) next_cursor: Option<String>,
}

/// One row of the journal, seen from one account.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EntryView {
    /// Its sequence.
    pub(crate) sequence: u64,
    /// What it does: `post`, `hold`, `capture` or `release`.
    #[schema(example = "post")]
    pub(crate) movement: &'static str,
    /// `debit` or `credit`.
    #[schema(example = "debit")]
    pub(crate) side: &'static str,
    /// The account on the other side.
    pub(crate) counterpart: String,
    /// Decimal text.
    #[schema(example = "12.50")]
    pub(crate) amount: String,
    /// What it is an amount of.
    #[schema(example = "EUR")]
    pub(crate) currency: String,
    /// What the account had posted after it, positive on its normal side.
    #[schema(example = "100.00")]
    pub(crate) posted_after: String,
    /// The transaction it belongs to.
    pub(crate) transaction: String,
    /// What that does.
    #[schema(example = "post")]
    pub(crate) kind: &'static str,
    /// What kind of business that is.
    pub(crate) code: String,
    /// Its effective date.
    #[schema(format = Date)]
    pub(crate) date: String,
    /// What the outside calls it.
    pub(crate) reference: Option<String>,
    /// When it was booked.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) booked_at: Timestamp,
}

/// The sums of one currency over all accounts.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CurrencyTotals {
    /// The currency.
    pub(crate) currency: String,
    /// All debits posted.
    #[schema(example = "100.00")]
    pub(crate) debits: String,
    /// All credits posted; the same.
    #[schema(example = "100.00")]
    pub(crate) credits: String,
    /// All debits of open holds.
    #[schema(example = "0.00")]
    pub(crate) pending_debits: String,
    /// All credits of open holds; the same.
    #[schema(example = "0.00")]
    pub(crate) pending_credits: String,
    /// The net balance of each kind of account, positive on its normal side.
    pub(crate) types: Vec<TypeTotal>,
}

/// The net balance of one kind of account.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TypeTotal {
    /// The kind.
    #[serde(rename = "type")]
    pub(crate) kind: AccountType,
    /// Posted, positive on the kind's normal side.
    #[schema(example = "100.00")]
    pub(crate) posted: String,
}

/// The trial balance: assets and expenses equal liabilities, equity and revenue.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TrialBalance {
    /// The last sequence of the book when it was drawn.
    pub(crate) sequence: u64,
    /// Every currency anything was ever posted or held in.
    pub(crate) currencies: Vec<CurrencyTotals>,
}

/// Where the journal ends.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HeadView {
    /// The last durable sequence.
    pub(crate) sequence: u64,
    /// The hash of the last batch's header, which covers the whole journal.
    pub(crate) hash: String,
    /// When the last batch was booked.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) booked_at: Timestamp,
    /// The epoch of its writer.
    pub(crate) epoch: u64,
}
