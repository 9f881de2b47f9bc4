//! Transactions from the journal, with the names of what they touch.
//!
//! Runs on the reader threads. Cost: a few look-ups per row.

use std::collections::HashMap;

use ledger_core::{AccountIndex, AccountPath, Entry, EntryBody, Movement};
use money::Commodity;

use crate::engine::Rows;
use ledger_store::{Damage, JournalError, LedgerStore};

/// What accounts are called, looked up once each.
#[derive(Default)]
pub(super) struct Names {
    found: HashMap<AccountIndex, (AccountPath, Commodity)>,
}

impl Names {
    pub(super) fn load(
        &mut self,
        store: &dyn LedgerStore,
        index: AccountIndex,
    ) -> Result<(AccountPath, Commodity), JournalError> {
        if let Some(name) = self.found.get(&index) {
            return Ok(name.clone());
        }
        let account = store.load_account(index)?;
        let name = (account.path, store.load_commodity(account.commodity)?);
        self.found.insert(index, name.clone());
        Ok(name)
    }
}

/// The transaction whose first row this is.
pub(super) fn load_transaction(
    store: &dyn LedgerStore,
    first_sequence: u64,
) -> Result<Rows, JournalError> {
    let entries = store.load_rows(first_sequence)?;
    let mut names = Names::default();
    for entry in &entries {
        let row = movement(entry)?;
        names.load(store, row.debit)?;
        names.load(store, row.credit)?;
    }
    Ok(Rows {
        booked_at: store.load_booked_at(first_sequence)?,
        metadata: store.find_metadata(first_sequence)?,
        names: names.found,
        entries,
    })
}

/// The movement an entry of the journal must be.
pub(super) fn movement(entry: &Entry) -> Result<&Movement, JournalError> {
    match &entry.body {
        EntryBody::Movement(row) => Ok(row),
        _ => Err(Damage {
            batch: entry.sequence,
            what: format!("sequence {} must be a movement", entry.sequence),
        }
        .into()),
    }
}
