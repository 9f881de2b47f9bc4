//! One batch into the tables, in one SQLite transaction.
//!
//! Promises: all of the batch or nothing, durable when `append` returns (WAL with
//! `synchronous=FULL`). A row that is there already fails the whole batch. Cost: an insert per
//! entry, one more per transaction, reference, link and metadata.

use ledger_core::{
    AccountChanged, AccountOpened, CommodityAdded, EntryBody, Head, Movement, TransactionKind,
};
use rusqlite::{CachedStatement, Connection, TransactionBehavior, params};

use super::rows::{
    sql_action, sql_freeze, sql_int, sql_kind, sql_movement, sql_overdraft, sql_state, sql_wide,
};
use super::statements;
use crate::Batch;

/// Writes a batch, and `before` it whatever belongs to the same transaction.
pub(super) fn append(
    connection: &mut Connection,
    batch: &Batch,
    before: impl FnOnce(&Connection) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    before(&transaction)?;
    put_header(&transaction, batch)?;
    let mut put = Put::new(&transaction)?;
    for entry in batch.entries.iter() {
        let sequence = sql_int(entry.sequence);
        match &entry.body {
            EntryBody::CommodityAdded(added) => put.commodity(sequence, added)?,
            EntryBody::AccountOpened(opened) => put.account(sequence, opened)?,
            EntryBody::AccountChanged(changed) => put.account_change(sequence, changed)?,
            EntryBody::Movement(movement) => put.movement(sequence, movement)?,
        }
    }
    for (sequence, body) in batch.metadata.iter() {
        put.metadata.execute(params![sql_int(*sequence), body])?;
    }
    drop(put);
    transaction.commit()
}

fn put_header(connection: &Connection, batch: &Batch) -> rusqlite::Result<()> {
    let header = &batch.header;
    connection
        .prepare_cached(statements::PUT_BATCH)?
        .execute(params![
            sql_int(header.first_sequence),
            sql_int(header.last_sequence),
            header.booked_at.micros(),
            header.format,
            sql_int(header.epoch),
            header.merkle_root.0,
            header.previous_hash.0,
            header.hash().0,
        ])?;
    Ok(())
}

/// The insert statements of one batch, prepared once per connection.
struct Put<'a> {
    commodity: CachedStatement<'a>,
    account: CachedStatement<'a>,
    account_change: CachedStatement<'a>,
    first_row: CachedStatement<'a>,
    row: CachedStatement<'a>,
    transaction: CachedStatement<'a>,
    reference: CachedStatement<'a>,
    link: CachedStatement<'a>,
    metadata: CachedStatement<'a>,
}

impl<'a> Put<'a> {
    fn new(connection: &'a Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            commodity: connection.prepare_cached(statements::PUT_COMMODITY)?,
            account: connection.prepare_cached(statements::PUT_ACCOUNT)?,
            account_change: connection.prepare_cached(statements::PUT_ACCOUNT_CHANGE)?,
            first_row: connection.prepare_cached(statements::PUT_FIRST_ROW)?,
            row: connection.prepare_cached(statements::PUT_ROW)?,
            transaction: connection.prepare_cached(statements::PUT_TRANSACTION)?,
            reference: connection.prepare_cached(statements::PUT_REFERENCE)?,
            link: connection.prepare_cached(statements::PUT_LINK)?,
            metadata: connection.prepare_cached(statements::PUT_METADATA)?,
        })
    }

    fn commodity(&mut self, sequence: i64, added: &CommodityAdded) -> rusqlite::Result<()> {
        let commodity = added.commodity;
        self.commodity.execute(params![
            added.index.0,
            sequence,
            commodity.code().as_str(),
            commodity.exponent()
        ])?;
        Ok(())
    }

    fn account(&mut self, sequence: i64, opened: &AccountOpened) -> rusqlite::Result<()> {
        self.account.execute(params![
            opened.index.0,
            sequence,
            opened.path.as_str(),
            sql_kind(opened.kind),
            opened.commodity.0,
            sql_overdraft(opened.settings.overdraft),
            sql_freeze(opened.settings.freeze),
            opened
                .settings
                .metadata_digest
                .as_deref()
                .map(|digest| digest.0),
        ])?;
        Ok(())
    }

    fn account_change(&mut self, sequence: i64, changed: &AccountChanged) -> rusqlite::Result<()> {
        self.account_change.execute(params![
            sequence,
            changed.account.0,
            sql_overdraft(changed.settings.overdraft),
            sql_freeze(changed.settings.freeze),
            sql_state(changed.state),
            changed
                .settings
                .metadata_digest
                .as_deref()
                .map(|digest| digest.0),
        ])?;
        Ok(())
    }

    fn movement(&mut self, sequence: i64, row: &Movement) -> rusqlite::Result<()> {
        let id = row.transaction.bits().to_be_bytes();
        let Some(head) = row.head.as_deref() else {
            self.row.execute(params![
                sequence,
                sql_movement(row.kind),
                id,
                row.posting,
                row.debit.0,
                row.credit.0,
                row.amount,
                sql_int(row.debit_previous),
                sql_int(row.credit_previous),
                sql_wide(row.debit_balance),
                sql_wide(row.credit_balance),
            ])?;
            return Ok(());
        };
        let parent = head.kind.parent().map(|id| id.bits().to_be_bytes());
        let (restores, is_final, expires_at) = particulars(&head.kind);
        self.first_row.execute(params![
            sequence,
            sql_movement(row.kind),
            id,
            row.posting,
            row.debit.0,
            row.credit.0,
            row.amount,
            sql_int(row.debit_previous),
            sql_int(row.credit_previous),
            sql_wide(row.debit_balance),
            sql_wide(row.credit_balance),
            sql_action(&head.kind),
            head.code.as_str(),
            head.date.to_string(),
            head.rows,
            head.request_hash.0,
            head.reference.as_ref().map(|reference| reference.as_str()),
            head.metadata_digest.map(|digest| digest.0),
            parent,
            restores,
            is_final,
            expires_at,
        ])?;
        self.beside(sequence, row, head)
    }

    /// The rows by which a transaction is found.
    fn beside(&mut self, sequence: i64, row: &Movement, head: &Head) -> rusqlite::Result<()> {
        // The rows of an expiry belong to the hold, which is found by its own first row.
        if !matches!(head.kind, TransactionKind::Expiry { .. }) {
            let id = row.transaction.bits().to_be_bytes();
            self.transaction.execute(params![id, sequence])?;
        }
        if let Some(reference) = &head.reference {
            self.reference
                .execute(params![reference.as_str(), sequence])?;
        }
        for parent in head.kind.touches() {
            self.link
                .execute(params![parent.bits().to_be_bytes(), sequence])?;
        }
        Ok(())
    }
}

/// What only some kinds of transaction have: restores, is_final, expires_at.
fn particulars(kind: &TransactionKind) -> (Option<[u8; 16]>, Option<bool>, Option<i64>) {
    match *kind {
        TransactionKind::Hold { expires_at } => (None, None, expires_at.map(|at| at.micros())),
        TransactionKind::Capture { is_final, .. } => (None, Some(is_final), None),
        TransactionKind::Reversal { restores, .. } => {
            (restores.map(|id| id.bits().to_be_bytes()), None, None)
        }
        _ => (None, None, None),
    }
}
