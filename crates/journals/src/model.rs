//! What a journal says, whichever of the two formats it was written in.
//!
//! Promises: a [`Journal`] is whole: every transaction balances by its own format's rules,
//! amounts left out are filled in, balance assertions were checked. Quantities are exact.
//! Does not: speak of Florin's accounts and minor units; [`Journal::to_book`] does that, and
//! may still refuse what a text accountant may write but an exact ledger may not hold.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::number::Number;
use crate::refusal::Place;

/// Which format the names and amounts follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// hledger, and the part of ledger that hledger reads.
    Hledger,
    /// Beancount.
    Beancount,
}

/// The five kinds of account. hledger's `Cash` is an asset, its `Conversion` is equity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccountKind {
    /// What is owned; debit-normal.
    Asset,
    /// What is owed; credit-normal.
    Liability,
    /// What is left to the owners; credit-normal.
    Equity,
    /// What was earned; credit-normal.
    Revenue,
    /// What was spent; debit-normal.
    Expense,
}

/// A journal that was read whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Journal {
    /// The format it was written in.
    pub format: Format,
    /// The files read, the first one first; a [`Place`] points here.
    pub files: Vec<String>,
    /// Commodities by the symbol they are written with, used or declared.
    pub commodities: BTreeMap<String, CommodityUse>,
    /// Accounts declared or posted to, by full name, aliases and parents applied.
    pub accounts: BTreeMap<String, AccountUse>,
    /// Transactions in the order of the text.
    pub transactions: Vec<Entry>,
    /// Market prices in the order of the text.
    pub prices: Vec<MarketPrice>,
}

/// A commodity as the journal uses it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CommodityUse {
    /// Decimals of its `commodity` or `D` directive, when it has one with a format.
    pub declared_decimals: Option<u32>,
    /// Most decimals a posting amount is written with.
    pub used_decimals: Option<u32>,
    /// Where it was first seen.
    pub place: Place,
}

/// An account as the journal uses it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AccountUse {
    /// Its kind: declared, inherited, or told by its name; `None` when nothing tells.
    pub kind: Option<AccountKind>,
    /// Whether a directive declares it.
    pub is_declared: bool,
    /// When it was opened, where the format says so.
    pub opened: Option<Date>,
    /// The commodities it may hold, where the format says so; empty for any.
    pub symbols: Vec<String>,
    /// Tags of its directive.
    pub tags: Vec<(String, String)>,
    /// Where it was first seen.
    pub place: Place,
}

/// Cleared, pending, or neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Status {
    /// No mark.
    #[default]
    Unmarked,
    /// `!`
    Pending,
    /// `*`
    Cleared,
}

/// A transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// First line.
    pub place: Place,
    /// Its date.
    pub date: Date,
    /// Its secondary date, when it has one.
    pub second_date: Option<Date>,
    /// Its mark.
    pub status: Status,
    /// The text in parentheses, empty when there is none.
    pub code: String,
    /// Beancount's payee, empty when there is none. hledger keeps it in the description.
    pub payee: String,
    /// The rest of the first line.
    pub description: String,
    /// Comment lines without their semicolons.
    pub comments: Vec<String>,
    /// Tags or metadata, in order; names may repeat.
    pub tags: Vec<(String, String)>,
    /// Its postings, in order.
    pub postings: Vec<Leg>,
}

/// A signed posting: debits are positive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leg {
    /// Its line.
    pub place: Place,
    /// Its own mark.
    pub status: Status,
    /// Full account name.
    pub account: String,
    /// What is posted: one quantity as written, or for an amount left out as many as it takes,
    /// one for each commodity, or none.
    pub amounts: Vec<Quantity>,
    /// Whether the amount was left out and has been filled in.
    pub was_elided: bool,
    /// What it cost, as written.
    pub cost: Option<Cost>,
    /// The balance asserted after it.
    pub assertion: Option<Assertion>,
    /// Comment lines without their semicolons.
    pub comments: Vec<String>,
    /// Tags or metadata, in order.
    pub tags: Vec<(String, String)>,
}

/// A number of a commodity, by its symbol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quantity {
    /// How many.
    pub number: Number,
    /// Of what; empty for a bare number.
    pub symbol: String,
}

/// What a posting cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cost {
    /// `@`: for each unit.
    Each(Quantity),
    /// `@@`: in all, as written; its sign follows the posting's.
    Total(Quantity),
}

/// A balance asserted after a posting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assertion {
    /// The balance.
    pub quantity: Quantity,
    /// `==`: and nothing of any other commodity.
    pub is_total: bool,
    /// `=*`: subaccounts counted in.
    pub is_inclusive: bool,
}

/// A market price: one unit of `symbol` was worth `price` on `date`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarketPrice {
    /// Its line.
    pub place: Place,
    /// The day.
    pub date: Date,
    /// What is priced.
    pub symbol: String,
    /// What one unit was worth.
    pub price: Quantity,
}

impl Cost {
    /// The price as written, for each or in all.
    pub fn price(&self) -> &Quantity {
        match self {
            Cost::Each(price) | Cost::Total(price) => price,
        }
    }
}
