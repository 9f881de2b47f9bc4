//! Journals as SQLite files: opening, locking, and finding rows.
//!
//! Promises: WAL with `synchronous=FULL`, so that a committed batch survives the loss of power; one
//! process writes a file, held by a lock file beside it; reads run on connections of their own and
//! see what was committed before they began. The schema's version is in `user_version`, written in
//! the transaction that makes the book: a file without it is no book yet. Replay is in `replay`,
//! appending in `append`.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use kit::time::{Timestamp, Zone};
use ledger_core::{
    AccountIndex, AccountOpened, BatchHeader, CommodityIndex, Entry, EntryBody, TransactionId,
};
use money::Commodity;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Params, Row, params};

use super::rows::{self, Columns, RowError, sql_int};
use super::{append, replay, statements};
use crate::{Batch, BookRecord, Damage, JournalError, Journals, LedgerStore, Visit};

/// The version of `migrations/sqlite/V1__journal.sql`.
const SCHEMA_VERSION: i64 = 1;

/// Marks the file as a Florin journal for whoever looks with `file`: "FLOR" in ASCII.
const APPLICATION_ID: i64 = 0x464c_4f52;

/// Prepared statements a connection keeps: all there are, with room.
const STATEMENTS_CACHED: usize = 64;

/// Read connections kept open per book: as many as may read at once, see `engine::readers`.
const READERS_KEPT: usize = 4;

/// Ending of a journal's file name.
const ENDING: &str = ".db";

/// A folder of journals.
pub(crate) struct Folder {
    path: PathBuf,
}

impl Folder {
    pub(crate) fn new(path: &Path) -> Self {
        Self {
            path: path.to_path_buf(),
        }
    }
}

fn file_of(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}{ENDING}"))
}

impl Journals for Folder {
    fn list(&self) -> Result<Vec<String>, JournalError> {
        let mut names = Vec::new();
        if !self.path.exists() {
            return Ok(names);
        }
        for file in fs::read_dir(&self.path).map_err(unavailable)? {
            let file = file.map_err(unavailable)?;
            let Ok(file_name) = file.file_name().into_string() else {
                continue;
            };
            let Some(name) = file_name.strip_suffix(ENDING) else {
                continue;
            };
            if schema_version(&connect(&file.path(), false)?).map_err(failed)? > 0 {
                names.push(name.to_owned());
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn create(&self, record: &BookRecord, first: &Batch) -> Result<(), JournalError> {
        fs::create_dir_all(&self.path).map_err(unavailable)?;
        let _lock = lock(&self.path, &record.name)?;
        let mut connection = connect(&file_of(&self.path, &record.name), true)?;
        append::append(&mut connection, first, |connection| {
            connection.execute_batch(statements::SCHEMA)?;
            connection.pragma_update(None, "user_version", SCHEMA_VERSION)?;
            connection.pragma_update(None, "application_id", APPLICATION_ID)?;
            let zone = record.zone.name();
            let created_at = record.created_at.micros();
            connection.execute(statements::PUT_BOOK, params![record.name, zone, created_at])?;
            Ok(())
        })
        .map_err(failed)?;
        // The new file's name must survive the loss of power as its content does.
        File::open(&self.path)
            .and_then(|folder| folder.sync_all())
            .map_err(unavailable)
    }

    fn open(&self, name: &str) -> Result<Arc<dyn LedgerStore>, JournalError> {
        let lock = lock(&self.path, name)?;
        let mut journal = Journal::open_to_read(&self.path, name)?;
        journal.writer = Some(Mutex::new(connect(&journal.file, true)?));
        journal.lock = Some(lock);
        Ok(Arc::new(journal))
    }
}

/// Takes the lock file of a book; it is given back when the handle is dropped or the process ends.
fn lock(folder: &Path, name: &str) -> Result<File, JournalError> {
    let path = folder.join(format!("{name}.lock"));
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(unavailable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(JournalError::Unavailable(
            "another process writes this book".to_owned(),
        )),
        Err(TryLockError::Error(error)) => Err(unavailable(error)),
    }
}

fn connect(file: &Path, write: bool) -> Result<Connection, JournalError> {
    let access = if write {
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE
    } else {
        OpenFlags::SQLITE_OPEN_READ_ONLY
    };
    let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags).map_err(failed)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
    if write {
        connection
            .pragma_update(None, "journal_mode", "wal")
            .map_err(failed)?;
        connection
            .pragma_update(None, "synchronous", "full")
            .map_err(failed)?;
    }
    Ok(connection)
}

fn schema_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

fn unavailable(error: std::io::Error) -> JournalError {
    JournalError::Unavailable(error.to_string())
}

pub(super) fn failed(error: rusqlite::Error) -> JournalError {
    JournalError::Unavailable(error.to_string())
}

/// The journal of one book.
pub(crate) struct Journal {
    file: PathBuf,
    record: BookRecord,
    writer: Option<Mutex<Connection>>,
    readers: Mutex<Vec<Connection>>,
    lock: Option<File>,
}

impl Journal {
    pub(crate) fn open_to_read(folder: &Path, name: &str) -> Result<Self, JournalError> {
        let file = file_of(folder, name);
        let connection = connect(&file, false)?;
        let version = schema_version(&connection).map_err(failed)?;
        if version != SCHEMA_VERSION {
            return Err(JournalError::Unavailable(format!(
                "schema version must be {SCHEMA_VERSION}, is {version}"
            )));
        }
        let record = load_record(&connection, name)?;
        let readers = Mutex::new(vec![connection]);
        Ok(Self {
            file,
            record,
            writer: None,
            readers,
            lock: None,
        })
    }

    /// Runs `read` on a connection of its own.
    fn read<T>(&self, read: impl FnOnce(&Connection) -> Found<T>) -> Result<T, JournalError> {
        let kept = self
            .readers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        let connection = match kept {
            Some(connection) => connection,
            None => connect(&self.file, false)?,
        };
        let found = read(&connection);
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if readers.len() < READERS_KEPT {
            readers.push(connection);
        }
        found.map_err(|error| match error {
            RowError::Sqlite(error) => failed(error),
            RowError::Column(column) => Damage {
                batch: 0,
                what: format!("column {column} must hold what was written"),
            }
            .into(),
        })
    }

    fn list(&self, sql: &str, params: impl Params) -> Result<Vec<u64>, JournalError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(sql)?;
            let mut rows = statement.query(params)?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                found.push(Columns::new(row).int("sequence")?);
            }
            Ok(found)
        })
    }

    fn rows_from(&self, sequence: u64, limit: u32) -> Result<Vec<Entry>, JournalError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(statements::ROWS_FROM)?;
            let mut rows = statement.query(params![sql_int(sequence), limit])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                let mut columns = Columns::new(row);
                let sequence = columns.int("sequence")?;
                let body = EntryBody::Movement(rows::movement(&mut columns)?);
                found.push(Entry { sequence, body });
            }
            Ok(found)
        })
    }
}

type Found<T> = Result<T, RowError>;

/// What one row holds, `None` without a row.
fn one<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    take: impl FnOnce(&Row<'_>) -> Found<T>,
) -> Found<Option<T>> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    rows.next()?.map(take).transpose()
}

fn load_record(connection: &Connection, name: &str) -> Result<BookRecord, JournalError> {
    let damaged = |what: &str| Damage {
        batch: 1,
        what: what.to_owned(),
    };
    let row: Option<(String, String, i64)> = connection
        .query_row(statements::GET_BOOK, [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()
        .map_err(|error| damaged(&format!("the book's record must be readable: {error}")))?;
    let (own_name, zone, created_at) =
        row.ok_or_else(|| damaged("the book's record must be there"))?;
    if own_name != name {
        return Err(damaged("the book must have the name of its file").into());
    }
    let zone = Zone::parse(&zone).map_err(|_| damaged("the book's zone must be known"))?;
    let created_at = Timestamp::checked_from_micros(created_at)
        .ok_or_else(|| damaged("the book must have been created at some time"))?;
    Ok(BookRecord {
        name: own_name,
        zone,
        created_at,
    })
}

impl LedgerStore for Journal {
    fn record(&self) -> &BookRecord {
        &self.record
    }

    fn append(&self, batch: &Batch) -> Result<(), JournalError> {
        let writer = self.writer.as_ref().ok_or_else(|| {
            JournalError::Unavailable("the journal was opened for reading".to_owned())
        })?;
        let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
        append::append(&mut writer, batch, |_| Ok(())).map_err(failed)
    }

    fn replay(&self, thorough: bool, visit: &mut Visit<'_>) -> Result<(), JournalError> {
        let connection = connect(&self.file, false)?;
        replay::replay(&connection, &self.record, thorough, visit)
    }

    fn find_transaction(&self, id: TransactionId) -> Result<Option<u64>, JournalError> {
        let id = id.bits().to_be_bytes();
        self.read(|connection| {
            one(
                connection,
                statements::GET_TRANSACTION,
                params![id],
                |row| Columns::new(row).int("first_sequence"),
            )
        })
    }

    fn newest_id(&self) -> Result<u128, JournalError> {
        self.read(|connection| {
            let newest: Option<[u8; 16]> =
                connection.query_row(statements::GET_NEWEST_ID, [], |row| row.get(0))?;
            Ok(newest.map_or(0, u128::from_be_bytes))
        })
    }

    fn find_row(&self, sequence: u64) -> Result<Option<Entry>, JournalError> {
        let row = self.rows_from(sequence, 1)?.pop();
        Ok(row.filter(|row| row.sequence == sequence))
    }

    fn load_rows(&self, first_sequence: u64) -> Result<Vec<Entry>, JournalError> {
        let missing = || Damage {
            batch: first_sequence,
            what: format!("sequence {first_sequence} must begin a transaction"),
        };
        let first = self.find_row(first_sequence)?.ok_or_else(missing)?;
        let EntryBody::Movement(movement) = &first.body else {
            return Err(missing().into());
        };
        let head = movement.head.as_deref().ok_or_else(missing)?;
        if head.rows == 1 {
            return Ok(vec![first]);
        }
        self.rows_from(first_sequence, head.rows.into())
    }

    fn list_links(
        &self,
        parent: TransactionId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<u64>, JournalError> {
        let parent = parent.bits().to_be_bytes();
        self.list(
            statements::LIST_LINKS,
            params![parent, sql_int(after), limit],
        )
    }

    fn list_references(
        &self,
        reference: &str,
        after: u64,
        limit: u32,
    ) -> Result<Vec<u64>, JournalError> {
        self.list(
            statements::LIST_REFERENCES,
            params![reference, sql_int(after), limit],
        )
    }

    fn list_rows(&self, from: u64, limit: u32) -> Result<Vec<Entry>, JournalError> {
        self.rows_from(from, limit)
    }

    fn load_first_row(&self, sequence: u64) -> Result<Entry, JournalError> {
        let found = self.read(|connection| {
            one(
                connection,
                statements::GET_FIRST_ROW,
                params![sql_int(sequence)],
                |row| {
                    let mut columns = Columns::new(row);
                    let sequence = columns.int("sequence")?;
                    let body = EntryBody::Movement(rows::movement(&mut columns)?);
                    Ok(Entry { sequence, body })
                },
            )
        })?;
        let missing = || Damage {
            batch: sequence,
            what: format!("sequence {sequence} must belong to a transaction"),
        };
        Ok(found.ok_or_else(missing)?)
    }

    fn load_head(&self) -> Result<BatchHeader, JournalError> {
        let found = self.read(|connection| {
            one(connection, statements::GET_HEAD, [], |row| {
                Ok(rows::header(&mut Columns::new(row))?.0)
            })
        })?;
        let missing = || Damage {
            batch: 1,
            what: "a journal must have a batch".to_owned(),
        };
        Ok(found.ok_or_else(missing)?)
    }

    fn list_parents(
        &self,
        after: Option<TransactionId>,
        limit: u32,
    ) -> Result<Vec<TransactionId>, JournalError> {
        let after = after.map_or(0, TransactionId::bits).to_be_bytes();
        self.read(|connection| {
            let mut statement = connection.prepare_cached(statements::LIST_PARENTS)?;
            let mut rows = statement.query(params![after, limit])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                found.push(Columns::new(row).id("parent")?);
            }
            Ok(found)
        })
    }

    fn load_booked_at(&self, sequence: u64) -> Result<Timestamp, JournalError> {
        let found = self.read(|connection| {
            one(
                connection,
                statements::GET_BOOKED_AT,
                params![sql_int(sequence)],
                |row| {
                    let mut columns = Columns::new(row);
                    Ok((
                        columns.int::<u64>("last_sequence")?,
                        columns.timestamp("booked_at")?,
                    ))
                },
            )
        })?;
        let found = found.filter(|(last_sequence, _)| sequence <= *last_sequence);
        let missing = || Damage {
            batch: sequence,
            what: format!("sequence {sequence} must be in a batch"),
        };
        Ok(found.ok_or_else(missing)?.1)
    }

    fn find_metadata(&self, sequence: u64) -> Result<Option<String>, JournalError> {
        let found = self.read(|connection| {
            one(
                connection,
                statements::GET_METADATA,
                params![sql_int(sequence)],
                |row| Ok(Columns::new(row).opt_text("body")?.map(str::to_owned)),
            )
        })?;
        Ok(found.flatten())
    }

    fn load_account(&self, index: AccountIndex) -> Result<AccountOpened, JournalError> {
        let found = self.read(|connection| {
            one(
                connection,
                statements::GET_ACCOUNT,
                params![index.0],
                |row| rows::account(&mut Columns::new(row)),
            )
        })?;
        found.ok_or_else(|| {
            Damage {
                batch: 0,
                what: format!("account number {} must be there", index.0),
            }
            .into()
        })
    }

    fn load_commodity(&self, index: CommodityIndex) -> Result<Commodity, JournalError> {
        let found = self.read(|connection| {
            one(
                connection,
                statements::GET_COMMODITY,
                params![index.0],
                |row| Ok(rows::commodity(&mut Columns::new(row))?.commodity),
            )
        })?;
        found.ok_or_else(|| {
            Damage {
                batch: 0,
                what: format!("commodity number {} must be there", index.0),
            }
            .into()
        })
    }
}
