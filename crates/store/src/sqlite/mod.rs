//! SQLite: one file for all services, one writer thread, a few readers.
//!
//! Promises: a write is acknowledged after the commit that holds it was flushed
//! (`synchronous=FULL`); writes of all services are put in one order; many closures share one
//! commit; a read sees all of a commit or nothing. The file belongs to one process.
//! Does not: replicate, or work on a network file system.

mod guard;
mod link;
mod readers;
mod writer;

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{ErrorCode, params_from_iter};

use crate::error::{Constraint, StoreError};
use crate::schema::{Dialect, Schema, own_history, owns};
use crate::service::Service;
use crate::tx::{Most, Tx};
use crate::value::{Row, Value};
use guard::Mode;
use link::{Access, Link, Looks};
use readers::Readers;
pub use writer::GROUP_CLOSURES_MAX;
use writer::Writer;

/// An open database file: all services of this process share it.
///
/// Cheap to clone. [`SqliteFile::close`] ends it in order; dropping the last clone does so too,
/// without waiting.
#[derive(Clone)]
pub struct SqliteFile {
    inner: Arc<Inner>,
}

struct Inner {
    writer: Writer,
    readers: Readers,
    /// Held until the file is closed; the operating system releases it when the process dies.
    lock: Mutex<Option<Arc<File>>>,
    services: Mutex<Vec<Arc<str>>>,
}

/// What the writer has done since the file was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SqliteCounts {
    /// Commits, each flushed once.
    pub commits: u64,
    /// Closures that ended in those commits.
    pub closures: u64,
}

impl SqliteFile {
    /// Opens the file, or makes it (readable by its owner only), and starts the writer thread.
    ///
    /// # Errors
    ///
    /// [`StoreError::FileInUse`] when another process, or this one, has it open;
    /// [`StoreError::Unavailable`] when the disk refuses.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let path = path.to_owned();
        crate::blocking(move || Self::open_blocking(&path)).await?
    }

    fn open_blocking(path: &Path) -> Result<Self, StoreError> {
        let lock = Arc::new(lock_file(path)?);
        create_private(path).map_err(|error| unavailable(&error))?;
        let link = Link::open(path, Access::Write)?;
        let mode: String = link
            .connection
            .pragma_query_value(None, "journal_mode", |row| row.get(0))
            .map_err(|error| failure("journal_mode", &error))?;
        if mode != "wal" {
            return Err(StoreError::Unsuitable {
                reason: "write-ahead log refused".into(),
            });
        }
        let readers = Readers::open(path)?;
        let writer = Writer::start(link, lock.clone()).map_err(|error| unavailable(&error))?;
        let (lock, services) = (Mutex::new(Some(lock)), Mutex::default());
        Ok(Self {
            inner: Arc::new(Inner {
                writer,
                readers,
                lock,
                services,
            }),
        })
    }

    /// Ends it: writes that wait are finished, the log is folded into the file, the file is
    /// closed and unlocked. Afterwards every store on it answers [`StoreError::Closed`].
    pub async fn close(&self) {
        // Readers first: the log is folded into the file when its last connection closes.
        self.inner.readers.close().await;
        self.inner.writer.stop().await;
        self.inner
            .lock
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
    }

    /// What the writer has done so far.
    pub fn counts(&self) -> SqliteCounts {
        self.inner.writer.counts()
    }

    /// Applies the service's migrations and checks its statements.
    pub(crate) async fn register(
        &self,
        schema: &Schema,
        service: &Arc<Service>,
    ) -> Result<(), StoreError> {
        let prefix = service.prefix.clone();
        {
            let mut services = self
                .inner
                .services
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let clash = |other: &&Arc<str>| {
                **other != prefix && (owns(other, &prefix) || owns(&prefix, other))
            };
            if let Some(other) = services.iter().find(clash) {
                let (service, other) = (prefix.to_string(), other.to_string());
                return Err(StoreError::ServiceNamesMustDiffer { service, other });
            }
            if !services.contains(&prefix) {
                services.push(prefix);
            }
        }
        let (schema, service) = (*schema, service.clone());
        self.inner
            .writer
            .exclusive(move |link| set_up(link, &schema, &service))
            .await?
    }

    /// A write: see [`crate::Store::write`].
    pub(crate) async fn write<T, E, F>(&self, service: &Arc<Service>, closure: F) -> Result<T, E>
    where
        F: Fn(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.inner.writer.write(service.clone(), closure).await
    }

    /// A read: see [`crate::Store::read`].
    pub(crate) async fn read<T, E, F>(&self, service: &Arc<Service>, closure: F) -> Result<T, E>
    where
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.inner.readers.read(service.clone(), closure).await
    }

    /// Whether the writer still accepts writes.
    pub(crate) fn check_writer(&self) -> Result<(), StoreError> {
        self.inner.writer.check()
    }
}

/// Runs the migrations, then prepares every statement of the service as the service.
fn set_up(link: &mut Link, schema: &Schema, service: &Service) -> Result<(), StoreError> {
    link.guard.set(Mode::Migration(service.prefix.clone()));
    let migrated = migrate(link, schema);
    link.guard.set(Mode::Store);
    migrated?;
    refuse_deferred_constraints(link, service)?;
    link.run(service, |_| {
        for statement in schema.statements {
            let text = service.text(statement)?;
            crate::statement::to_postgres(statement.name, statement.sql)?;
            link.connection
                .prepare(&text)
                .map_err(|error| failure(statement.name, &error))?;
        }
        Ok(())
    })?
}

fn migrate(link: &mut Link, schema: &Schema) -> Result<(), StoreError> {
    for (history, migrations) in schema.migration_sets(Dialect::Sqlite)? {
        let mut runner = refinery::Runner::new(&migrations);
        runner.set_migration_table_name(&history);
        // Grouped: a migration and its entry in the history are one transaction.
        runner
            .set_grouped(true)
            .run(&mut link.connection)
            .map_err(|error| crate::migration_failure(&history, &error))?;
    }
    Ok(())
}

/// A deferred constraint would be checked at the commit, and fail the whole group with it.
fn refuse_deferred_constraints(link: &Link, service: &Service) -> Result<(), StoreError> {
    let sql = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND sql LIKE \
               '%deferred%' AND (name = ?1 OR substr(name, 1, length(?1) + 1) = ?1 || '_')";
    let deferred: i64 = link
        .connection
        .query_row(sql, [&*service.prefix], |row| row.get(0))
        .map_err(|error| failure("sqlite_schema", &error))?;
    if deferred == 0 {
        return Ok(());
    }
    Err(StoreError::MigrationFailed {
        migration: own_history(&service.prefix),
        reason: "constraints must not be deferred".into(),
    })
}

/// Statements of one closure on one connection.
pub(crate) struct Session<'a> {
    connection: &'a rusqlite::Connection,
    looks: &'a Looks,
}

impl Session<'_> {
    pub(crate) fn execute<R: AsRef<[Value]>>(
        &mut self,
        name: &'static str,
        text: &str,
        rows: &[R],
    ) -> Result<u64, StoreError> {
        let refused = |error: rusqlite::Error| failure(name, &error);
        let mut statement = self.connection.prepare_cached(text).map_err(refused)?;
        let mut changed = 0;
        for values in rows {
            self.looks.limit();
            let values = params_from_iter(values.as_ref());
            changed += statement.execute(values).map_err(refused)? as u64;
        }
        Ok(changed)
    }

    pub(crate) fn query(
        &mut self,
        name: &'static str,
        text: &str,
        values: &[Value],
        most: Most,
    ) -> Result<Vec<Row>, StoreError> {
        self.looks.limit();
        let refused = |error: rusqlite::Error| failure(name, &error);
        let mut statement = self.connection.prepare_cached(text).map_err(refused)?;
        let columns = statement.column_count();
        let mut found = statement.query(params_from_iter(values)).map_err(refused)?;
        let (mut rows, mut bytes) = (Vec::new(), 0);
        while let Some(row) = found.next().map_err(refused)? {
            if rows.len() == most.rows {
                return Err(StoreError::TooManyRows {
                    statement: name.into(),
                });
            }
            let cells = (0..columns)
                .map(|column| cell(name, column, row.get_ref(column).map_err(refused)?))
                .collect::<Result<_, _>>()?;
            let row = Row {
                statement: name,
                cells,
            };
            bytes += row.bytes_held();
            rows.push(row);
            if bytes >= most.bytes {
                break;
            }
        }
        Ok(rows)
    }
}

fn cell(statement: &str, column: usize, value: ValueRef<'_>) -> Result<Value, StoreError> {
    let misfit = |expected| StoreError::ColumnMustFit {
        statement: statement.into(),
        column,
        expected,
    };
    Ok(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(value) => Value::Int(value),
        ValueRef::Text(text) => {
            let text = std::str::from_utf8(text).map_err(|_| misfit("text in UTF-8"))?;
            Value::Text(text.into())
        }
        ValueRef::Blob(bytes) => Value::Bytes(bytes.into()),
        ValueRef::Real(_) => return Err(misfit("no floating point")),
    })
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let borrowed = |value| Ok(ToSqlOutput::Borrowed(value));
        match self {
            Self::Null => borrowed(ValueRef::Null),
            Self::Int(value) => borrowed(ValueRef::Integer(*value)),
            Self::Bool(value) => borrowed(ValueRef::Integer((*value).into())),
            Self::Text(text) => borrowed(ValueRef::Text(text.as_bytes())),
            Self::Bytes(bytes) => borrowed(ValueRef::Blob(bytes)),
            Self::Uuid(uuid) => borrowed(ValueRef::Blob(uuid.as_bytes())),
            Self::Decimal(decimal) => Ok(ToSqlOutput::from(decimal.to_string())),
            Self::Wide(value) => Ok(ToSqlOutput::from(value.to_string())),
        }
    }
}

/// What an error of SQLite means to a caller.
fn failure(statement: &str, error: &rusqlite::Error) -> StoreError {
    let rusqlite::Error::SqliteFailure(code, message) = error else {
        return StoreError::StatementFailed {
            statement: statement.into(),
            reason: error.to_string(),
        };
    };
    let statement = statement.to_owned();
    match code.code {
        ErrorCode::AuthorizationForStatementDenied | ErrorCode::ReadOnly => {
            StoreError::StatementNotAllowed { statement }
        }
        ErrorCode::OperationInterrupted => StoreError::StatementTooSlow { statement },
        ErrorCode::ConstraintViolation => StoreError::ConstraintViolated {
            statement,
            kind: constraint_kind(code.extended_code),
            constraint: message
                .as_deref()
                .and_then(|text| text.split_once("failed: "))
                .map_or_else(String::new, |(_, constraint)| constraint.into()),
        },
        ErrorCode::DiskFull
        | ErrorCode::SystemIoFailure
        | ErrorCode::DatabaseBusy
        | ErrorCode::DatabaseLocked
        | ErrorCode::CannotOpen
        | ErrorCode::OutOfMemory
        | ErrorCode::PermissionDenied => unavailable(error),
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => StoreError::Damaged {
            reason: error.to_string(),
        },
        _ => StoreError::StatementFailed {
            statement,
            reason: error.to_string(),
        },
    }
}

fn constraint_kind(extended_code: i32) -> Constraint {
    match extended_code {
        rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE
        | rusqlite::ffi::SQLITE_CONSTRAINT_PRIMARYKEY
        | rusqlite::ffi::SQLITE_CONSTRAINT_ROWID => Constraint::Unique,
        rusqlite::ffi::SQLITE_CONSTRAINT_FOREIGNKEY => Constraint::ForeignKey,
        rusqlite::ffi::SQLITE_CONSTRAINT_NOTNULL => Constraint::NotNull,
        _ => Constraint::Check,
    }
}

fn unavailable(error: &dyn std::error::Error) -> StoreError {
    StoreError::Unavailable {
        reason: error.to_string(),
    }
}

/// Locks a file next to the database. Not the database itself: closing a second handle on it
/// would drop the locks SQLite holds (POSIX advisory locks belong to the process).
fn lock_file(path: &Path) -> Result<File, StoreError> {
    let mut lock_path = path.as_os_str().to_owned();
    lock_path.push(".lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(PathBuf::from(lock_path))
        .map_err(|error| unavailable(&error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::FileInUse {
            path: path.display().to_string(),
        }),
        Err(TryLockError::Error(error)) => Err(unavailable(&error)),
    }
}

/// Makes the file when it is missing, for its owner only, and makes its name durable.
fn create_private(path: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(file) => file.sync_all()?,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => return Ok(()),
        Err(error) => return Err(error),
    }
    match path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
    {
        Some(parent) => File::open(parent)?.sync_all(),
        None => File::open(".")?.sync_all(),
    }
}
