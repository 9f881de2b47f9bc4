//! What the journal knows and the book does not: ids that were used, and finished transactions
//! that new ones name.
//!
//! Looks first at what is not durable yet, then into the store. Cost: a look into the store per
//! id that is not newer than every other (UUIDv7 from one clock is), and for a parent as many as
//! it has children.

use ledger_core::operation::Operation;
use ledger_core::{Existing, Parent, TransactionId};

use super::draft::Draft;
use super::recent::{existing, rows_at};
use super::writer::Writer;
use ledger_store::{Damage, JournalError};

/// Children read from the store at a time.
const CHILDREN_PAGE: u32 = 200;

impl Writer {
    /// What the journal says of an operation's transaction id.
    pub(super) fn find_existing(
        &mut self,
        operation: &Operation,
        draft: &Draft,
    ) -> Result<Option<Existing>, JournalError> {
        let Operation::Transact(transaction) = operation else {
            return Ok(None);
        };
        let id = transaction.id;
        // Greater than every id there is: nobody can have used it.
        if id.bits() > self.newest_id {
            self.newest_id = id.bits();
            return Ok(None);
        }
        if let Some(&sequence) = draft.ids.get(&id) {
            return Ok(rows_at(&draft.entries, sequence).and_then(existing));
        }
        if let Some(rows) = self.recent.find(id) {
            return Ok(existing(rows));
        }
        let Some(sequence) = self.store.find_transaction(id)? else {
            return Ok(None);
        };
        let row = self.store.find_row(sequence)?;
        let found = row
            .as_ref()
            .and_then(|row| existing(std::slice::from_ref(row)));
        let missing = || Damage {
            batch: sequence,
            what: format!("sequence {sequence} must begin transaction {id}"),
        };
        Ok(Some(found.ok_or_else(missing)?))
    }

    /// Admits the finished transactions that an operation names.
    pub(super) fn admit_parents(
        &mut self,
        operation: &Operation,
        draft: &Draft,
    ) -> Result<(), JournalError> {
        while let Some(id) = self.book.missing_parent(operation) {
            let Some(parent) = self.find_parent(id, draft)? else {
                return Ok(());
            };
            self.book.admit(parent);
        }
        Ok(())
    }

    /// A parent as it is. What is not durable of it is only its own rows: a child that is not
    /// durable would have admitted it.
    fn find_parent(
        &self,
        id: TransactionId,
        draft: &Draft,
    ) -> Result<Option<Parent>, JournalError> {
        let in_draft = draft
            .ids
            .get(&id)
            .and_then(|&at| rows_at(&draft.entries, at));
        let own = match in_draft.or_else(|| self.recent.find(id)) {
            Some(rows) => rows.to_vec(),
            None => match self.store.find_transaction(id)? {
                Some(sequence) => self.store.load_rows(sequence)?,
                None => return Ok(None),
            },
        };
        let mut children = Vec::new();
        let mut after = 0;
        loop {
            let page = self.store.list_links(id, after, CHILDREN_PAGE)?;
            for &sequence in &page {
                children.extend(self.store.load_rows(sequence)?);
            }
            match page.last() {
                Some(&last) if page.len() as u32 == CHILDREN_PAGE => after = last,
                _ => break,
            }
        }
        let batch = own.first().map_or(0, |row| row.sequence);
        let parent = Parent::collect(id, &own, &children).map_err(|error| Damage {
            batch,
            what: error.to_string(),
        })?;
        Ok(Some(parent))
    }
}
