//! A book as a plain-text journal: what was posted, with the balances that it comes to.
//!
//! Promises: every posted movement up to one sequence, and every balance as of that sequence, so
//! that an outside tool can confirm the one from the other. Holds are not money moved and stay out,
//! until they are captured. Each transaction carries its id as `florin-transaction`.

use std::collections::{BTreeMap, BTreeSet};

use journals::{Account, Balance, Posting, Transaction};
use ledger_core::{AccountKind, Book, Entry, EntryBody, Head, MovementKind};
use money::{Amount, Commodity};
use serde_json::Value;

use ledger_store::{JournalError, LedgerStore};

/// The transaction code of what was imported with a code Florin's grammar does not have.
pub(crate) const IMPORTED: &str = "import";

/// Metadata: the code as the imported journal had it.
pub(crate) const CODE_KEY: &str = "journal-code";

/// Metadata: the description as the imported journal had it, where it is no reference.
pub(crate) const DESCRIPTION_KEY: &str = "journal-description";

/// Metadata of exports: the id of the transaction.
const ID_KEY: &str = "florin-transaction";

/// Rows read at a time.
const PAGE_ROWS: u32 = 1_000;

/// What an export is made from: the accounts and balances of one moment, then the journal up to it.
pub(crate) struct Export {
    /// The last sequence that belongs to it.
    pub(crate) sequence: u64,
    next: u64,
    accounts: Vec<(Account, i128)>,
    transactions: Vec<Transaction>,
}

impl Export {
    /// Begins an export of the book as it is now. Cost: a walk over the accounts.
    pub(crate) fn begin(book: &Book) -> Self {
        let accounts = book.accounts().iter().map(|account| {
            let listed = Account {
                path: account.path().to_string(),
                kind: kind(account.kind()),
                commodity: book.commodity(account.commodity()).commodity(),
                opened: None,
            };
            (listed, account.sums().posted())
        });
        Self {
            sequence: book.next_sequence() - 1,
            next: 1,
            accounts: accounts.collect(),
            transactions: Vec::new(),
        }
    }

    /// Reads the next page of the journal; whether there is more.
    pub(crate) fn read_page(&mut self, store: &dyn LedgerStore) -> Result<bool, JournalError> {
        let rows = store.list_rows(self.next, PAGE_ROWS)?;
        for entry in &rows {
            if entry.sequence > self.sequence {
                return Ok(false);
            }
            self.add(store, entry)?;
            self.next = entry.sequence + 1;
        }
        Ok(rows.len() == PAGE_ROWS as usize)
    }

    fn add(&mut self, store: &dyn LedgerStore, entry: &Entry) -> Result<(), JournalError> {
        let EntryBody::Movement(row) = &entry.body else {
            return Ok(());
        };
        if let Some(head) = row.head.as_deref() {
            let metadata = match head.metadata_digest {
                Some(_) => store.find_metadata(entry.sequence)?,
                None => None,
            };
            let mut begun = begin_transaction(head, metadata);
            begun
                .metadata
                .insert(ID_KEY.to_owned(), row.transaction.to_string());
            // What came before and moved nothing (a hold, a void, an expiry) is not business yet.
            if self
                .transactions
                .last()
                .is_some_and(|last| last.postings.is_empty())
            {
                self.transactions.pop();
            }
            self.transactions.push(begun);
        }
        if matches!(row.kind, MovementKind::Post | MovementKind::Capture)
            && let Some(transaction) = self.transactions.last_mut()
        {
            let (debit, _) = &self.accounts[row.debit.0 as usize];
            let (credit, _) = &self.accounts[row.credit.0 as usize];
            transaction.postings.push(Posting {
                debit: debit.path.clone(),
                credit: credit.path.clone(),
                amount: Amount::new(row.amount, debit.commodity),
            });
        }
        Ok(())
    }

    /// The whole book, once every page was read.
    pub(crate) fn finish(mut self, title: String) -> journals::Book {
        if self
            .transactions
            .last()
            .is_some_and(|last| last.postings.is_empty())
        {
            self.transactions.pop();
        }
        let commodities: BTreeSet<Commodity> = self
            .accounts
            .iter()
            .map(|(account, _)| account.commodity)
            .collect();
        let balance = |(account, minor): &(Account, i128)| Balance {
            path: account.path.clone(),
            minor: *minor,
        };
        journals::Book {
            title,
            commodities: commodities.into_iter().collect(),
            balances: self.accounts.iter().map(balance).collect(),
            accounts: self
                .accounts
                .into_iter()
                .map(|(account, _)| account)
                .collect(),
            transactions: self.transactions,
            prices: Vec::new(),
        }
    }
}

fn begin_transaction(head: &Head, metadata: Option<String>) -> Transaction {
    let stored: BTreeMap<String, Value> = metadata
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default();
    let mut metadata: BTreeMap<String, String> = stored
        .into_iter()
        .map(|(key, value)| (key, text(value)))
        .collect();
    let code = head.code.to_string();
    let kept = metadata.remove(CODE_KEY);
    let code = kept.unwrap_or_else(|| {
        if code == IMPORTED {
            String::new()
        } else {
            code
        }
    });
    let reference = head.reference.as_ref().map(ToString::to_string);
    let kept = metadata.remove(DESCRIPTION_KEY);
    Transaction {
        origin: String::new(),
        date: head.date,
        code,
        description: kept.or(reference).unwrap_or_default(),
        metadata,
        postings: Vec::new(),
    }
}

/// A value as the text of a tag: a string as it is, anything else as JSON.
fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

const fn kind(kind: AccountKind) -> journals::AccountKind {
    match kind {
        AccountKind::Asset => journals::AccountKind::Asset,
        AccountKind::Expense => journals::AccountKind::Expense,
        AccountKind::Liability => journals::AccountKind::Liability,
        AccountKind::Equity => journals::AccountKind::Equity,
        AccountKind::Revenue => journals::AccountKind::Revenue,
    }
}
