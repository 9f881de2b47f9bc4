//! A journal from the tables, batch by batch, in order.
//!
//! Promises: every row of every table is read exactly once and belongs to exactly one batch; every
//! header hashes to what its row says. With `thorough`, also what stands beside the journal is
//! compared with it, both ways: nothing is missing, nothing is there without reason. What is wrong
//! is named with the first sequence of the batch. Whether entries follow from each other is for
//! the visitor to say. Memory: one batch.

use ledger_core::{BatchHeader, Digest, Entry, EntryBody, Head, TransactionKind};
use rusqlite::{CachedStatement, Connection, Rows, params};

use super::rows::{self, Columns, RowError, sql_int};
use super::statements;
use crate::{BookRecord, Damage, JournalError, Visit};

/// Reads the whole journal as it is now.
pub(super) fn replay(
    connection: &Connection,
    record: &BookRecord,
    thorough: bool,
    visit: &mut Visit<'_>,
) -> Result<(), JournalError> {
    // One transaction, so that a batch that is appended meanwhile is seen whole or not at all.
    let snapshot = connection
        .unchecked_transaction()
        .map_err(super::sqlite::failed)?;
    let mut expected = record.chain().next_sequence();
    let mut journal = Statements::new(&snapshot).map_err(|error| damage(expected, error))?;
    let mut cursors = journal.cursors().map_err(|error| damage(expected, error))?;
    let mut beside = Beside::default();
    loop {
        let header = cursors.header().map_err(|error| damage(expected, error))?;
        let Some((header, hash)) = header else { break };
        if header.first_sequence != expected || header.last_sequence < expected {
            return Err(wrong(expected, "batch must begin where the one before ended").into());
        }
        if header.hash() != hash {
            return Err(wrong(expected, "header must hash to its header_hash").into());
        }
        let entries = cursors
            .entries(expected, header.last_sequence)
            .map_err(|error| damage(expected, error))?;
        visit(&header, &entries)?;
        if thorough {
            let checked = beside.check(&snapshot, &entries);
            checked.map_err(|error| damage(expected, error))?;
        }
        expected = header.last_sequence + 1;
    }
    let rest = cursors
        .entries(expected, expected)
        .map_err(|error| damage(expected, error))?;
    if !rest.is_empty() || !cursors.are_done() {
        return Err(wrong(expected, "every entry must be in a batch").into());
    }
    drop(cursors);
    if thorough {
        let strays = beside
            .find_stray(&snapshot)
            .map_err(|error| damage(expected, error))?;
        if let Some((table, sequence)) = strays {
            let what = format!("table {table} must hold only what the journal accounts for");
            return Err(Damage {
                batch: sequence,
                what,
            }
            .into());
        }
    }
    Ok(())
}

fn wrong(batch: u64, what: &str) -> Damage {
    Damage {
        batch,
        what: what.to_owned(),
    }
}

fn damage(batch: u64, error: RowError) -> JournalError {
    let what = match error {
        RowError::Column(column) => format!("column {column} must hold what was written"),
        RowError::Sqlite(error) => format!("the file must be readable: {error}"),
    };
    Damage { batch, what }.into()
}

struct Statements<'a> {
    batches: CachedStatement<'a>,
    commodities: CachedStatement<'a>,
    accounts: CachedStatement<'a>,
    account_changes: CachedStatement<'a>,
    rows: CachedStatement<'a>,
}

impl<'a> Statements<'a> {
    fn new(connection: &'a Connection) -> Result<Self, RowError> {
        Ok(Self {
            batches: connection.prepare_cached(statements::ALL_BATCHES)?,
            commodities: connection.prepare_cached(statements::ALL_COMMODITIES)?,
            accounts: connection.prepare_cached(statements::ALL_ACCOUNTS)?,
            account_changes: connection.prepare_cached(statements::ALL_ACCOUNT_CHANGES)?,
            rows: connection.prepare_cached(statements::ALL_ROWS)?,
        })
    }

    fn cursors(&mut self) -> Result<Cursors<'_>, RowError> {
        let tables = [
            Cursor::new(self.rows.query([])?, |columns| {
                rows::movement(columns).map(EntryBody::Movement)
            })?,
            Cursor::new(self.account_changes.query([])?, |columns| {
                rows::account_change(columns).map(EntryBody::AccountChanged)
            })?,
            Cursor::new(self.accounts.query([])?, |columns| {
                rows::account(columns).map(EntryBody::AccountOpened)
            })?,
            Cursor::new(self.commodities.query([])?, |columns| {
                rows::commodity(columns).map(EntryBody::CommodityAdded)
            })?,
        ];
        Ok(Cursors {
            batches: self.batches.query([])?,
            tables,
        })
    }
}

/// A place in each table.
struct Cursors<'a> {
    batches: Rows<'a>,
    tables: [Cursor<'a>; 4],
}

impl Cursors<'_> {
    /// The next header, and the hash its row states.
    fn header(&mut self) -> Result<Option<(BatchHeader, Digest)>, RowError> {
        let Some(row) = self.batches.next()? else {
            return Ok(None);
        };
        rows::header(&mut Columns::new(row)).map(Some)
    }

    /// The entries up to `last_sequence`, from all tables, in order: at most one more than a batch
    /// from `first_sequence` can have, so that rows out of place cannot fill the memory.
    fn entries(&mut self, first_sequence: u64, last_sequence: u64) -> Result<Vec<Entry>, RowError> {
        let mut entries = Vec::new();
        for _ in first_sequence..=last_sequence.saturating_add(1) {
            let next = self
                .tables
                .iter_mut()
                .filter(|cursor| cursor.sequence.is_some());
            let Some(cursor) = next.min_by_key(|cursor| cursor.sequence) else {
                break;
            };
            if cursor.sequence > Some(last_sequence) {
                break;
            }
            entries.extend(cursor.take()?);
        }
        Ok(entries)
    }

    /// Whether every row of every table was read.
    fn are_done(&self) -> bool {
        self.tables.iter().all(|cursor| cursor.sequence.is_none())
    }
}

/// A place in one table, one row ahead.
struct Cursor<'a> {
    rows: Rows<'a>,
    read: fn(&mut Columns<'_>) -> Result<EntryBody, RowError>,
    ahead: Option<Result<Entry, RowError>>,
    /// Of the row ahead; 0 for one that cannot be read, so that it is taken next.
    sequence: Option<u64>,
}

impl<'a> Cursor<'a> {
    fn new(
        rows: Rows<'a>,
        read: fn(&mut Columns<'_>) -> Result<EntryBody, RowError>,
    ) -> Result<Self, RowError> {
        let mut cursor = Self {
            rows,
            read,
            ahead: None,
            sequence: None,
        };
        cursor.advance()?;
        Ok(cursor)
    }

    fn take(&mut self) -> Result<Option<Entry>, RowError> {
        let taken = self.ahead.take().transpose()?;
        self.advance()?;
        Ok(taken)
    }

    /// Reads one row ahead. What is wrong with it is told when it is taken, so that the batch it
    /// belongs to is named and not the one before.
    fn advance(&mut self) -> Result<(), RowError> {
        let Some(row) = self.rows.next()? else {
            self.sequence = None;
            return Ok(());
        };
        let mut columns = Columns::new(row);
        let sequence = columns.int("sequence");
        self.sequence = Some(*sequence.as_ref().unwrap_or(&0));
        let read = self.read;
        self.ahead = Some(sequence.and_then(|sequence| {
            let body = read(&mut columns)?;
            Ok(Entry { sequence, body })
        }));
        Ok(())
    }
}

/// How many rows the tables beside the journal must have.
#[derive(Default)]
struct Beside {
    transactions: u64,
    references: u64,
    links: u64,
    metadata: u64,
}

impl Beside {
    /// Everything the entries of a batch ask for must be there.
    fn check(&mut self, connection: &Connection, entries: &[Entry]) -> Result<(), RowError> {
        for entry in entries {
            let sequence = sql_int(entry.sequence);
            let digest = match &entry.body {
                EntryBody::CommodityAdded(_) => None,
                EntryBody::AccountOpened(opened) => opened.settings.metadata_digest.as_deref(),
                EntryBody::AccountChanged(changed) => changed.settings.metadata_digest.as_deref(),
                EntryBody::Movement(movement) => match movement.head.as_deref() {
                    Some(head) => {
                        let id = movement.transaction.bits().to_be_bytes();
                        self.check_head(connection, sequence, id, head)?;
                        head.metadata_digest.as_ref()
                    }
                    None => None,
                },
            };
            if let Some(digest) = digest {
                self.metadata += 1;
                check_metadata(connection, sequence, digest)?;
            }
        }
        Ok(())
    }

    fn check_head(
        &mut self,
        connection: &Connection,
        sequence: i64,
        id: [u8; 16],
        head: &Head,
    ) -> Result<(), RowError> {
        if !matches!(head.kind, TransactionKind::Expiry { .. }) {
            self.transactions += 1;
            let mut statement = connection.prepare_cached(statements::GET_TRANSACTION)?;
            let mut rows = statement.query(params![id])?;
            let found = match rows.next()? {
                Some(row) => Columns::new(row).int("first_sequence")?,
                None => 0,
            };
            if found != sequence {
                return Err(RowError::Column("id of ledger_transactions"));
            }
        }
        if let Some(reference) = &head.reference {
            self.references += 1;
            let mut statement = connection.prepare_cached(statements::GET_REFERENCE)?;
            if !statement.exists(params![reference.as_str(), sequence])? {
                return Err(RowError::Column("reference of ledger_references"));
            }
        }
        for parent in head.kind.touches() {
            self.links += 1;
            let mut statement = connection.prepare_cached(statements::GET_LINK)?;
            if !statement.exists(params![parent.bits().to_be_bytes(), sequence])? {
                return Err(RowError::Column("parent of ledger_links"));
            }
        }
        Ok(())
    }

    /// Everything asked for was there; as many rows as asked for means that there are no others.
    fn find_stray(&self, connection: &Connection) -> Result<Option<(&'static str, u64)>, RowError> {
        let counts = [
            (self.transactions, statements::COUNT_TRANSACTIONS),
            (self.references, statements::COUNT_REFERENCES),
            (self.links, statements::COUNT_LINKS),
            (self.metadata, statements::COUNT_METADATA),
        ];
        for ((expected, sql), &(table, stray)) in counts.iter().zip(statements::FIND_STRAY) {
            let found: i64 = connection.query_row(sql, [], |row| row.get(0))?;
            if found != sql_int(*expected) {
                let sequence: i64 = connection.query_row(stray, [], |row| row.get(0))?;
                return Ok(Some((table, u64::try_from(sequence).unwrap_or(0))));
            }
        }
        Ok(None)
    }
}

fn check_metadata(connection: &Connection, sequence: i64, digest: &Digest) -> Result<(), RowError> {
    let mut statement = connection.prepare_cached(statements::GET_METADATA)?;
    let mut rows = statement.query(params![sequence])?;
    let Some(row) = rows.next()? else {
        return Err(RowError::Column("sequence of ledger_metadata"));
    };
    // Erased metadata is gone for good, and nothing can be said of it but that.
    match Columns::new(row).opt_text("body")? {
        Some(body) if Digest::of(body.as_bytes()) != *digest => {
            Err(RowError::Column("body of ledger_metadata"))
        }
        _ => Ok(()),
    }
}
