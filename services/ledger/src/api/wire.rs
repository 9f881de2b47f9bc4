//! Requests as they go over the wire.
//!
//! Promises: unknown fields are refused; amounts are decimal text with their currency beside them;
//! ids are `txn_` ids (hyphenated UUIDs are read too). They are read into operations in `request`.

use kit::time::{Timestamp, Zone};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

/// Metadata: a JSON object of at most 4096 bytes.
pub(crate) type Metadata = Map<String, Value>;

/// The query of every write.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct WriteQuery {
    /// Answer as if, with the balances there would be, and write nothing; ids and keys stay unused.
    #[serde(default)]
    pub(crate) dry_run: bool,
}

/// A new book: a legal entity with its own accounts and journal.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "branch-2", "zone": "Europe/Berlin" }))]
pub(crate) struct MakeBook {
    /// Its name: 1 to 32 characters a-z, 0-9 and -, the first a letter.
    #[schema(max_length = 32)]
    pub(crate) name: String,
    /// The zone whose calendar says which day it is, by its IANA name.
    #[schema(value_type = String, example = "Europe/Berlin")]
    pub(crate) zone: Zone,
}

/// Something else to count than the currencies of ISO 4217.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "code": "POINTS", "exponent": 0 }))]
pub(crate) struct CommodityRequest {
    /// Its code: 1 to 24 characters, the first A-Z, the others A-Z, 0-9, ., _, - and '.
    #[schema(max_length = 24)]
    pub(crate) code: String,
    /// How many decimals its amounts have, 0 to 12; for life.
    #[schema(maximum = 12)]
    pub(crate) exponent: u8,
}

/// The kind of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AccountType {
    /// What is owned; grows by debits.
    Asset,
    /// What was spent; grows by debits.
    Expense,
    /// What is owed; grows by credits.
    Liability,
    /// What belongs to the owners; grows by credits.
    Equity,
    /// What was earned; grows by credits.
    Revenue,
}

/// Which movements an account refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Freeze {
    /// None.
    None,
    /// Those that would raise its balance.
    In,
    /// Those that would lower its balance.
    Out,
    /// All.
    Both,
}

/// A new account.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "account": "customers/cus_7/wallets/EUR", "type": "liability", "currency": "EUR"
}))]
pub(crate) struct AccountRequest {
    /// Its path: segments with / between them, at most 128 bytes, no personal data.
    #[schema(max_length = 128)]
    pub(crate) account: String,
    /// Its kind, for life.
    #[serde(rename = "type")]
    pub(crate) kind: AccountType,
    /// What it counts, for life.
    #[schema(max_length = 24)]
    pub(crate) currency: String,
    /// How far below zero it may go: `none` (if left out), `unlimited`, or an amount such as
    /// `500.00`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) overdraft: Option<String>,
    /// Which movements it refuses at first; none if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) freeze: Option<Freeze>,
    /// What else to remember.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub(crate) metadata: Option<Metadata>,
}

/// What to change about an account; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "freeze": "out" }))]
pub(crate) struct ChangeAccount {
    /// How far below zero it may go: `none`, `unlimited`, or an amount.
    #[serde(default)]
    pub(crate) overdraft: Option<String>,
    /// Which movements it refuses.
    #[serde(default)]
    pub(crate) freeze: Option<Freeze>,
    /// What else to remember, instead of what was; null for nothing.
    #[serde(default, deserialize_with = "stated")]
    #[schema(value_type = Option<Object>)]
    pub(crate) metadata: Option<Option<Metadata>>,
    /// Close it for good, which needs nothing posted and nothing pending.
    #[serde(default)]
    pub(crate) close: bool,
}

/// A field whose null means something else than its absence.
fn stated<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<Metadata>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// What a transaction is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// Move money: `postings`.
    Post,
    /// Reserve money: `postings`, and when it ends by itself, `expires_at`.
    Hold,
    /// Move what the hold `parent` reserves: all of it or `amounts`; `final` releases the rest.
    Capture,
    /// Release what is left of the hold `parent`.
    Void,
    /// Give back what `parent` moved, as business: all that remains or `amounts`.
    Refund,
    /// Take back what `parent` moved, as a correction: all that remains or `amounts`.
    Reversal,
}

/// One debit, one credit, one amount.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PostingRequest {
    /// The account to debit.
    pub(crate) debit: String,
    /// The account to credit.
    pub(crate) credit: String,
    /// Decimal text above zero, with at most the currency's decimals.
    #[schema(example = "12.50")]
    pub(crate) amount: String,
    /// What both accounts count.
    #[schema(example = "EUR")]
    pub(crate) currency: String,
}

/// So much of one posting of the parent.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PortionRequest {
    /// The number of the posting in the parent, from 0; for a capture its number in the hold.
    pub(crate) posting: u16,
    /// Decimal text above zero.
    #[schema(example = "5.00")]
    pub(crate) amount: String,
    /// What the posting moves.
    #[schema(example = "EUR")]
    pub(crate) currency: String,
}

/// A transaction: all of it or nothing.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "id": "01939f6c-8a00-7000-8000-000000000001",
    "kind": "post",
    "code": "wallet-top-up",
    "postings": [{
        "debit": "bank/EUR", "credit": "customers/cus_7/wallets/EUR",
        "amount": "12.50", "currency": "EUR"
    }],
    "reference": "invoice 7"
}))]
pub(crate) struct TransactionRequest {
    /// Its id, chosen by the client. A single write may name it in `Idempotency-Key` alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<String>,
    /// What it is to do, and so which of the fields below it has.
    pub(crate) kind: Kind,
    /// What kind of business it is: 1 to 32 characters a-z, 0-9, ., _ and -.
    #[schema(max_length = 32)]
    pub(crate) code: String,
    /// Its effective date, today in the book's zone if left out; never in the future.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = Date)]
    pub(crate) date: Option<String>,
    /// `post`, `hold`: 1 to 1000 postings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) postings: Option<Vec<PostingRequest>>,
    /// `hold`: when it ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) expires_at: Option<Timestamp>,
    /// `capture`, `void`, `refund`, `reversal`: the transaction it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) parent: Option<String>,
    /// `capture`, `refund`, `reversal`: how much of which postings; all that remains if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) amounts: Option<Vec<PortionRequest>>,
    /// `capture`: whether to release what is left of the hold after it.
    #[serde(default, rename = "final", skip_serializing_if = "Option::is_none")]
    pub(crate) is_final: Option<bool>,
    /// What the outside calls it: 1 to 128 bytes of printable text; it need not be unique.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 128)]
    pub(crate) reference: Option<String>,
    /// What else to remember.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub(crate) metadata: Option<Metadata>,
}

/// How a bulk treats a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BulkMode {
    /// One refusal refuses all.
    Atomic,
    /// Each transaction by itself, with a result each.
    Each,
}

/// Many transactions at once.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BulkRequest {
    /// How a refusal is treated.
    pub(crate) mode: BulkMode,
    /// At most 8190, decided in order.
    #[schema(max_items = 8190)]
    pub(crate) transactions: Vec<TransactionRequest>,
}

/// A whole book's worth of commodities, accounts and transactions, all of it or nothing.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImportRequest {
    /// Added first.
    #[serde(default)]
    pub(crate) commodities: Vec<CommodityRequest>,
    /// Opened next.
    #[serde(default)]
    pub(crate) accounts: Vec<AccountRequest>,
    /// Decided last, in order.
    #[serde(default)]
    pub(crate) transactions: Vec<TransactionRequest>,
}

/// The formats a book can be exported in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ExportFormat {
    /// For hledger and ledger.
    Hledger,
    /// For Beancount.
    Beancount,
}
