//! The neutral book between Florin's ledger and the text formats: what an import becomes and
//! what an export is written from.
//!
//! Promises: plain values, pairwise postings in minor units, every balance beside the
//! transactions that made it, so that an outside tool can confirm the one from the other.
//! Does not: hold Florin's own limits (path length, code alphabet); the ledger judges those.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use jiff::civil::Date;
use money::{Amount, Commodity, CommodityCode};

use crate::model::AccountKind;
use crate::number::Number;

/// Paths beneath this are position accounts: what an exchange passes through, one account for
/// each commodity of a pair (`equity/conversion/EUR-USD/EUR`), so that a transaction in several
/// commodities balances in each of them.
pub const POSITION_ROOT: &str = "equity/conversion/";

/// A book to export, or one that was imported.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Book {
    /// What the export is headed with; one line.
    pub title: String,
    /// Every commodity any account uses.
    pub commodities: Vec<Commodity>,
    /// Every account; paths are unique.
    pub accounts: Vec<Account>,
    /// Transactions in the order they happened to be written; the date decides nothing here.
    pub transactions: Vec<Transaction>,
    /// The balance of accounts after all transactions, debits less credits. On export these are
    /// what the ledger holds, written as assertions for the outside tool to check.
    pub balances: Vec<Balance>,
    /// Market prices, kept from import to export.
    pub prices: Vec<Price>,
}

/// An account of one commodity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Florin's path, segments between `/`.
    pub path: String,
    /// Its kind.
    pub kind: AccountKind,
    /// Its commodity.
    pub commodity: Commodity,
    /// When it was opened, when that is known; Beancount opens it then or on its first use,
    /// whichever is earlier.
    pub opened: Option<Date>,
}

impl Account {
    /// Whether it is a position account, beneath [`POSITION_ROOT`].
    pub fn is_position(&self) -> bool {
        self.path.starts_with(POSITION_ROOT)
    }
}

/// A transaction: all of its postings or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// Where an imported one was read, `file:line`; empty for one that was not. Not written.
    pub origin: String,
    /// Its effective date.
    pub date: Date,
    /// What kind of business, or the journal's code in parentheses; may be empty.
    pub code: String,
    /// Reference or description, one line; may be empty.
    pub description: String,
    /// Names and values. An import keeps here what Florin has no field for: tags, and under
    /// `status`, `date2`, `payee`, `comment`, and `posting-N-…` what those parts said.
    pub metadata: BTreeMap<String, String>,
    /// Its postings. Empty for one that moves nothing (a bare assertion), which a ledger skips.
    pub postings: Vec<Posting>,
}

/// An amount from one account to another, both of its commodity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posting {
    /// Path of the account debited.
    pub debit: String,
    /// Path of the account credited.
    pub credit: String,
    /// How much; above zero.
    pub amount: Amount,
}

/// What an account holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Balance {
    /// Its path.
    pub path: String,
    /// Debits less credits in minor units of its commodity.
    pub minor: i128,
}

/// What one unit of a commodity was worth on a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Price {
    /// The day.
    pub date: Date,
    /// What is priced.
    pub commodity: CommodityCode,
    /// How many…
    pub number: Number,
    /// …of what.
    pub quote: CommodityCode,
}

/// Why a book cannot be written: it contradicts itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BookError {
    /// Two accounts have this path, or would have the same name in the format.
    AccountMustBeUnique(String),
    /// A posting or balance names an account the book does not list.
    AccountMustBeListed(String),
    /// A posting is not above zero, or not of its accounts' commodity.
    PostingMustFitAccounts(String),
    /// A path that is empty, begins or ends with `/`, or holds a control character.
    PathMustBeWellFormed(String),
    /// No day comes after the last transaction.
    DateMustHaveSuccessor(Date),
}

impl fmt::Display for BookError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BookError::AccountMustBeUnique(path) => write!(out, "account must be unique: {path}"),
            BookError::AccountMustBeListed(path) => write!(out, "account must be listed: {path}"),
            BookError::PostingMustFitAccounts(path) => {
                write!(
                    out,
                    "posting must be above zero and of its accounts' commodity: {path}"
                )
            }
            BookError::PathMustBeWellFormed(path) => {
                write!(
                    out,
                    "account path must be segments between slashes: {path:?}"
                )
            }
            BookError::DateMustHaveSuccessor(date) => {
                write!(out, "a day must come after the last transaction: {date}")
            }
        }
    }
}

impl std::error::Error for BookError {}

impl BookError {
    /// The path it is about, empty for one about a date.
    pub(crate) fn path(&self) -> &str {
        match self {
            BookError::AccountMustBeUnique(path)
            | BookError::AccountMustBeListed(path)
            | BookError::PostingMustFitAccounts(path)
            | BookError::PathMustBeWellFormed(path) => path,
            BookError::DateMustHaveSuccessor(_) => "",
        }
    }
}

impl Book {
    /// The balances its transactions come to, in the order of its accounts, none left out.
    ///
    /// # Errors
    /// Those of a book that contradicts itself.
    pub fn computed_balances(&self) -> Result<Vec<Balance>, BookError> {
        let accounts = self.index()?;
        let mut sums = vec![0_i128; self.accounts.len()];
        for posting in self
            .transactions
            .iter()
            .flat_map(|transaction| &transaction.postings)
        {
            let minor = i128::from(posting.amount.minor);
            sums[accounts[posting.debit.as_str()]] += minor;
            sums[accounts[posting.credit.as_str()]] -= minor;
        }
        let balance = |(account, minor): (&Account, i128)| Balance {
            path: account.path.clone(),
            minor,
        };
        Ok(self.accounts.iter().zip(sums).map(balance).collect())
    }

    /// Checks the book against itself and gives each account's place by path.
    pub(crate) fn index(&self) -> Result<HashMap<&str, usize>, BookError> {
        let mut places = HashMap::new();
        for (place, account) in self.accounts.iter().enumerate() {
            let path = account.path.as_str();
            if path.split('/').any(str::is_empty) || path.chars().any(char::is_control) {
                return Err(BookError::PathMustBeWellFormed(account.path.clone()));
            }
            if places.insert(path, place).is_some() {
                return Err(BookError::AccountMustBeUnique(account.path.clone()));
            }
        }
        let find = |path: &str| {
            let place = places.get(path).copied();
            place.ok_or_else(|| BookError::AccountMustBeListed(path.to_owned()))
        };
        for posting in self
            .transactions
            .iter()
            .flat_map(|transaction| &transaction.postings)
        {
            for path in [&posting.debit, &posting.credit] {
                let account = &self.accounts[find(path)?];
                if account.commodity != posting.amount.commodity || posting.amount.minor <= 0 {
                    return Err(BookError::PostingMustFitAccounts(path.clone()));
                }
            }
        }
        for balance in &self.balances {
            find(&balance.path)?;
        }
        Ok(places)
    }
}
